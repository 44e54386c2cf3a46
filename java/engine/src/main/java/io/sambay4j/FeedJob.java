package io.sambay4j;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.SequenceState;
import io.sambay4j.runtime.Job;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Reads tokens and generates nothing: for sessions that grow, and for scores and logits. */
final class FeedJob extends Job {
  private final int firstRow;
  private final RowConsumer rows;
  private final IntConsumer onFed;
  private final CompletableFuture<Void> done = new CompletableFuture<>();

  /** Takes rows of logits, on the engine's thread. */
  @FunctionalInterface
  interface RowConsumer {
    /**
     * Takes a row.
     *
     * @param index of the token it comes after
     * @param logits [vocabulary]; valid during the call
     */
    void accept(int index, float[] logits);
  }

  /**
   * @param tokens all tokens of the sequence, at least one that it has not seen
   * @param seen how many it has seen
   * @param firstRow the first token after those whose logits are wanted, counted from them, in [0,
   *     tokens.length - seen]; the last: none
   * @param onFed told each token the sequence has seen
   */
  FeedJob(
      @Nullable SequenceState state,
      int[] tokens,
      int seen,
      int firstRow,
      RowConsumer rows,
      IntConsumer onFed) {
    super(state, tokens, seen, Terms.reading(tokens.length));
    this.firstRow = firstRow;
    this.rows = rows;
    this.onFed = onFed;
  }

  /** Completes when all is read, or the job is cancelled. */
  CompletableFuture<Void> done() {
    return done;
  }

  @Override
  protected Chunk.Wanted wanted(int from, int to, int of) {
    if (to <= firstRow) {
      return Chunk.Wanted.NONE;
    }
    return firstRow == of - 1 ? Chunk.Wanted.LAST : Chunk.Wanted.ALL;
  }

  @Override
  protected void logits(int index, float[] logits) {
    if (index >= firstRow) {
      rows.accept(index, logits);
    }
  }

  @Override
  protected void fed(int[] ids, int doneTokens, int of) {
    for (int id : ids) {
      onFed.accept(id);
    }
  }

  @Override
  protected int @Nullable [] next() {
    return null;
  }

  @Override
  protected void ended(End end, @Nullable Throwable failure) {
    if (failure == null) {
      done.complete(null);
    } else {
      done.completeExceptionally(failure);
    }
  }
}
