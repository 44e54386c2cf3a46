package io.sambay4j.sampling;

import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * A set of tokens that may be chosen. Immutable, so one may serve many places and threads.
 *
 * <p>Few tokens are kept as a sorted list, many as a bit set: 25 KB for a vocabulary of 200,064.
 */
public final class TokenMask {
  /** No token. */
  public static final TokenMask NONE = new TokenMask(new int[0], null, 0);

  /** Every token, however large the vocabulary. */
  public static final TokenMask ALL = new TokenMask(null, null, Integer.MAX_VALUE);

  private final int @Nullable [] list; // ascending; null where words hold the set
  private final long @Nullable [] words; // bit id % 64 of word id / 64
  private final int count;

  private TokenMask(int @Nullable [] list, long @Nullable [] words, int count) {
    this.list = list;
    this.words = words;
    this.count = count;
  }

  /** The tokens of the given ids, which may come in any order. */
  public static TokenMask of(int... ids) {
    BitSet set = new BitSet();
    for (int id : ids) {
      set.set(id);
    }
    return of(set);
  }

  /** The tokens whose bits are set; copied. */
  public static TokenMask of(BitSet ids) {
    int count = ids.cardinality();
    if (count == 0) {
      return NONE;
    }
    // Below this a list is smaller: 4 bytes a token against a bit for each id up to the largest.
    return count < ids.length() / 32
        ? new TokenMask(ids.stream().toArray(), null, count)
        : new TokenMask(null, ids.toLongArray(), count);
  }

  /** Whether a token may be chosen. */
  public boolean contains(int id) {
    if (list != null) {
      return Arrays.binarySearch(list, id) >= 0;
    }
    if (words == null) {
      return true;
    }
    return id >= 0 && id < 64L * words.length && (words[id >> 6] >>> id & 1) != 0;
  }

  /** How many tokens there are; {@link Integer#MAX_VALUE} for {@link #ALL}. */
  public int count() {
    return count;
  }

  /** Whether this is {@link #ALL}, which needs no work. */
  public boolean isAll() {
    return this == ALL;
  }

  /** The bytes of memory that this set takes, about. */
  public long bytes() {
    return 48
        + (list == null ? 0 : 16 + 4L * list.length)
        + (words == null ? 0 : 16 + 8L * words.length);
  }

  /**
   * Sets the score of every token that may not be chosen to negative infinity.
   *
   * @param scores [vocabulary]; ids beyond it are passed over
   * @param endTokens the tokens that end the generation, ids in the vocabulary
   * @param mayEnd whether these may be chosen; it decides about them whether or not the set holds
   *     them
   */
  public void restrict(float[] scores, int[] endTokens, boolean mayEnd) {
    float[] ends = new float[endTokens.length];
    for (int i = 0; i < ends.length; i++) {
      ends[i] = mayEnd ? scores[endTokens[i]] : Float.NEGATIVE_INFINITY;
    }
    if (list != null) {
      restrictTo(list, scores);
    } else if (words != null) {
      restrictTo(words, scores);
    }
    for (int i = 0; i < ends.length; i++) {
      scores[endTokens[i]] = ends[i];
    }
  }

  private static void restrictTo(int[] list, float[] scores) {
    int from = 0;
    for (int id : list) {
      if (id >= scores.length) {
        break;
      }
      Arrays.fill(scores, from, id, Float.NEGATIVE_INFINITY);
      from = id + 1;
    }
    Arrays.fill(scores, from, scores.length, Float.NEGATIVE_INFINITY);
  }

  private static void restrictTo(long[] words, float[] scores) {
    for (int word = 0, first = 0; first < scores.length; word++, first += 64) {
      int end = Math.min(first + 64, scores.length);
      long allowed = word < words.length ? words[word] : 0;
      if (allowed == 0) {
        Arrays.fill(scores, first, end, Float.NEGATIVE_INFINITY);
      } else if (allowed != -1L) {
        for (int id = first; id < end; id++) {
          if ((allowed >>> id & 1) == 0) {
            scores[id] = Float.NEGATIVE_INFINITY;
          }
        }
      }
    }
  }

  /** The ids in ascending order, for {@link #ALL} those below the given size. */
  public int[] ids(int vocabularySize) {
    BitSet set;
    if (list != null) {
      return Arrays.stream(list).filter(id -> id < vocabularySize).toArray();
    } else if (words != null) {
      set = BitSet.valueOf(words);
    } else {
      set = new BitSet();
      set.set(0, vocabularySize);
    }
    return set.stream().filter(id -> id < vocabularySize).toArray();
  }

  @Override
  public String toString() {
    return isAll() ? "every token" : count + " tokens";
  }
}
