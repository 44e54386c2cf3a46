package io.sambay4j.tokenizer;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** The merges of a vocabulary in order of priority: which two tokens are joined to which third. */
final class MergeList {
  private final Map<Long, Integer> mergeOfPair = new HashMap<>();
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
    mergeOfPair.put(pair(leftId, rightId), size);
    size++;
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
    return mergeOfPair.getOrDefault(pair(leftId, rightId), Integer.MAX_VALUE);
  }

  private static long pair(int leftId, int rightId) {
    return (long) leftId << 32 | rightId;
  }
}
