package io.sambay4j.model;

import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Reads the keys and values of the full attention layer with queries of its own (YOCO, Sun et al.
 * 2024). Keeps nothing.
 *
 * @param keyValueLayer index of the layer whose keys and values it reads
 * @param core heads, differential or not
 * @param query [heads * headDim, hidden]
 * @param outProj [hidden, heads * headDim]
 */
record CrossAttention(int keyValueLayer, AttentionCore core, Linear query, Linear outProj)
    implements Mixer {

  @Override
  public void addTo(Tensor h, Norm norm, @Nullable Tensor memory, Pass pass) {
    attendToCache(keyValueLayer, core, query, outProj, h, norm, pass);
  }

  static void attendToCache(
      int layer, AttentionCore core, Linear query, Linear outProj, Tensor h, Norm norm, Pass pass) {
    int rows = h.rows();
    Tensor q = pass.work().qkv().rows(0, rows).cols(0, core.queryCols());
    query.apply(norm, h, q, pass);
    core.rotate(q, pass);
    Tensor y = pass.work().attention().rows(0, rows);
    for (Pass.Part part : pass.parts()) {
      int from = part.from();
      int to = part.to();
      core.attend(
          q.rows(from, to),
          null,
          null,
          pass.cache(layer, part),
          y.rows(from, to),
          part.batch(),
          pass.backend());
    }
    outProj.addTo(h, y, pass);
  }
}
