package io.sambay4j.structured;

/** Ranges of characters as sequences of ranges of bytes. */
final class Utf8 {
  private static final int[] LAST_OF_LENGTH = {0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
  private static final int[] LEAD = {0, 0xC0, 0xE0, 0xF0};

  /** Told the least and the greatest value of each byte. */
  interface Sink {
    void sequence(int[] lows, int[] highs);
  }

  private Utf8() {}

  /**
   * Cuts [low, high] into pieces whose UTF-8 forms are all combinations of one range per byte.
   *
   * @param low not a surrogate, nor may one lie between the two
   */
  static void sequences(int low, int high, Sink sink) {
    int from = low;
    for (int length = 1; length <= 4 && from <= high; length++) {
      int last = Math.min(high, LAST_OF_LENGTH[length - 1]);
      if (from <= last) {
        split(from, last, length, sink);
        from = last + 1;
      }
    }
  }

  /** All from low to high take the same number of bytes. */
  private static void split(int low, int high, int length, Sink sink) {
    for (int trailing = 1; trailing < length; trailing++) {
      int mask = (1 << (6 * trailing)) - 1;
      if ((low & ~mask) != (high & ~mask)) { // they differ in a byte before the last few
        if ((low & mask) != 0) {
          split(low, low | mask, length, sink);
          split((low | mask) + 1, high, length, sink);
          return;
        }
        if ((high & mask) != mask) {
          split(low, (high & ~mask) - 1, length, sink);
          split(high & ~mask, high, length, sink);
          return;
        }
      }
    }
    int[] lows = new int[length];
    int[] highs = new int[length];
    for (int i = 0; i < length; i++) {
      lows[i] = byteAt(low, i, length);
      highs[i] = byteAt(high, i, length);
    }
    sink.sequence(lows, highs);
  }

  private static int byteAt(int codePoint, int index, int length) {
    int bits = codePoint >> (6 * (length - 1 - index));
    return index == 0 ? LEAD[length - 1] | bits : 0x80 | (bits & 0x3F);
  }
}
