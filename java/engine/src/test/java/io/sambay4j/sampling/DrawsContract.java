package io.sambay4j.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Draws;
import io.sambay4j.backend.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A backend that samples chooses the tokens that the {@link Sampler} chooses, to the bit. */
abstract class DrawsContract {
  private final long seed = Long.getLong("sambay.seed", new Random().nextLong());
  private final Random random = new Random(seed);

  abstract Backend open();

  /** Rounds, and the widest vocabulary. */
  abstract int rounds();

  abstract int widest();

  @Test
  void theSamplersTokens() {
    try (Backend backend = open()) {
      for (int round = 0; round < rounds(); round++) {
        int n = 1 + random.nextInt(5);
        int vocabulary = 1 + random.nextInt(round % 4 == 0 ? 8 : widest());
        float[] logits = logits(n, vocabulary);
        Tensor tensor = backend.allocate(DType.F32, n, vocabulary);
        backend.upload(logits, 0, tensor);
        Draws draws = new Draws(n);
        int[] want = new int[n];
        double[] logProbability = new double[n];
        SamplingParameters[] parameters = new SamplingParameters[n];
        for (int i = 0; i < n; i++) {
          parameters[i] = parameters();
          Sampler sampler = new Sampler(parameters[i], vocabulary, new int[0]);
          assertTrue(sampler.needsOnlyLogits());
          SamplingParameters p = parameters[i];
          draws.set(i, p.temperature(), p.topK(), p.topP(), p.minP(), sampler.nextRandom());
          float[] row = new float[vocabulary];
          System.arraycopy(logits, i * vocabulary, row, 0, vocabulary);
          TokenChoice choice = sampler.next(row);
          want[i] = choice.token();
          logProbability[i] = choice.logProbability();
        }
        backend.sample(tensor, draws);
        for (int i = 0; i < n; i++) {
          String what =
              "round %d, row %d, %d tokens, %s, -Dsambay.seed=%d"
                  .formatted(round, i, vocabulary, parameters[i], seed);
          assertEquals(want[i], draws.token()[i], what);
          assertEquals(
              logProbability[i],
              draws.logProbability()[i],
              1e-12 * Math.max(1, -logProbability[i]),
              what);
        }
        tensor.storage().close();
      }
    }
  }

  @Test
  void whatHasNoMeaningIsSaidByTheLogProbability() {
    float[][] broken = {
      {1, Float.NaN, 2}, {1, Float.POSITIVE_INFINITY, 2}, minusInfinity(3), {0, 0, Float.NaN}
    };
    try (Backend backend = open()) {
      Tensor tensor = backend.allocate(DType.F32, 2, 3);
      for (float[] row : broken) {
        backend.upload(new float[] {3, 1, 2}, 0, tensor.rows(0, 1));
        backend.upload(row, 0, tensor.rows(1, 2));
        for (double temperature : new double[] {0, 1}) {
          Draws draws = new Draws(2);
          draws.set(1, temperature, 2, 0.9, 0, 5);
          backend.sample(tensor, draws);
          assertEquals(0, draws.token()[0], "the neighbour");
          assertTrue(draws.logProbability()[0] < 0);
          assertTrue(Double.isNaN(draws.logProbability()[1]), "row " + row[1]);
        }
      }
    }
  }

  private static float[] minusInfinity(int n) {
    float[] row = new float[n];
    java.util.Arrays.fill(row, Float.NEGATIVE_INFINITY);
    return row;
  }

  /** Smooth, full of equals, steep, or with excluded tokens. */
  private float[] logits(int rows, int vocabulary) {
    int kind = random.nextInt(4);
    float[] logits = new float[rows * vocabulary];
    for (int i = 0; i < logits.length; i++) {
      logits[i] =
          switch (kind) {
            case 0 -> (float) (3 * random.nextGaussian());
            case 1 -> random.nextInt(3);
            case 2 -> (float) (40 * random.nextGaussian());
            default ->
                i % vocabulary > 0 && random.nextInt(3) == 0
                    ? Float.NEGATIVE_INFINITY
                    : (float) random.nextGaussian();
          };
    }
    for (int i = 0; i < logits.length; i++) { // never a row of nothing
      logits[i] = kind == 3 && logits[i] == Float.NEGATIVE_INFINITY && i % 2 == 0 ? 0 : logits[i];
    }
    return logits;
  }

  private SamplingParameters parameters() {
    SamplingParameters.Builder builder = SamplingParameters.builder().seed(random.nextLong());
    builder.temperature(random.nextInt(5) == 0 ? 0 : 2 * random.nextDouble());
    if (random.nextBoolean()) {
      builder.topK(1 + random.nextInt(60));
    }
    if (random.nextBoolean()) {
      builder.topP(random.nextInt(8) == 0 ? 0 : random.nextDouble());
    }
    if (random.nextBoolean()) {
      builder.minP(0.3 * random.nextDouble());
    }
    return builder.build();
  }
}
