package io.sambay4j.backend;

/**
 * How one token is chosen from each of n rows of logits, and which it was; see {@code
 * docs/sampling.md} from the temperature on. The arrays are not copied.
 *
 * @param temperature [n] in [0, 2]; 0: the largest logit, of equal ones the lowest id
 * @param topK [n]; 0: all
 * @param topP [n]; 1: all
 * @param minP [n]; 0: all
 * @param random [n]: u of the draw, unsigned
 * @param token [n], filled
 * @param logProbability [n], filled: log_softmax(logits)[token]; NaN, and any token, for a row that
 *     holds NaN or positive infinity, or nothing finite
 */
@SuppressWarnings("ArrayRecordComponent")
public record Draws(
    double[] temperature,
    int[] topK,
    double[] topP,
    double[] minP,
    long[] random,
    int[] token,
    double[] logProbability) {

  /** Draws for n rows; until set, each takes the largest logit. */
  public Draws(int n) {
    this(
        new double[n],
        new int[n],
        new double[n],
        new double[n],
        new long[n],
        new int[n],
        new double[n]);
    for (int i = 0; i < n; i++) {
      setGreedy(i);
    }
  }

  /** Rows. */
  public int size() {
    return token.length;
  }

  /** How the token of row i is chosen. */
  public void set(
      int i, double newTemperature, int newTopK, double newTopP, double newMinP, long u) {
    temperature[i] = newTemperature;
    topK[i] = newTopK;
    topP[i] = newTopP;
    minP[i] = newMinP;
    random[i] = u;
  }

  /** Row i takes its largest logit. */
  public void setGreedy(int i) {
    set(i, 0, 0, 1, 0, 0);
  }
}
