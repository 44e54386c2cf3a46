package io.sambay4j.model;

import java.util.ArrayList;
import java.util.List;

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

  void advance(int tokens) {
    length += tokens;
    torn = false;
  }

  void reset(int newLength) {
    length = newLength;
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
}
