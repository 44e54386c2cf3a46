package io.sambay4j.backend;

/**
 * Which rows of a token-major tensor belong to which sequence. Sequence s owns rows {@code
 * sequenceStart[s]} to {@code sequenceStart[s + 1] - 1} (at least one), its first row is the token
 * at {@code position[s]} of the sequence, and its recurrent state lives in slot {@code slot[s]}.
 * One row per sequence is a decode step. Slots are distinct. The arrays are not copied and must not
 * change.
 *
 * @param sequenceStart [sequences + 1], first 0
 * @param slot [sequences]
 * @param position [sequences]
 */
@SuppressWarnings("ArrayRecordComponent")
public record Batch(int[] sequenceStart, int[] slot, int[] position) {
  public Batch {
    if (slot.length == 0
        || sequenceStart.length != slot.length + 1
        || position.length != slot.length) {
      throw new IllegalArgumentException(
          "a batch of %d slots needs %d starts and %d positions, got %d and %d"
              .formatted(
                  slot.length,
                  slot.length + 1,
                  slot.length,
                  sequenceStart.length,
                  position.length));
    }
  }

  public int sequences() {
    return slot.length;
  }

  /** Rows of all sequences together. */
  public int tokens() {
    return sequenceStart[slot.length];
  }

  /** Rows of sequence s. */
  public int rows(int s) {
    return sequenceStart[s + 1] - sequenceStart[s];
  }
}
