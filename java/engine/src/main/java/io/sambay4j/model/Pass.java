package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.KeyValueView;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What flows through the layers now: the rows of a batch, with the memory they may use. A step
 * makes one pass with all its rows up to the border and one, mostly narrower, above it.
 *
 * @param batch rows, slots, positions
 * @param rotaryBatch the same rows, positions as rows of the {@link Rotary} tables
 * @param blocks where the batch's sequences keep what grows
 * @param parts what is attended together: all rows, or, where the result must not depend on where a
 *     prompt is cut, one row of each sequence. Attention sums in another order for many rows of a
 *     sequence than for one
 * @param deterministic whether no row's result may depend on how many rows there are
 */
record Pass(
    Backend backend,
    Workspace work,
    StatePool states,
    Batch batch,
    Batch rotaryBatch,
    StatePool.BlockTable blocks,
    List<Part> parts,
    boolean deterministic) {

  /**
   * Some consecutive rows of a pass.
   *
   * @param from first row in the pass
   * @param to one past the last
   */
  record Part(int from, int to, Batch batch, StatePool.BlockTable blocks) {}

  static Pass of(
      Backend backend,
      Workspace work,
      StatePool states,
      Batch batch,
      Batch rotaryBatch,
      StatePool.BlockTable blocks,
      boolean deterministic) {
    List<Part> parts =
        deterministic && batch.tokens() > batch.sequences()
            ? rowByRow(batch, blocks)
            : List.of(new Part(0, batch.tokens(), batch, blocks));
    return new Pass(backend, work, states, batch, rotaryBatch, blocks, parts, deterministic);
  }

  /** Sequences of one row stay together, the rows of the others follow each other. */
  private static List<Part> rowByRow(Batch batch, StatePool.BlockTable blocks) {
    List<Part> parts = new ArrayList<>();
    for (int s = 0; s < batch.sequences(); ) {
      int end = s;
      while (end < batch.sequences() && batch.rows(end) == 1) {
        end++;
      }
      if (end > s) {
        parts.add(part(batch, blocks, s, end, 0));
        s = end;
        continue;
      }
      for (int row = 0; row < batch.rows(s); row++) {
        parts.add(part(batch, blocks, s, s + 1, row));
      }
      s++;
    }
    return parts;
  }

  /** One row of each of some sequences, which have one, or of one sequence. */
  private static Part part(Batch batch, StatePool.BlockTable blocks, int first, int end, int row) {
    int from = batch.sequenceStart()[first] + row;
    int count = end - first;
    int[] starts = new int[count + 1];
    int[] positions = Arrays.copyOfRange(batch.position(), first, end);
    for (int i = 0; i < count; i++) {
      starts[i + 1] = i + 1;
      positions[i] += row;
    }
    int[] slots = Arrays.copyOfRange(batch.slot(), first, end);
    int[] table = Arrays.copyOfRange(blocks.blocks(), first * blocks.cols(), end * blocks.cols());
    return new Part(
        from,
        from + count,
        new Batch(starts, slots, positions),
        new StatePool.BlockTable(table, blocks.cols()));
  }

  /** What the sequences of a part keep of an attention layer. */
  KeyValueView cache(int layer, Part part) {
    return states.cache(layer, part.blocks(), part.batch());
  }

  /** What the batch's sequences keep of an attention layer. */
  KeyValueView cache(int layer) {
    return states.cache(layer, blocks, batch);
  }
}
