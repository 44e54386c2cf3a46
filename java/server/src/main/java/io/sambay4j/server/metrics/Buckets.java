package io.sambay4j.server.metrics;

import java.time.Duration;
import java.util.Arrays;

/** Upper bounds of the histograms. They are fixed, so that figures of several servers add up. */
final class Buckets {
  /** From the request to its first token. */
  static final Duration[] FIRST_TOKEN =
      seconds(
          0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20,
          40, 80, 160, 640, 2560);

  /** From one token to the next. */
  static final Duration[] TOKEN =
      seconds(
          0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
          0.75, 1, 2.5, 5, 10);

  /** Of a request, or a phase of it. */
  static final Duration[] REQUEST =
      seconds(
          0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120,
          240, 480, 960, 1920, 7680);

  /** Tokens of a prompt or an answer. */
  static final double[] TOKENS = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000
  };

  private Buckets() {}

  private static Duration[] seconds(double... bounds) {
    return Arrays.stream(bounds)
        .mapToObj(bound -> Duration.ofNanos(Math.round(bound * 1e9)))
        .toArray(Duration[]::new);
  }
}
