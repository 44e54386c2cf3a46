package io.sambay4j.model;

import io.sambay4j.backend.KeyValueView;
import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Attention over the last {@code window} tokens, the query's own included, or over all of them.
 * Keeps the keys and values of a window in a ring per sequence, those of all tokens in a cache that
 * grows.
 *
 * @param layer index from 0
 * @param core heads, window, differential or not
 * @param qkv [(heads + 2 * kvHeads) * headDim, hidden]: q, k, v rows
 * @param outProj [hidden, heads * headDim]
 */
record SelfAttention(int layer, AttentionCore core, Linear qkv, Linear outProj) implements Mixer {

  @Override
  public void addTo(Tensor h, Norm norm, @Nullable Tensor memory, Pass pass) {
    int rows = h.rows();
    int queryCols = core.queryCols();
    int kvCols = core.kvCols();
    Tensor qkvRows = pass.work().qkv().rows(0, rows);
    qkv.apply(norm, h, qkvRows, pass);
    Tensor q = qkvRows.cols(0, queryCols);
    Tensor k = qkvRows.cols(queryCols, queryCols + kvCols);
    Tensor v = qkvRows.cols(queryCols + kvCols, queryCols + 2 * kvCols);
    core.rotate(q, pass);
    core.rotate(k, pass);

    // Attend first, append after: a ring holds one window, and the chunk would overwrite what its
    // first rows need.
    Tensor y = pass.work().attention().rows(0, rows);
    for (Pass.Part part : pass.parts()) {
      int from = part.from();
      int to = part.to();
      KeyValueView cache = pass.cache(layer, part);
      Tensor keys = k.rows(from, to);
      Tensor values = v.rows(from, to);
      core.attend(
          q.rows(from, to), keys, values, cache, y.rows(from, to), part.batch(), pass.backend());
      pass.backend().kvAppend(part.batch(), keys, values, cache);
    }
    outProj.addTo(h, y, pass);
  }
}
