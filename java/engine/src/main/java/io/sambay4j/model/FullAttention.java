package io.sambay4j.model;

import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The only layer that attends to every token, and the only one whose cache grows. Its keys and
 * values are shared with the cross attention layers above (YOCO, Sun et al. 2024). The projection
 * is kept in two parts because a prompt's tokens before the last need only keys and values.
 *
 * @param core heads, differential or not
 * @param query [heads * headDim, hidden]
 * @param keyValue [2 * kvHeads * headDim, hidden]: k, v rows
 * @param outProj [hidden, heads * headDim]
 */
record FullAttention(AttentionCore core, Linear query, Linear keyValue, Linear outProj)
    implements Mixer {

  /** Appends the keys and values of norm(h), h [rows, hidden], to the shared cache. */
  void append(Tensor h, Norm norm, Pass pass) {
    int kvCols = core.kvCols();
    Tensor kv = pass.work().qkv().rows(0, h.rows()).cols(0, 2 * kvCols);
    keyValue.apply(norm, h, kv, pass);
    Tensor k = kv.cols(0, kvCols);
    core.rotate(k, pass);
    pass.backend().kvAppend(pass.batch(), k, kv.cols(kvCols, 2 * kvCols), pass.sharedCache());
  }

  /** Attends over the shared cache, to which the rows' own keys and values have been appended. */
  @Override
  public void addTo(Tensor h, Norm norm, @Nullable Tensor memory, Pass pass) {
    CrossAttention.attendToSharedCache(core, query, outProj, h, norm, pass);
  }
}
