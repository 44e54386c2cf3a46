package io.sambay4j.model;

import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Reads the keys and values of the full attention layer with queries of its own (YOCO, Sun et al.
 * 2024). Keeps nothing.
 *
 * @param core heads, differential or not
 * @param query [heads * headDim, hidden]
 * @param outProj [hidden, heads * headDim]
 */
record CrossAttention(AttentionCore core, Linear query, Linear outProj) implements Mixer {

  @Override
  public void addTo(Tensor h, Norm norm, @Nullable Tensor memory, Pass pass) {
    attendToSharedCache(core, query, outProj, h, norm, pass);
  }

  static void attendToSharedCache(
      AttentionCore core, Linear query, Linear outProj, Tensor h, Norm norm, Pass pass) {
    int rows = h.rows();
    Tensor q = pass.work().qkv().rows(0, rows).cols(0, core.queryCols());
    query.apply(norm, h, q, pass);
    core.rotate(q, pass);
    Tensor y = pass.work().attention().rows(0, rows);
    core.attend(q, null, null, pass.sharedCache(), y, pass);
    outProj.addTo(h, y, pass);
  }
}
