package io.sambay4j.runtime;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.Draw;
import io.sambay4j.model.SequenceState;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One sequence's work for the {@link Scheduler}: tokens to feed, and what to do with the logits.
 * All methods but {@link #cancel} are called on the scheduler's thread.
 */
public abstract class Job {
  private final @Nullable SequenceState given;
  private @Nullable SequenceState state;
  private int[] input;
  private int fed;
  private boolean running;
  private volatile boolean cancelled;

  /**
   * @param state the sequence to continue, or null for one of its own that is given back at the end
   * @param input the first tokens to feed, at least one
   */
  protected Job(@Nullable SequenceState state, int[] input) {
    this.given = state;
    this.state = state;
    this.input = input;
  }

  /** The first chunk is about to be fed. */
  protected void started() {}

  /**
   * Which tokens of a chunk need logits.
   *
   * @param from first token of the chunk in the current input
   * @param to one past its last
   * @param of all tokens of the current input
   */
  protected abstract Chunk.Wanted wanted(int from, int to, int of);

  /**
   * Logits after a token.
   *
   * @param index of the token in the current input
   * @param logits [vocabulary]; not to be kept or changed
   */
  protected abstract void logits(int index, float[] logits);

  /**
   * How the device may choose the token after the current input's last, instead of handing out its
   * logits; null: it may not. Asked for chunks whose last logits alone are wanted.
   */
  protected @Nullable Draw draw() {
    return null;
  }

  /** The token that the device chose as {@link #draw} said. */
  protected void chosen(int token, double logProbability) {
    throw new IllegalStateException("this job draws no tokens");
  }

  /**
   * All of the current input has been fed and its logits seen.
   *
   * @return the next input, or null if the job is done
   */
  protected abstract int @Nullable [] next();

  /**
   * A chunk of the input has been fed: the sequence is that much longer, also where its logits made
   * trouble.
   *
   * @param ids the chunk
   * @param done tokens of the current input fed so far
   * @param of all its tokens
   */
  protected void fed(int[] ids, int done, int of) {}

  /**
   * The job has ended: done, cancelled, or with a failure. Its own sequence has been given back.
   */
  protected abstract void ended(boolean wasCancelled, @Nullable Throwable failure);

  /** Ends the job before its next step; may be called from any thread, any number of times. */
  public void cancel() {
    cancelled = true;
  }

  final boolean isCancelled() {
    return cancelled;
  }

  final boolean needsSequence() {
    return state == null;
  }

  /** Whether it holds a sequence that is given back at its end. */
  final boolean ownsSequence() {
    return given == null && state != null;
  }

  final void giveSequence(SequenceState own) {
    state = own;
  }

  final SequenceState state() {
    if (state == null) {
      throw new IllegalStateException("the job has not been started");
    }
    return state;
  }

  final int remaining() {
    return input.length - fed;
  }

  /** The next {@code tokens} of the input as a chunk of a step. */
  final Chunk chunk(int tokens) {
    if (!running) {
      running = true;
      started();
    }
    int[] ids = Arrays.copyOfRange(input, fed, fed + tokens);
    Chunk.Wanted wanted = wanted(fed, fed + tokens, input.length);
    return new Chunk(state(), ids, wanted, wanted == Chunk.Wanted.LAST ? draw() : null);
  }

  final void takeLogits(int indexInChunk, float[] row) {
    logits(fed + indexInChunk, row);
  }

  /** The sequence has seen a chunk. */
  final void wasFed(Chunk chunk) {
    fed += chunk.ids().length;
    fed(chunk.ids(), fed, input.length);
  }

  /** Whether there is more to feed. */
  final boolean goesOn() {
    if (fed < input.length) {
      return true;
    }
    int[] next = next();
    if (next == null) {
      return false;
    }
    input = next;
    fed = 0;
    return true;
  }

  final void end(boolean wasCancelled, @Nullable Throwable failure) {
    if (given == null && state != null) {
      state.close();
    }
    ended(wasCancelled, failure);
  }
}
