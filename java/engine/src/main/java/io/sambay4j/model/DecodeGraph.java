package io.sambay4j.model;

import io.sambay4j.NativeException;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.Draws;
import io.sambay4j.backend.Graph;
import io.sambay4j.backend.Tensor;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A decode step of a fixed number of rows. Everything that changes from step to step is in the
 * arrays of this object, which the recorded graph reads anew at every launch. The first step runs
 * without a graph, so that the device has taken all working memory; the second records one.
 */
final class DecodeGraph implements AutoCloseable {
  private final SambayModel model;
  private final int tableCols;
  private final int[] ids;
  private final int[] slot;
  private final int[] position;
  private final int[] table;
  private final Draws draws;
  private final Pass pass;
  private final Tensor logits;
  private boolean ran;
  private @Nullable Graph graph;

  /** The device did not record the step; why is the message. */
  static final class NotRecorded extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotRecorded(NativeException cause) {
      super(cause.getMessage(), cause);
    }
  }

  /**
   * @param tableCols blocks of the shared cache that a sequence may have
   */
  DecodeGraph(SambayModel model, int rows, int tableCols) {
    this.model = model;
    this.tableCols = tableCols;
    this.ids = new int[rows];
    this.slot = new int[rows];
    this.position = new int[rows];
    this.table = new int[rows * tableCols];
    this.draws = new Draws(rows);
    int[] oneRowEach = new int[rows + 1];
    Arrays.setAll(oneRowEach, i -> i);
    this.pass =
        model.pass(new Batch(oneRowEach, slot, position), model.states().shared(tableCols, table));
    this.logits = model.work().logits().rows(0, rows);
  }

  int tableCols() {
    return tableCols;
  }

  /** Takes the step's tokens, slots, positions, blocks and draws. */
  void fill(List<Chunk> chunks) {
    StatePool states = model.states();
    for (int i = 0; i < chunks.size(); i++) {
      Chunk chunk = chunks.get(i);
      SequenceState sequence = chunk.sequence();
      ids[i] = chunk.ids()[0];
      slot[i] = sequence.slot();
      position[i] = sequence.length();
      for (int b = 0; b < sequence.blocks.size(); b++) {
        table[i * tableCols + b] = sequence.blocks.get(b);
      }
      SambayModel.setDraw(draws, i, chunk);
    }
    Iterator<Integer> scratch = states.scratchSlots();
    for (int i = chunks.size(); i < ids.length; i++) {
      ids[i] = 0;
      slot[i] = scratch.next();
      position[i] = 0;
      table[i * tableCols] = states.scratchBlock();
      draws.setGreedy(i);
    }
  }

  /**
   * Runs the step.
   *
   * @throws NotRecorded if recording failed; nothing has run then
   */
  void run() {
    if (!ran) {
      runOnce();
      ran = true;
      return;
    }
    if (graph == null) {
      try {
        graph = model.backend().record(this::runOnce);
      } catch (NativeException e) {
        throw new NotRecorded(e);
      }
    }
    graph.launch();
  }

  /** Runs the step operation by operation. */
  void runOnce() {
    model.decode(ids, pass, logits, draws);
  }

  /** After a run. */
  void handOut(List<Chunk> chunks, SambayModel.LogitsSink sink) {
    for (int i = 0; i < chunks.size(); i++) {
      model.handOut(logits.rows(i, i + 1), draws, i, chunks, i, 0, sink);
    }
  }

  @Override
  public void close() {
    if (graph != null) {
      graph.close();
    }
  }
}
