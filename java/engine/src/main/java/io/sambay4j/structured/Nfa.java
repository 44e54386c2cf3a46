package io.sambay4j.structured;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One rule as a nondeterministic automaton over bytes. Edges read a byte of a range, read nothing,
 * call another rule, or take a tag. State 0 is the start.
 */
final class Nfa {
  /** Reads one byte in [low, high]. */
  record ByteEdge(int low, int high, int to) {}

  /** Reads whatever rule or tag number {@code what} stands for. */
  record SymbolEdge(int what, int to) {}

  /** The edges that leave one state. */
  static final class State {
    final List<ByteEdge> bytes = new ArrayList<>(1);
    final List<Integer> nothing = new ArrayList<>(0);
    final List<SymbolEdge> calls = new ArrayList<>(0);
    final List<SymbolEdge> tags = new ArrayList<>(0);
  }

  private final String name;
  private final Budget budget;
  private final List<State> states = new ArrayList<>();
  private int end;

  Nfa(String name, Budget budget) {
    this.name = name;
    this.budget = budget;
    newState();
  }

  /** The rule's name, for messages. */
  String name() {
    return name;
  }

  /** Fills the rule. */
  void set(Part body) {
    end = body.append(this, 0);
  }

  int end() {
    return end;
  }

  State state(int index) {
    return states.get(index);
  }

  int size() {
    return states.size();
  }

  int newState() {
    budget.takeNfaState(name);
    states.add(new State());
    return states.size() - 1;
  }

  void nothing(int from, int to) {
    budget.takeSteps(name, 1);
    states.get(from).nothing.add(to);
  }

  void bytes(int from, int low, int high, int to) {
    budget.takeSteps(name, 1);
    states.get(from).bytes.add(new ByteEdge(low, high, to));
  }

  int call(int from, int rule) {
    int to = newState();
    states.get(from).calls.add(new SymbolEdge(rule, to));
    return to;
  }

  int tag(int from, int tag) {
    int to = newState();
    states.get(from).tags.add(new SymbolEdge(tag, to));
    return to;
  }

  int literal(int from, String text) {
    int at = from;
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      int next = newState();
      bytes(at, b & 0xFF, b & 0xFF, next);
      at = next;
    }
    return at;
  }

  /** Reads one character of a set, as UTF-8. */
  void character(int from, CodePoints set, int to) {
    Map<List<Integer>, Integer> tails =
        new HashMap<>(); // what reads the last bytes, by their ranges
    for (CodePoints.Range range : set.ranges()) {
      Utf8.sequences(
          range.low(),
          range.high(),
          (lows, highs) -> {
            int next = to;
            List<Integer> tail = List.of();
            for (int i = lows.length - 1; i > 0; i--) {
              List<Integer> longer = new ArrayList<>(List.of(lows[i], highs[i]));
              longer.addAll(tail);
              tail = longer;
              Integer known = tails.get(tail);
              if (known == null) {
                known = newState();
                tails.put(tail, known);
                bytes(known, lows[i], highs[i], next);
              }
              next = known;
            }
            bytes(from, lows[0], highs[0], next);
          });
    }
  }
}
