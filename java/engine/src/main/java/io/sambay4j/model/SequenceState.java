package io.sambay4j.model;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where one sequence stands, and which slot and blocks of the {@link StatePool} are its own. Close
 * it to give them back: one that is dropped without being closed keeps its slot until the model is
 * closed.
 */
public final class SequenceState implements AutoCloseable {
  final List<Integer> blocks = new ArrayList<>();
  private final StatePool pool;
  private final int slot;
  private int length;
  private RopeConfig.@Nullable Factors ropeFactors; // null: the first tokens will tell
  private boolean torn;
  private boolean closed;

  SequenceState(StatePool pool, int slot) {
    this.pool = pool;
    this.slot = slot;
  }

  /** Tokens seen so far; the position of the next one. */
  public int length() {
    return length;
  }

  int slot() {
    return slot;
  }

  StatePool pool() {
    return pool;
  }

  void advance(int tokens) {
    length += tokens;
    torn = false;
  }

  /**
   * The rotary factors its keys are turned by, or null where that is still open: before the first
   * tokens.
   */
  public RopeConfig.@Nullable Factors ropeFactors() {
    return ropeFactors;
  }

  /**
   * Chooses the rotary factors of a sequence that has no tokens yet. Without a choice its first
   * chunk decides, by its own length.
   *
   * @throws IllegalStateException if it has tokens: their keys are turned already
   */
  public void useRopeFactors(RopeConfig.Factors factors) {
    if (length > 0 && factors != ropeFactors) {
      throw new IllegalStateException(
          "the %d tokens of the sequence are turned by the %s factors; clear it and read them again"
              .formatted(length, ropeFactors));
    }
    ropeFactors = factors;
  }

  void reset(int newLength, RopeConfig.@Nullable Factors factors) {
    length = newLength;
    ropeFactors = factors;
    torn = false;
  }

  /**
   * Some layers may have seen tokens that others have not: only a restore makes it usable again.
   */
  void tear() {
    torn = true;
  }

  /** Whether a step failed half way: see {@link SambayModel#forward}. */
  public boolean isTorn() {
    return torn;
  }

  void checkBelongsTo(StatePool other) {
    if (pool != other) {
      throw new IllegalArgumentException("the sequence belongs to another model");
    }
  }

  void checkOpen() {
    if (closed) {
      throw new IllegalStateException("the sequence is closed");
    }
  }

  void checkUsable() {
    checkOpen();
    if (torn) {
      throw new IllegalStateException(
          "a step of this sequence failed half way; restore a snapshot or start it again");
    }
  }

  /** Gives slot and blocks back. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      pool.release(this);
    }
  }

  /** Closed by {@link StatePool#retire}, which has taken slot and blocks. */
  void retired() {
    closed = true;
  }
}
