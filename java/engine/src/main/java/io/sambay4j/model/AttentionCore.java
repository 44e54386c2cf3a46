package io.sambay4j.model;

import io.sambay4j.backend.AttentionShape;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backend.Differential;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.KeyValueView;
import io.sambay4j.backend.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What the attention layers have in common: the shape, the rotary embedding where there is one, and
 * whether the attention is differential (Ye et al. 2024) or ordinary.
 *
 * @param shape heads, widths and window
 * @param rotary tables, or null: no positions at all, as in SambaY
 * @param differential lambda and sub-norm, or null for ordinary softmax attention
 */
record AttentionCore(
    AttentionShape shape, @Nullable Rotary rotary, @Nullable Differential differential) {

  /** Columns of all query heads together. */
  int queryCols() {
    return shape.heads() * shape.headDim();
  }

  /** Columns of all key heads together; the values have as many. */
  int kvCols() {
    return shape.kvHeads() * shape.headDim();
  }

  /**
   * Turns queries or keys [rows, n * headDim] to their positions, where the model has positions.
   */
  void rotate(Tensor x, Pass pass) {
    if (rotary != null) {
      pass.backend().rope(pass.rotaryBatch(), x, rotary.cos(), rotary.sin(), shape.headDim());
    }
  }

  /**
   * y [rows, queryCols] = attention of q over the cache and, where given, the rows' own k and v.
   *
   * @param batch whose rows they are
   */
  void attend(
      Tensor q,
      @Nullable Tensor k,
      @Nullable Tensor v,
      KeyValueView cache,
      Tensor y,
      Batch batch,
      Backend backend) {
    if (differential == null) {
      backend.attention(batch, shape, q, k, v, cache, y);
    } else {
      backend.diffAttention(batch, shape, differential, q, k, v, cache, y);
    }
  }
}
