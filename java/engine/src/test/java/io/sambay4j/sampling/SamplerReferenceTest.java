package io.sambay4j.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * The sampler against {@link NaiveSampler}, over random logits and parameters. {@code
 * -Dsambay.fuzz.factor} makes the cases more.
 */
class SamplerReferenceTest {
  private static final int CASES = 1000 * Integer.getInteger("sambay.fuzz.factor", 1);
  private static final int TOKENS_PER_CASE = 6;

  @Test
  void choosesTheTokensOfTheNaiveSampler() {
    for (long seed = 0; seed < CASES; seed++) {
      Random random = new Random(seed);
      int vocabulary = 1 + random.nextInt(random.nextInt(10) == 0 ? 3000 : 60);
      SamplingParameters parameters = randomParameters(random, vocabulary);
      int[] prompt = random.ints(random.nextInt(10), 0, vocabulary).toArray();
      Sampler sampler = new Sampler(parameters, vocabulary, prompt);
      NaiveSampler naive = new NaiveSampler(parameters, prompt);
      for (int i = 0; i < TOKENS_PER_CASE; i++) {
        float[] logits = randomLogits(random, vocabulary);
        float[] before = logits.clone();
        assertEquals(
            naive.next(logits),
            sampler.next(logits).token(),
            "seed " + seed + ", token " + i + ", " + parameters);
        assertArrayEquals(before, logits, "the caller's logits changed, seed " + seed);
      }
    }
  }

  @Test
  void choosesTheTokensOfTheNaiveSamplerAtFullWidth() {
    SamplingParameters base = SamplingParameters.builder().temperature(0.9).seed(7).build();
    List<SamplingParameters> each =
        List.of(
            base.toBuilder().topK(1000).build(),
            base.toBuilder().topP(0.999).build(),
            base.toBuilder().temperature(1.7).topK(150_000).topP(0.97).minP(1e-4).build(),
            base.toBuilder().repetitionPenalty(1.2).frequencyPenalty(0.5).minP(0.01).build());
    Random random = new Random(0);
    for (SamplingParameters parameters : each) {
      Sampler sampler = new Sampler(parameters, 200_064, new int[] {1, 2, 3});
      NaiveSampler naive = new NaiveSampler(parameters, new int[] {1, 2, 3});
      float[] logits = new float[200_064];
      for (int id = 0; id < logits.length; id++) {
        logits[id] = (float) (3 * random.nextGaussian());
      }
      assertEquals(naive.next(logits), sampler.next(logits).token(), parameters.toString());
    }
  }

  @Test
  void filtersKeepTheTokensOfTheNaiveSampler() {
    for (long seed = 0; seed < CASES; seed++) {
      Random random = new Random(seed);
      int vocabulary = 1 + random.nextInt(80);
      SamplingParameters parameters =
          randomParameters(random, vocabulary).toBuilder()
              .temperature(0.01 + 1.99 * random.nextDouble())
              .build();
      float[] logits = randomLogits(random, vocabulary);
      TokenWeights weights = new TokenWeights();
      weights.set(logits, max(logits), parameters.temperature());
      if (parameters.topK() > 0) {
        weights.keepTopK(parameters.topK());
      }
      if (parameters.topP() < 1) {
        weights.keepTopP(parameters.topP());
      }
      weights.keepMinP(parameters.minP());
      Map<Integer, BigInteger> actual = new TreeMap<>();
      for (int id = 0; id < vocabulary; id++) {
        if (weights.weight(id) > 0) {
          actual.put(id, BigInteger.valueOf(weights.weight(id)));
        }
      }
      Map<Integer, BigInteger> expected = new NaiveSampler(parameters, new int[0]).kept(logits);
      assertEquals(new TreeMap<>(expected), actual, "seed " + seed + ", " + parameters);
    }
  }

  @Test
  void weightsAreTheSoftmaxToTwelveDigits() {
    for (long seed = 0; seed < 500; seed++) {
      Random random = new Random(seed);
      float[] logits = new float[1 + random.nextInt(1000)];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = (float) (8 * random.nextGaussian());
      }
      double temperature = 0.1 + 1.9 * random.nextDouble();
      double max = max(logits);
      double sum = 0;
      for (float logit : logits) {
        sum += Math.exp((logit - max) / temperature);
      }
      TokenWeights weights = new TokenWeights();
      weights.set(logits, max(logits), temperature);
      long total = 0;
      for (int id = 0; id < logits.length; id++) {
        total += weights.weight(id);
      }
      for (int id = 0; id < logits.length; id++) {
        double exact = Math.exp((logits[id] - max) / temperature) / sum;
        double error = Math.abs(weights.weight(id) / (double) total - exact);
        // Half a unit of its own and of each of the others, relative to a total of at least 2^42.
        assertTrue(error <= 0x1p-43 * (1 + logits.length * exact) + 1e-15, "seed " + seed);
      }
    }
  }

  private static SamplingParameters randomParameters(Random random, int vocabulary) {
    SamplingParameters.Builder builder = SamplingParameters.builder().seed(random.nextLong());
    builder.temperature(
        switch (random.nextInt(6)) {
          case 0 -> 0;
          case 1 -> 1;
          case 2 -> Double.MIN_VALUE;
          default -> 2 * random.nextDouble();
        });
    if (random.nextBoolean()) {
      builder.topK(random.nextInt(vocabulary + 3));
    }
    if (random.nextBoolean()) {
      builder.topP(random.nextInt(8) == 0 ? 0 : random.nextDouble());
    }
    if (random.nextInt(3) == 0) {
      builder.minP(random.nextInt(8) == 0 ? 1 : random.nextDouble());
    }
    if (random.nextInt(3) == 0) {
      builder.repetitionPenalty(0.01 + 9.99 * random.nextDouble());
    }
    if (random.nextInt(3) == 0) {
      builder.presencePenalty(4 * random.nextDouble() - 2);
      builder.frequencyPenalty(4 * random.nextDouble() - 2);
    }
    if (random.nextInt(3) == 0) {
      builder.logitBias(
          Map.of(
              random.nextInt(vocabulary),
              random.nextBoolean() ? 100.0 : 200 * random.nextDouble() - 100));
    }
    return builder.build();
  }

  /** Ordinary rows, and rows with many ties, masked tokens, signed zeros and extreme magnitudes. */
  private static float[] randomLogits(Random random, int vocabulary) {
    float[] logits = new float[vocabulary];
    int kind = random.nextInt(7);
    for (int i = 0; i < vocabulary; i++) {
      logits[i] =
          switch (kind) {
            case 0 -> random.nextInt(4);
            case 1 -> random.nextBoolean() ? 0f : -0f;
            case 2 -> (float) (1e4 * random.nextGaussian());
            case 3 -> (random.nextBoolean() ? 1 : -1) * (random.nextBoolean() ? 1e38f : 3.4e38f);
            case 4 ->
                random.nextInt(3) == 0
                    ? (float) (3 * random.nextGaussian())
                    : Float.NEGATIVE_INFINITY;
            case 5 -> 7.5f;
            default -> (float) (4 * random.nextGaussian());
          };
    }
    logits[random.nextInt(vocabulary)] = 1; // so that one is finite
    return logits;
  }

  private static float max(float[] logits) {
    float[] sorted = logits.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length - 1];
  }
}
