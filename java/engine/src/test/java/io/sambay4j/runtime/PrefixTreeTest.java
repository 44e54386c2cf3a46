package io.sambay4j.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The radix tree against plain lists. */
final class PrefixTreeTest {
  @Test
  void itKnowsWhatAListOfPrefixesKnows() {
    long seed = new Random().nextLong();
    System.out.println("prefix tree: seed " + seed);
    Random random = new Random(seed);
    PrefixTree<int[]> tree = new PrefixTree<>();
    Map<String, int[]> known = new TreeMap<>();
    for (int round = 0; round < 4_000; round++) {
      int[] tokens = random.ints(1 + random.nextInt(12), 0, 3).toArray();
      String key = Arrays.toString(tokens);
      if (random.nextInt(3) == 0) {
        if (known.remove(key) != null) {
          tree.remove(tree.node(tokens, tokens.length));
        }
      } else if (!known.containsKey(key)) {
        PrefixTree.Node<int[]> node = tree.node(tokens, tokens.length);
        assertArrayEquals(tokens, node.tokens());
        tree.setValue(node, tokens);
        known.put(key, tokens);
      }
      check(tree, known, random.ints(1 + random.nextInt(15), 0, 3).toArray(), "seed " + seed);
    }
  }

  private static void check(
      PrefixTree<int[]> tree, Map<String, int[]> known, int[] query, String what) {
    int longest = 0;
    int common = 0;
    for (int[] tokens : known.values()) {
      int same = Arrays.mismatch(tokens, query);
      same = same < 0 ? query.length : same;
      common = Math.max(common, same);
      longest = same == tokens.length ? Math.max(longest, same) : longest;
    }
    PrefixTree.Match<int[]> match = tree.match(query, query.length);
    assertEquals(common, match.common(), what);
    assertEquals(longest, match.node() == null ? 0 : match.node().depth(), what);
    if (match.node() == null) {
      return;
    }
    int[] from = assertNotNullValue(match.node());
    assertEquals(from.length - longestBefore(known, from), match.node().gap(v -> true), what);
    List<String> below = new ArrayList<>();
    match.node().nearestBelow(v -> true, v -> below.add(Arrays.toString(v)));
    assertEquals(nearestBelow(known, from), new TreeSet<>(below), what);
    assertEquals(below.size(), new TreeSet<>(below).size(), what);
  }

  private static int[] assertNotNullValue(PrefixTree.Node<int[]> node) {
    int[] value = node.value();
    assertNotNull(value);
    return value;
  }

  private static boolean isBefore(int[] shorter, int[] longer) {
    return shorter.length < longer.length && Arrays.mismatch(shorter, longer) == shorter.length;
  }

  private static int longestBefore(Map<String, int[]> known, int[] tokens) {
    return known.values().stream()
        .filter(other -> isBefore(other, tokens))
        .mapToInt(other -> other.length)
        .max()
        .orElse(0);
  }

  /** Those below with nothing between. */
  private static TreeSet<String> nearestBelow(Map<String, int[]> known, int[] tokens) {
    TreeSet<String> nearest = new TreeSet<>();
    for (int[] other : known.values()) {
      if (isBefore(tokens, other) && longestBefore(known, other) == tokens.length) {
        nearest.add(Arrays.toString(other));
      }
    }
    return nearest;
  }
}
