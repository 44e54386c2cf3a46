package io.sambay4j.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * How often each token is drawn, against probabilities worked out by hand from the definitions.
 *
 * <p>The logits are logarithms of these probabilities, so a temperature t gives p^(1/t),
 * normalised:
 *
 * <pre>id   0     1     2     3     4     5
 * p    0.05  0.40  0.10  0.25  0.05  0.15</pre>
 */
class SamplerDistributionTest {
  private static final double[] P = {0.05, 0.40, 0.10, 0.25, 0.05, 0.15};
  private static final int DRAWS = 13_000;

  private static SamplingParameters.Builder parameters() {
    return SamplingParameters.builder();
  }

  static Stream<Arguments> cases() {
    return Stream.of(
        Arguments.of("all", parameters(), P),
        Arguments.of("hot", parameters().temperature(2), power(P, 1 / 2.0)),
        Arguments.of("cold", parameters().temperature(0.5), power(P, 2)),
        Arguments.of("top-k", parameters().topK(3), only(P, 1, 3, 5)),
        Arguments.of("top-k among equals", parameters().topK(5), only(P, 0, 1, 2, 3, 5)),
        Arguments.of("top-k of all", parameters().topK(6), P),
        Arguments.of("top-k of more", parameters().topK(7), P),
        Arguments.of("top-p inside a token", parameters().topP(0.7), only(P, 1, 3, 5)),
        Arguments.of("top-p of one", parameters().topP(0.39), only(P, 1)),
        Arguments.of("top-p among equals", parameters().topP(0.93), only(P, 0, 1, 2, 3, 5)),
        Arguments.of("top-p tiny", parameters().topP(1e-300), only(P, 1)),
        Arguments.of("top-p zero", parameters().topP(0), only(P, 1)),
        Arguments.of("min-p", parameters().minP(0.3), only(P, 1, 3, 5)),
        Arguments.of("min-p one", parameters().minP(1), only(P, 1)),
        // 0.16 : 0.0625 : 0.0225 after squaring; 0.7 of the whole 0.26 needs two tokens.
        Arguments.of(
            "temperature, top-p", parameters().temperature(0.5).topP(0.7), only(power(P, 2), 1, 3)),
        // Of the 0.8 that top-k leaves, 0.8 is 0.64: two tokens; of the whole 1 it would be three.
        Arguments.of("top-k, top-p", parameters().topK(3).topP(0.8), only(P, 1, 3)),
        Arguments.of("top-p, min-p", parameters().topP(0.85).minP(0.5), only(P, 1, 3)),
        // The share of top-p is of all tokens, so min-p must come after it: else 0.45 / 0.65 would
        // suffice.
        Arguments.of("top-p before min-p", parameters().topP(0.6).minP(0.5), only(P, 1, 3)),
        Arguments.of(
            "all four",
            parameters().temperature(2).topK(5).topP(0.9).minP(0.4),
            only(power(P, 1 / 2.0), 1, 2, 3, 5)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void drawsWithTheExactProbabilities(
      String name, SamplingParameters.Builder builder, double[] expected) {
    int[] counts = draw(builder.seed(name.hashCode()).build());
    for (int id = 0; id < expected.length; id++) {
      if (expected[id] == 0) {
        assertEquals(0, counts[id], "token " + id + " should never be drawn");
      }
    }
    assertTrue(
        chiSquare(counts, expected) < limit(expected),
        () -> name + ": chi-square " + chiSquare(counts, expected));
  }

  @Test
  void theTestWouldNoticeOneAndAHalfPercentMoved() {
    int[] counts = draw(parameters().seed(1).build());
    double[] wrong = P.clone();
    wrong[1] -= 0.015;
    wrong[2] += 0.015;
    assertTrue(chiSquare(counts, wrong) > limit(wrong));
  }

  @Test
  void forksOfOneSequenceAreIndependentDraws() {
    Sampler trunk = new Sampler(parameters().seed(0).build(), P.length, new int[0]);
    int[] counts = new int[P.length];
    for (int fork = 0; fork < DRAWS; fork++) { // neighbouring seeds, as callers choose them
      counts[trunk.fork(fork).next(logits()).token()]++;
    }
    assertTrue(chiSquare(counts, P) < limit(P));
  }

  private static int[] draw(SamplingParameters parameters) {
    Sampler sampler = new Sampler(parameters, P.length, new int[0]);
    float[] logits = logits();
    int[] counts = new int[P.length];
    for (int i = 0; i < DRAWS; i++) {
      counts[sampler.next(logits).token()]++;
    }
    return counts;
  }

  private static float[] logits() {
    float[] logits = new float[P.length];
    for (int id = 0; id < P.length; id++) {
      logits[id] = (float) Math.log(P[id]);
    }
    return logits;
  }

  /** Pearson's statistic over the tokens that can be drawn. */
  private static double chiSquare(int[] counts, double[] probabilities) {
    double sum = 0;
    for (int id = 0; id < counts.length; id++) {
      double expected = DRAWS * probabilities[id];
      if (expected > 0) {
        sum += (counts[id] - expected) * (counts[id] - expected) / expected;
      }
    }
    return sum;
  }

  /**
   * Mean plus four standard deviations of the statistic. The seeds are fixed, so a pass stays a
   * pass.
   */
  private static double limit(double[] probabilities) {
    double freedom = Arrays.stream(probabilities).filter(p -> p > 0).count() - 1;
    return freedom + 4 * Math.sqrt(2 * freedom) + 1e-9;
  }

  private static double[] power(double[] p, double exponent) {
    double[] result = new double[p.length];
    for (int id = 0; id < p.length; id++) {
      result[id] = Math.pow(p[id], exponent);
    }
    return normalised(result);
  }

  private static double[] only(double[] p, int... ids) {
    double[] result = new double[p.length];
    for (int id : ids) {
      result[id] = p[id];
    }
    return normalised(result);
  }

  private static double[] normalised(double[] p) {
    double sum = 0;
    for (double value : p) {
      sum += value;
    }
    double[] result = p.clone();
    for (int id = 0; id < p.length; id++) {
      result[id] /= sum;
    }
    return result;
  }
}
