package io.sambay4j.runtime;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.Draw;
import io.sambay4j.model.RopeConfig;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One sequence's work for the {@link Scheduler}: tokens to feed, and what to do with the logits.
 * All methods but {@link #cancel} are called on the scheduler's thread.
 */
public abstract class Job {
  /** What a point of priority is worth. */
  private static final long NANOS_PER_POINT = 1_000_000_000;

  private final @Nullable SequenceState given;
  private @Nullable SequenceState state;
  private final Terms terms;
  private final int prompt; // tokens given at the start
  private final long submitted = System.nanoTime();
  private long admitted; // nanoTime; 0 before
  private int[] tokens; // of the whole sequence, room for more
  private int known; // how many they are
  private int inputStart; // where the current input begins among them
  private int fed; // how many the sequence has seen
  private int cached; // how many of them before this job, and never again
  private int[] cuts = {}; // positions of the prompt that chunks must end at, ascending
  private int lastKept; // where its state was kept last
  private boolean running;
  private long promptRead; // nanoTime; 0 before
  private volatile boolean cancelled;

  /**
   * What a job asks of the scheduler.
   *
   * @param expectedTokens how long the sequence is taken to become, where its rotary factors are
   *     chosen by that; 0: they follow the tokens it has, and change when it outgrows them
   * @param longest tokens that the sequence may get, for which memory is set aside before it starts
   * @param priority each point is worth one second of waiting
   * @param timeLimit from now to the end; null: none
   * @param prefixCache whether it may begin from, and leave, states in the prefix cache; not where
   *     the logits of its prompt are wanted
   * @param branches shares a prompt with other jobs; null: with none
   */
  public record Terms(
      int expectedTokens,
      int longest,
      int priority,
      @Nullable Duration timeLimit,
      boolean prefixCache,
      @Nullable Branches branches) {
    /** Tokens to read, and nothing else asked. */
    public static Terms reading(int tokens) {
      return new Terms(0, tokens, 0, null, false, null);
    }
  }

  /** How a job ended. */
  public enum End {
    /** By itself. */
    DONE,
    /** By {@link Job#cancel}. */
    CANCELLED,
    /** Its time was over. */
    TIME_LIMIT,
    /** By something thrown. */
    FAILED
  }

  /**
   * @param state the sequence to continue, or null for one of its own that is given back at the end
   * @param tokens all tokens of the sequence; those it has not seen, at least one, are the first
   *     input
   * @param seen how many of them it has seen
   */
  protected Job(@Nullable SequenceState state, int[] tokens, int seen, Terms terms) {
    this.given = state;
    this.state = state;
    this.terms = terms;
    this.tokens = tokens.clone();
    this.known = tokens.length;
    this.prompt = tokens.length;
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
   * The job has ended. Its own sequence has been given back.
   *
   * @param failure what was thrown, exactly where the end is {@link End#FAILED}
   */
  protected abstract void ended(End end, @Nullable Throwable failure);

  /** Ends the job before its next step; may be called from any thread, any number of times. */
  public void cancel() {
    cancelled = true;
  }

  // ---- for the scheduler

  final Terms terms() {
    return terms;
  }

  /** How it must end now although it has not finished; null: it may go on. */
  final @Nullable End overdue(long now) {
    if (cancelled) {
      return End.CANCELLED;
    }
    Duration limit = terms.timeLimit;
    return limit != null && now - submitted >= nanos(limit) ? End.TIME_LIMIT : null;
  }

  private static long nanos(Duration duration) {
    try {
      return duration.toNanos();
    } catch (ArithmeticException e) {
      return Long.MAX_VALUE; // centuries
    }
  }

  /** The moment it was submitted, moved back by its priority: who has the earliest comes first. */
  final long arrival() {
    return submitted - terms.priority * NANOS_PER_POINT;
  }

  /** Tells the flight recorder of the job, which ends. */
  final void write(End end) {
    RequestEvent event = new RequestEvent();
    if (!event.shouldCommit()) {
      return;
    }
    long now = System.nanoTime();
    event.waiting = (admitted == 0 ? now : admitted) - submitted;
    event.promptTime = admitted == 0 ? 0 : (promptRead == 0 ? now : promptRead) - admitted;
    event.generationTime = promptRead == 0 ? 0 : now - promptRead;
    event.promptTokens = prompt;
    event.cachedTokens = cached;
    event.generatedTokens = generatedTokens();
    event.finishReason = finishReason(end);
    event.commit();
  }

  /** How the end is called in records. */
  protected String finishReason(End end) {
    return end.name();
  }

  final boolean needsSequence() {
    return state == null;
  }

  /** Whether it holds a sequence that is given back at its end. */
  final boolean ownsSequence() {
    return given == null && state != null;
  }

  /**
   * Lets the job begin.
   *
   * @param own its own sequence if it needs one, else null
   */
  final void admit(@Nullable SequenceState own) {
    admitted = System.nanoTime();
    if (own != null) {
      state = own;
      fed = own.length();
      cached = fed;
      lastKept = fed;
    }
  }

  final SequenceState state() {
    if (state == null) {
      throw new IllegalStateException("the job has not been started");
    }
    return state;
  }

  final @Nullable SequenceState stateOrNull() {
    return state;
  }

  /** Tokens that the sequence may get. */
  final int longest() {
    return Math.max(known, terms.longest);
  }

  /** Whether others that must read its prompt first have. */
  final boolean mayStart() {
    return terms.branches == null || terms.branches.mayStart();
  }

  /** The factors that turn the keys of a sequence of its length. */
  final RopeConfig.Factors neededFactors(SambayModel model) {
    return model.config().ropeFactors(Math.max(known, terms.expectedTokens));
  }

  /**
   * Sees to it that the sequence is turned by the rotary factors of its length. One that has seen
   * tokens under the others forgets them all and reads them again: deeper layers have seen the
   * attention of the wrong factors, so turning the old keys would not be the same.
   */
  final void chooseRopeFactors(SambayModel model) {
    SequenceState sequence = state();
    RopeConfig.Factors needed = neededFactors(model);
    if (sequence.length() > 0 && sequence.ropeFactors() != needed) {
      model.states().clear(sequence);
      fed = 0;
      cached = running ? cached : 0;
    }
    sequence.useRopeFactors(needed);
  }

  /** Tokens chosen so far. */
  protected int generatedTokens() {
    return 0;
  }

  /** How many tokens the job did not have to read because the sequence had seen them. */
  protected final int cachedTokens() {
    return cached;
  }

  /** A copy of the sequence's first so many tokens. */
  final int[] tokens(int count) {
    return Arrays.copyOf(tokens, count);
  }

  /** Tokens of the prompt. */
  final int promptTokens() {
    return prompt;
  }

  /** Whether some of the prompt is still to be read. */
  final boolean readsPrompt() {
    return fed < prompt;
  }

  /** Tokens of the sequence fed so far. */
  final int fedTokens() {
    return fed;
  }

  final int remaining() {
    return known - fed;
  }

  /** Cuts the prompt at some positions, ascending, so that the state there can be kept. */
  final void cutAt(int... positions) {
    cuts = positions;
  }

  /** Whether it stands where it was to be cut. */
  final boolean isAtCut() {
    return Arrays.stream(cuts).anyMatch(cut -> cut == fed);
  }

  /** Tokens of the prompt read since its state was kept last. */
  final int readSinceKept() {
    return fed - lastKept;
  }

  final void wasKept() {
    lastKept = fed;
  }

  /** Tokens of the next chunk, if at most so many are read at once. */
  final int chunkTokens(int most) {
    int end = fed + Math.min(remaining(), most);
    return Arrays.stream(cuts).filter(cut -> cut > fed && cut < end).findFirst().orElse(end) - fed;
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
    if (promptRead == 0 && fed >= prompt) {
      promptRead = System.nanoTime();
    }
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

  /** Gives its own sequence back and tells of the end. */
  final void end(End end, @Nullable Throwable failure) {
    if (given == null && state != null) {
      state.close();
    }
    ended(end, failure);
  }
}
