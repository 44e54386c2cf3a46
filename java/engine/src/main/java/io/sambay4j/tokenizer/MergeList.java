package io.sambay4j.tokenizer;

import java.util.Arrays;

/** The merges of a vocabulary in order of priority: which two tokens are joined to which third. */
final class MergeList {
  private static final long NO_PAIR = -1;

  // A hash table of pairs, open addressing, at most half full: boxed keys would be garbage by the
  // million.
  private long[] pairs = emptyTable(2048);
  private int[] mergeOfPair = new int[2048];
  private int[] left = new int[1024];
  private int[] right = new int[1024];
  private int[] result = new int[1024];
  private int size;

  /** Appends a merge of lower priority than all before it. Said twice, the later place counts. */
  void add(int leftId, int rightId, int resultId) {
    if (size == left.length) {
      left = Arrays.copyOf(left, 2 * size);
      right = Arrays.copyOf(right, 2 * size);
      result = Arrays.copyOf(result, 2 * size);
    }
    left[size] = leftId;
    right[size] = rightId;
    result[size] = resultId;
    put(pair(leftId, rightId), size);
    size++;
    if (2 * size > pairs.length) {
      grow();
    }
  }

  private static long[] emptyTable(int length) {
    long[] table = new long[length];
    Arrays.fill(table, NO_PAIR);
    return table;
  }

  private void grow() {
    pairs = emptyTable(2 * pairs.length);
    mergeOfPair = new int[pairs.length];
    for (int merge = 0; merge < size; merge++) {
      put(pair(left[merge], right[merge]), merge);
    }
  }

  private void put(long pair, int merge) {
    int slot = slot(pair);
    pairs[slot] = pair;
    mergeOfPair[slot] = merge;
  }

  /** Where a pair is, or would be. */
  private int slot(long pair) {
    int mask = pairs.length - 1;
    int slot = (int) ((pair * 0x9E3779B97F4A7C15L) >>> 32) & mask;
    while (pairs[slot] != NO_PAIR && pairs[slot] != pair) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  int size() {
    return size;
  }

  int left(int merge) {
    return left[merge];
  }

  int right(int merge) {
    return right[merge];
  }

  /**
   * Merges a token's own bytes, by the book: of all neighbours that have a merge, the two whose
   * merge comes first, and of equals the leftmost, until none is left.
   *
   * @return the last merge, or -1 if something else than the token comes out
   */
  int lastMerge(byte[] bytes, int[] idOfByte, int token) {
    int length = bytes.length;
    int[] ids = new int[length];
    for (int i = 0; i < length; i++) {
      ids[i] = idOfByte[bytes[i] & 0xFF];
    }
    int[] merges = new int[length]; // merges[i] joins ids[i] and ids[i + 1]
    for (int i = 0; i + 1 < length; i++) {
      merges[i] = merge(ids[i], ids[i + 1]);
    }
    int last = -1;
    while (length > 1) {
      int at = 0;
      for (int i = 1; i + 1 < length; i++) {
        if (merges[i] < merges[at]) {
          at = i;
        }
      }
      if (merges[at] == Integer.MAX_VALUE) {
        return -1;
      }
      last = merges[at];
      ids[at] = result[last];
      length--;
      System.arraycopy(ids, at + 2, ids, at + 1, length - at - 1);
      System.arraycopy(merges, at + 1, merges, at, length - at - 1);
      if (at > 0) {
        merges[at - 1] = merge(ids[at - 1], ids[at]);
      }
      if (at + 1 < length) {
        merges[at] = merge(ids[at], ids[at + 1]);
      }
    }
    return ids[0] == token ? last : -1;
  }

  private int merge(int leftId, int rightId) {
    int slot = slot(pair(leftId, rightId));
    return pairs[slot] == NO_PAIR ? Integer.MAX_VALUE : mergeOfPair[slot];
  }

  private static long pair(int leftId, int rightId) {
    return (long) leftId << 32 | rightId;
  }
}
