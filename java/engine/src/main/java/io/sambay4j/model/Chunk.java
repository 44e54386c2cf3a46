package io.sambay4j.model;

import org.jspecify.annotations.Nullable;

/**
 * The next tokens of one sequence in a step.
 *
 * @param sequence whose tokens they are
 * @param ids at least one; not copied
 * @param wanted for which of them logits are needed
 * @param draw where a token will do instead of the last logits, how it is chosen; else null
 */
@SuppressWarnings("ArrayRecordComponent")
public record Chunk(SequenceState sequence, int[] ids, Wanted wanted, @Nullable Draw draw) {
  /** Rows that go on into the cross-decoder and the head. */
  public enum Wanted {
    /** No logits: a prompt's chunk that is not the last. Only state is kept. */
    NONE,
    /** Logits of the last token. */
    LAST,
    /** Logits of every token, for prompt log-probabilities. */
    ALL
  }

  public Chunk {
    if (ids.length == 0) {
      throw new IllegalArgumentException("a chunk needs at least one token");
    }
    if (draw != null && wanted != Wanted.LAST) {
      throw new IllegalArgumentException("a token can be drawn where the last logits are wanted");
    }
  }

  /** A chunk whose logits are handed out. */
  public Chunk(SequenceState sequence, int[] ids, Wanted wanted) {
    this(sequence, ids, wanted, null);
  }

  int wantedRows() {
    return switch (wanted) {
      case NONE -> 0;
      case LAST -> 1;
      case ALL -> ids.length;
    };
  }
}
