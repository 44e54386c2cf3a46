package io.sambay4j.structured;

import java.util.List;

/**
 * A compiled grammar: each rule is a deterministic automaton over bytes, calls and tags; all states
 * stand in one list. From every state the end of its rule can be reached.
 *
 * <p>No rule can call itself before it has read something, and a rule that may be empty is never
 * entered only to be left at once: whoever calls it has an edge that passes it by.
 */
final class Automaton {
  /** What is possible in one place of a rule. */
  static final class State {
    private final int[] lows;
    private final int[] highs;
    private final int[] targets;

    /** Whether the rule may end here. */
    final boolean accepting;

    /** Rules that may come next, by {@link Nfa.SymbolEdge#what}, and the state after each. */
    final List<Nfa.SymbolEdge> calls;

    /** Tags that may come next, and the state after each. */
    final List<Nfa.SymbolEdge> tags;

    /** More than that of the start of every rule called from here, a tag's rule included. */
    final int rank;

    State(
        List<Nfa.ByteEdge> bytes,
        boolean accepting,
        List<Nfa.SymbolEdge> calls,
        List<Nfa.SymbolEdge> tags,
        int rank) {
      this.lows = bytes.stream().mapToInt(Nfa.ByteEdge::low).toArray();
      this.highs = bytes.stream().mapToInt(Nfa.ByteEdge::high).toArray();
      this.targets = bytes.stream().mapToInt(Nfa.ByteEdge::to).toArray();
      this.accepting = accepting;
      this.calls = calls;
      this.tags = tags;
      this.rank = rank;
    }

    /** The state after a byte, or -1. */
    int next(int b) {
      for (int i = 0; i < lows.length && lows[i] <= b; i++) {
        if (b <= highs[i]) {
          return targets[i];
        }
      }
      return -1;
    }

    /** How many ranges of bytes may come next; they ascend. */
    int ranges() {
      return lows.length;
    }

    int low(int range) {
      return lows[range];
    }

    int high(int range) {
      return highs[range];
    }

    int target(int range) {
      return targets[range];
    }

    /** Whether anything can be read here without a call. */
    boolean reads() {
      return lows.length > 0 || !tags.isEmpty();
    }

    /** Whether nothing but the end of the rule can follow. */
    boolean onlyEnds() {
      return !reads() && calls.isEmpty();
    }
  }

  private final List<State> states;
  private final int[] ruleStart;
  private final int root;
  private final List<String> tags;
  private final List<Integer> tagRules;

  /**
   * An automaton.
   *
   * @param states of all rules
   * @param ruleStart the state in which each rule starts; -1 where it is never called
   * @param root the rule that the whole text follows
   * @param tags texts of the tags, by number
   * @param tagRules by tag, the rule that reads its text
   */
  Automaton(
      List<State> states, int[] ruleStart, int root, List<String> tags, List<Integer> tagRules) {
    this.states = states;
    this.ruleStart = ruleStart.clone();
    this.root = root;
    this.tags = tags;
    this.tagRules = tagRules;
  }

  int size() {
    return states.size();
  }

  State state(int index) {
    return states.get(index);
  }

  /** The state in which a rule starts. */
  int start(int rule) {
    return ruleStart[rule];
  }

  /** The state in which the text starts. */
  int start() {
    return ruleStart[root];
  }

  List<String> tags() {
    return tags;
  }

  /** The rule that reads a tag's text. */
  int tagRule(int tag) {
    return tagRules.get(tag);
  }
}
