package io.sambay4j.runtime;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.Draw;
import io.sambay4j.model.RopeConfig;
import io.sambay4j.model.SambayModel;
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
  private final int expectedTokens;
  private int[] tokens; // of the whole sequence, room for more
  private int known; // how many they are
  private int inputStart; // where the current input begins among them
  private int fed; // how many the sequence has seen
  private int cached; // how many of them before this job, and never again
  private boolean running;
  private volatile boolean cancelled;

  /**
   * @param state the sequence to continue, or null for one of its own that is given back at the end
   * @param tokens all tokens of the sequence; those it has not seen, at least one, are the first
   *     input
   * @param seen how many of them it has seen
   * @param expectedTokens how long the sequence is taken to become, where its rotary factors are
   *     chosen by that; 0: they follow the tokens it has, and change when it outgrows them
   */
  protected Job(@Nullable SequenceState state, int[] tokens, int seen, int expectedTokens) {
    this.given = state;
    this.state = state;
    this.expectedTokens = expectedTokens;
    this.tokens = tokens.clone();
    this.known = tokens.length;
    this.inputStart = seen;
    this.fed = seen;
    this.cached = seen;
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
   * @param ids the chunk, without tokens before the input that had to be read again
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

  /**
   * Sees to it that the sequence is turned by the rotary factors of its length. One that has seen
   * tokens under the others forgets them all and reads them again: deeper layers have seen the
   * attention of the wrong factors, so turning the old keys would not be the same.
   */
  final void chooseRopeFactors(SambayModel model) {
    SequenceState sequence = state();
    RopeConfig.Factors needed = model.config().ropeFactors(Math.max(known, expectedTokens));
    if (sequence.length() > 0 && sequence.ropeFactors() != needed) {
      model.states().clear(sequence);
      fed = 0;
      cached = running ? cached : 0;
    }
    sequence.useRopeFactors(needed);
  }

  /** How many tokens the job did not have to read because the sequence had seen them. */
  protected final int cachedTokens() {
    return cached;
  }

  final int remaining() {
    return known - fed;
  }

  /** The next {@code count} tokens as a chunk of a step. */
  final Chunk chunk(int count) {
    if (!running) {
      running = true;
      started();
    }
    int end = fed + count;
    Chunk.Wanted wanted =
        end <= inputStart
            ? Chunk.Wanted.NONE
            : wanted(Math.max(fed, inputStart) - inputStart, end - inputStart, known - inputStart);
    int[] ids = Arrays.copyOfRange(tokens, fed, end);
    return new Chunk(state(), ids, wanted, wanted == Chunk.Wanted.LAST ? draw() : null);
  }

  final void takeLogits(int indexInChunk, float[] row) {
    int index = fed + indexInChunk - inputStart;
    if (index >= 0) {
      logits(index, row);
    }
  }

  /** The sequence has seen a chunk. */
  final void wasFed(Chunk chunk) {
    int first = Math.max(fed, inputStart);
    fed += chunk.ids().length;
    if (first < fed) {
      fed(Arrays.copyOfRange(tokens, first, fed), fed - inputStart, known - inputStart);
    }
  }

  /** Whether there is more to feed. */
  final boolean goesOn() {
    if (fed < known) {
      return true;
    }
    int[] next = next();
    if (next == null) {
      return false;
    }
    if (next.length > tokens.length - known) {
      tokens = Arrays.copyOf(tokens, known + Math.max(known / 2, next.length));
    }
    System.arraycopy(next, 0, tokens, known, next.length);
    inputStart = known;
    known += next.length;
    return true;
  }

  final void end(boolean wasCancelled, @Nullable Throwable failure) {
    if (given == null && state != null) {
      state.close();
    }
    ended(wasCancelled, failure);
  }
}
