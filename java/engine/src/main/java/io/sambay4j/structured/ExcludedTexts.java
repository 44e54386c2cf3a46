package io.sambay4j.structured;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Text in which given ones do not occur: the automaton of Aho and Corasick (1975) without the
 * states in which one is complete.
 */
final class ExcludedTexts {
  private ExcludedTexts() {}

  /** The beginning of an excluded text that the text so far ends with. */
  private static final class Node {
    final Map<Integer, Node> children = new HashMap<>();
    Node fallback = this;
    boolean complete;
    int state;

    Node next(int codePoint) {
      for (Node node = this; ; node = node.fallback) {
        Node child = node.children.get(codePoint);
        if (child != null) {
          return child;
        }
        if (node == node.fallback) {
          return node;
        }
      }
    }
  }

  /** Any text, perhaps none, without the given ones. */
  static Part textWithout(List<String> excluded) {
    return (nfa, from) -> {
      Node root = new Node();
      TreeSet<Integer> alphabet = new TreeSet<>();
      List<Node> nodes = tree(excluded, root, alphabet);
      CodePoints others = CodePoints.ALL;
      for (int c : alphabet) {
        others = others.minus(CodePoints.of(c));
      }
      int end = nfa.newState();
      for (Node node : nodes) {
        node.state = nfa.newState();
      }
      nfa.nothing(from, root.state);
      for (Node node : nodes) {
        if (!node.complete) {
          nfa.nothing(node.state, end);
          nfa.character(node.state, others, root.state);
          for (int c : alphabet) {
            Node next = node.next(c);
            if (!next.complete) {
              nfa.character(node.state, CodePoints.of(c), next.state);
            }
          }
        }
      }
      return end;
    };
  }

  /** All nodes, each after those it falls back to. */
  private static List<Node> tree(List<String> texts, Node root, Set<Integer> alphabet) {
    for (String text : texts) {
      Node node = root;
      for (int c : text.codePoints().toArray()) {
        alphabet.add(c);
        node = node.children.computeIfAbsent(c, key -> new Node());
      }
      node.complete = true;
    }
    List<Node> nodes = new ArrayList<>();
    Deque<Node> open = new ArrayDeque<>(List.of(root));
    while (!open.isEmpty()) {
      Node node = open.remove();
      nodes.add(node);
      node.children.forEach(
          (c, child) -> {
            child.fallback = node == root ? root : node.fallback.next(c);
            child.complete |= child.fallback.complete;
            open.add(child);
          });
    }
    return nodes;
  }
}
