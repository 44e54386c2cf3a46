package io.sambay4j.structured;

import io.sambay4j.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * The ordinary tokens of a vocabulary as a tree of their bytes, laid out so that a node's
 * descendants follow it directly. Control tokens are not in it.
 *
 * <p>The root is node 0. Immutable; any number of threads may use one.
 */
final class VocabularyTrie {
  private static final Map<Tokenizer, VocabularyTrie> KNOWN =
      Collections.synchronizedMap(new WeakHashMap<>());

  private static final int[] NONE = {};

  private static final byte[] NO_BYTES = {};

  private final int vocabularySize;
  private final byte[][] bytes;
  private final byte[] labels;
  private final short[] depths;
  private final int[] ends;

  /** The token that ends at a node, or -1. */
  private final int[] tokens;

  /** Further tokens of the same bytes. */
  private final Map<Integer, int[]> twins = new HashMap<>();

  private final BitSet hasTwins = new BitSet();

  private int maxDepth;

  /** The tree of a tokenizer, made once for each. */
  static VocabularyTrie of(Tokenizer tokenizer) {
    return KNOWN.computeIfAbsent(tokenizer, VocabularyTrie::new);
  }

  private VocabularyTrie(Tokenizer tokenizer) {
    vocabularySize = tokenizer.vocabularySize();
    bytes = new byte[vocabularySize][];
    for (int id = 0; id < vocabularySize; id++) {
      bytes[id] = tokenizer.isAddedToken(id) ? NO_BYTES : tokenizer.tokenBytes(id);
    }
    Integer[] sorted = new Integer[vocabularySize];
    Arrays.setAll(sorted, id -> id);
    Arrays.sort(sorted, (a, b) -> Arrays.compareUnsigned(bytes[a], bytes[b]));

    int size = 1;
    byte[] before = NO_BYTES;
    for (int id : sorted) {
      size += bytes[id].length - common(before, bytes[id]);
      before = bytes[id];
    }
    labels = new byte[size];
    depths = new short[size];
    ends = new int[size];
    tokens = new int[size];
    Arrays.fill(tokens, -1);
    fill(sorted);
  }

  private static int common(byte[] a, byte[] b) {
    int mismatch = Arrays.mismatch(a, b);
    return mismatch < 0 ? a.length : mismatch;
  }

  private void fill(Integer[] sorted) {
    int longest = Arrays.stream(bytes).mapToInt(b -> b.length).max().orElse(0);
    if (longest > Short.MAX_VALUE) {
      throw new IllegalArgumentException(
          "the longest token has %d bytes, at most %d are accepted"
              .formatted(longest, Short.MAX_VALUE));
    }
    maxDepth = longest;
    int[] path = new int[longest + 1]; // the node at each depth of the token before
    int depth = 0;
    int next = 1;
    byte[] before = NO_BYTES;
    for (int id : sorted) {
      byte[] token = bytes[id];
      if (token.length == 0) {
        continue;
      }
      int shared = common(before, token);
      for (; depth > shared; depth--) {
        ends[path[depth]] = next;
      }
      while (depth < token.length) {
        labels[next] = token[depth];
        depth++;
        depths[next] = (short) depth;
        path[depth] = next++;
      }
      put(path[depth], id);
      before = token;
    }
    for (; depth >= 0; depth--) {
      ends[path[depth]] = next;
    }
  }

  private void put(int node, int id) {
    if (tokens[node] < 0) {
      tokens[node] = id;
      return;
    }
    int[] known = twins.getOrDefault(node, NONE);
    int[] more = Arrays.copyOf(known, known.length + 1);
    more[known.length] = id;
    twins.put(node, more);
    hasTwins.set(node);
  }

  int vocabularySize() {
    return vocabularySize;
  }

  /** The bytes of a token; none for a control token. Not to be changed. */
  byte[] bytes(int token) {
    return bytes[token];
  }

  /** The length of the longest token. */
  int maxDepth() {
    return maxDepth;
  }

  /** The byte that leads to a node, in [0, 255]. */
  int label(int node) {
    return labels[node] & 0xFF;
  }

  /** How many bytes lead to a node. */
  int depth(int node) {
    return depths[node];
  }

  /** The first node that is not below the given one. */
  int end(int node) {
    return ends[node];
  }

  /** Adds the tokens that end at a node. */
  void addTokens(int node, BitSet out) {
    if (tokens[node] >= 0) {
      out.set(tokens[node]);
      if (hasTwins.get(node)) {
        for (int id : twins.getOrDefault(node, NONE)) {
          out.set(id);
        }
      }
    }
  }
}
