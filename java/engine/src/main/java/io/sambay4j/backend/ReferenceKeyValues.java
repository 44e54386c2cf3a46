package io.sambay4j.backend;

import org.jspecify.annotations.Nullable;

/** Keys and values as a query sees them: the chunk's own where given, the cache's before. */
record ReferenceKeyValues(
    Batch batch,
    @Nullable ReferenceMatrix k,
    @Nullable ReferenceMatrix v,
    @Nullable KeyValueView kv,
    @Nullable ReferenceMatrix keys,
    @Nullable ReferenceMatrix values) {

  /** softmax over j of scale * q . k[j], for the keys that row r of sequence s sees. */
  double[] probabilities(
      AttentionShape shape, int s, int r, ReferenceMatrix q, int row, int qColumn, int kColumn) {
    int t = batch.position()[s] + r;
    int oldest = oldest(shape, t);
    double[] p = new double[t - oldest + 1];
    double max = Double.NEGATIVE_INFINITY;
    for (int j = oldest; j <= t; j++) {
      double score = 0;
      for (int i = 0; i < shape.headDim(); i++) {
        score += (double) q.get(row, qColumn + i) * element(k, keys, s, j, kColumn + i);
      }
      p[j - oldest] = shape.scale() * score;
      max = Math.max(max, p[j - oldest]);
    }
    double sum = 0;
    for (int j = 0; j < p.length; j++) {
      p[j] = Math.exp(p[j] - max);
      sum += p[j];
    }
    for (int j = 0; j < p.length; j++) {
      p[j] /= sum;
    }
    return p;
  }

  /** sum_j p[j] v[j, column .. column + width - 1]. */
  double[] weightedValues(AttentionShape shape, int s, int r, double[] p, int column, int width) {
    int oldest = oldest(shape, batch.position()[s] + r);
    double[] out = new double[width];
    for (int j = 0; j < p.length; j++) {
      for (int i = 0; i < width; i++) {
        out[i] += p[j] * element(v, values, s, oldest + j, column + i);
      }
    }
    return out;
  }

  /** The first key that position t sees: j <= t and (window == 0 or j > t - window). */
  private static int oldest(AttentionShape shape, int t) {
    return shape.window() == 0 ? 0 : Math.max(0, t - shape.window() + 1);
  }

  private float element(
      @Nullable ReferenceMatrix own, @Nullable ReferenceMatrix cached, int s, int j, int column) {
    if (own != null && j >= batch.position()[s]) {
      return own.get(batch.sequenceStart()[s] + j - batch.position()[s], column);
    }
    if (kv == null || cached == null) {
      throw new AssertionError("checked: position " + j + " is in the cache");
    }
    return cached.get(kv.row(s, j), column);
  }
}
