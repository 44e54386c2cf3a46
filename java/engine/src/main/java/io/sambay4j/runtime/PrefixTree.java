package io.sambay4j.runtime;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A radix tree over token ids: values at ends of token lists, lists with a common beginning sharing
 * it. Branches without a value on them are cut off.
 */
final class PrefixTree<V> {
  private final Node<V> root = new Node<>(null, new int[0], 0);

  /** The end of a list of tokens, or where two of them part. */
  static final class Node<V> {
    private @Nullable Node<V> parent;
    private int[] edge; // the tokens from the parent to here
    private final int depth; // tokens from the root
    private final Map<Integer, Node<V>> children = new HashMap<>(); // by their first token
    private @Nullable V value;

    private Node(@Nullable Node<V> parent, int[] edge, int depth) {
      this.parent = parent;
      this.edge = edge;
      this.depth = depth;
    }

    int depth() {
      return depth;
    }

    @Nullable V value() {
      return value;
    }

    /** Tokens from the nearest value before this one that counts, or from the start. */
    int gap(Predicate<V> counts) {
      Node<V> before = parent;
      while (before != null && (before.value == null || !counts.test(before.value))) {
        before = before.parent;
      }
      return depth - (before == null ? 0 : before.depth);
    }

    /** Calls for the first value on each way down from here that counts. */
    void nearestBelow(Predicate<V> counts, Consumer<V> each) {
      Deque<Node<V>> open = new ArrayDeque<>(children.values());
      while (!open.isEmpty()) {
        Node<V> node = open.pop();
        if (node.value != null && counts.test(node.value)) {
          each.accept(node.value);
        } else {
          open.addAll(node.children.values());
        }
      }
    }

    /** All tokens from the root. */
    int[] tokens() {
      int[] all = new int[depth];
      for (Node<V> node = this; node != null; node = node.parent) {
        System.arraycopy(node.edge, 0, all, node.depth - node.edge.length, node.edge.length);
      }
      return all;
    }
  }

  /**
   * What the tree knows of a list of tokens.
   *
   * @param node of the longest beginning with a value; null: none
   * @param common how many of the tokens are in the tree, with a value or not
   */
  record Match<V>(@Nullable Node<V> node, int common) {}

  /**
   * The longest beginning that has a value.
   *
   * @param most tokens it may have
   */
  Match<V> match(int[] tokens, int most) {
    Node<V> node = root;
    Node<V> best = null;
    while (true) {
      if (node.value != null && node.depth <= most) {
        best = node;
      }
      Node<V> child = node.depth < tokens.length ? node.children.get(tokens[node.depth]) : null;
      if (child == null) {
        return new Match<>(best, node.depth);
      }
      int same = common(child.edge, tokens, node.depth);
      if (same < child.edge.length) {
        return new Match<>(best, node.depth + same);
      }
      node = child;
    }
  }

  private static int common(int[] edge, int[] tokens, int from) {
    int most = Math.min(edge.length, tokens.length - from);
    int mismatch = Arrays.mismatch(edge, 0, most, tokens, from, from + most);
    return mismatch < 0 ? most : mismatch;
  }

  /** The node after the first so many tokens, made if it is not there. */
  Node<V> node(int[] tokens, int length) {
    Node<V> node = root;
    while (node.depth < length) {
      Node<V> child = node.children.get(tokens[node.depth]);
      if (child == null) {
        child = new Node<>(node, Arrays.copyOfRange(tokens, node.depth, length), length);
        node.children.put(tokens[node.depth], child);
        return child;
      }
      int same = Math.min(common(child.edge, tokens, node.depth), length - node.depth);
      node = same < child.edge.length ? split(child, same) : child;
    }
    return node;
  }

  /** Puts a node into the edge that leads to a child. */
  private Node<V> split(Node<V> child, int at) {
    Node<V> parent = child.parent;
    Node<V> between =
        new Node<>(parent, Arrays.copyOf(child.edge, at), child.depth - child.edge.length + at);
    if (parent != null) {
      parent.children.put(between.edge[0], between);
    }
    child.edge = Arrays.copyOfRange(child.edge, at, child.edge.length);
    child.parent = between;
    between.children.put(child.edge[0], child);
    return between;
  }

  void setValue(Node<V> node, V value) {
    node.value = value;
  }

  /** Takes a node's value away, and what leads to no other. */
  void remove(Node<V> node) {
    node.value = null;
    Node<V> parent = node.parent;
    while (parent != null && node.value == null && node.children.isEmpty()) {
      parent.children.remove(node.edge[0]);
      node = parent;
      parent = node.parent;
    }
    if (parent != null && node.value == null && node.children.size() == 1) {
      join(node, node.children.values().iterator().next());
    }
  }

  /** Takes a node out that no list ends at and none parts at. */
  private void join(Node<V> node, Node<V> child) {
    int[] edge = Arrays.copyOf(node.edge, node.edge.length + child.edge.length);
    System.arraycopy(child.edge, 0, edge, node.edge.length, child.edge.length);
    child.edge = edge;
    child.parent = node.parent;
    if (node.parent != null) {
      node.parent.children.put(edge[0], child);
    }
  }
}
