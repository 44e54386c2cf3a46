package io.sambay4j.sampling;

/** Checks and search over one row of logits [vocabulary], f32. */
final class Logits {
  private Logits() {}

  /**
   * The id of the highest logit, the lowest id among equals.
   *
   * @param source who made the logits, the subject of the error
   * @throws IllegalStateException if a logit is NaN or positive infinity, or all are negative
   *     infinity
   */
  static int argMax(float[] logits, String source) {
    int best = 0;
    for (int id = 0; id < logits.length; id++) {
      float logit = logits[id];
      if (!(logit <= Float.MAX_VALUE)) {
        throw new IllegalStateException(
            source
                + " produced the non-finite logit "
                + logit
                + " at id "
                + id
                + "; logits must be finite, or negative infinity for a token that must not be chosen");
      }
      if (logit > logits[best]) {
        best = id;
      }
    }
    if (logits[best] == Float.NEGATIVE_INFINITY) {
      throw new IllegalStateException(
          source
              + " produced negative infinity for each of the "
              + logits.length
              + " logits, so no token can be chosen; at least one must be finite");
    }
    return best;
  }
}
