package io.sambay4j.structured;

import java.nio.IntBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** Turns one rule into a deterministic automaton by the subset construction. */
final class Determinizer {
  /** A deterministic state; targets are numbers within the rule. */
  static final class Draft {
    final List<Nfa.ByteEdge> bytes = new ArrayList<>();
    final List<Nfa.SymbolEdge> calls = new ArrayList<>();
    final List<Nfa.SymbolEdge> tags = new ArrayList<>();
    boolean accepting;
  }

  private final Nfa nfa;
  private final Budget budget;
  private final Map<IntBuffer, Integer> numbers = new HashMap<>();
  private final List<Draft> drafts = new ArrayList<>();
  private final Deque<IntBuffer> open = new ArrayDeque<>();

  // Scratch of closure().
  private final int[] seen;
  private int round;

  private Determinizer(Nfa nfa, Budget budget) {
    this.nfa = nfa;
    this.budget = budget;
    this.seen = new int[nfa.size()];
  }

  /** The deterministic states of a rule, the start first. */
  static List<Draft> run(Nfa nfa, Budget budget) {
    Determinizer determinizer = new Determinizer(nfa, budget);
    determinizer.number(List.of(0));
    for (int i = 0; !determinizer.open.isEmpty(); i++) {
      determinizer.expand(determinizer.open.remove(), determinizer.drafts.get(i));
    }
    return determinizer.drafts;
  }

  private void expand(IntBuffer subset, Draft draft) {
    TreeSet<Integer> borders = new TreeSet<>();
    List<Nfa.ByteEdge> edges = new ArrayList<>();
    Map<Integer, List<Integer>> calls = new TreeMap<>();
    Map<Integer, List<Integer>> tags = new TreeMap<>();
    for (int index : subset.array()) {
      Nfa.State state = nfa.state(index);
      draft.accepting |= index == nfa.end();
      for (Nfa.ByteEdge edge : state.bytes) {
        edges.add(edge);
        borders.add(edge.low());
        borders.add(edge.high() + 1);
      }
      for (Nfa.SymbolEdge call : state.calls) {
        calls.computeIfAbsent(call.what(), rule -> new ArrayList<>()).add(call.to());
      }
      for (Nfa.SymbolEdge tag : state.tags) {
        tags.computeIfAbsent(tag.what(), t -> new ArrayList<>()).add(tag.to());
      }
    }
    calls.forEach((rule, to) -> draft.calls.add(new Nfa.SymbolEdge(rule, number(to))));
    tags.forEach((tag, to) -> draft.tags.add(new Nfa.SymbolEdge(tag, number(to))));
    expandBytes(edges, borders, draft);
  }

  private void expandBytes(List<Nfa.ByteEdge> edges, SortedSet<Integer> borders, Draft draft) {
    Integer low = null;
    List<List<Integer>> byLow = targetsByRange(edges, borders);
    int range = 0;
    for (int border : borders) {
      if (low != null) {
        List<Integer> targets = byLow.get(range++);
        if (!targets.isEmpty()) {
          addRange(draft, low, border - 1, number(targets));
        }
      }
      low = border;
    }
  }

  /** For each stretch between two borders, where its bytes lead. */
  private List<List<Integer>> targetsByRange(List<Nfa.ByteEdge> edges, SortedSet<Integer> borders) {
    Map<Integer, Integer> index = new HashMap<>();
    for (int border : borders) {
      index.put(border, index.size());
    }
    List<List<Integer>> targets = new ArrayList<>();
    for (int i = 0; i < borders.size(); i++) {
      targets.add(new ArrayList<>());
    }
    for (Nfa.ByteEdge edge : edges) {
      int from = index.getOrDefault(edge.low(), 0);
      int to = index.getOrDefault(edge.high() + 1, 0);
      budget.takeSteps(nfa.name(), to - from);
      for (int i = from; i < to; i++) {
        targets.get(i).add(edge.to());
      }
    }
    return targets;
  }

  /** Neighbouring ranges with the same target become one. */
  private static void addRange(Draft draft, int low, int high, int to) {
    int last = draft.bytes.size() - 1;
    if (last >= 0) {
      Nfa.ByteEdge before = draft.bytes.get(last);
      if (before.to() == to && before.high() + 1 == low) {
        draft.bytes.set(last, new Nfa.ByteEdge(before.low(), high, to));
        return;
      }
    }
    draft.bytes.add(new Nfa.ByteEdge(low, high, to));
  }

  /** The number of the set of states that are reached from some without reading. */
  private int number(List<Integer> states) {
    IntBuffer subset = closure(states);
    Integer known = numbers.get(subset);
    if (known != null) {
      return known;
    }
    budget.takeState(nfa.name());
    numbers.put(subset, drafts.size());
    drafts.add(new Draft());
    open.add(subset);
    return drafts.size() - 1;
  }

  private IntBuffer closure(List<Integer> from) {
    round++;
    Deque<Integer> todo = new ArrayDeque<>();
    List<Integer> all = new ArrayList<>();
    for (int state : from) {
      visit(state, todo);
    }
    while (!todo.isEmpty()) {
      int state = todo.pop();
      all.add(state);
      nfa.state(state).nothing.forEach(next -> visit(next, todo));
    }
    budget.takeSteps(nfa.name(), 2L * all.size());
    return IntBuffer.wrap(
        all.stream().filter(this::matters).mapToInt(Integer::intValue).sorted().toArray());
  }

  private void visit(int state, Deque<Integer> todo) {
    if (seen[state] != round) {
      seen[state] = round;
      todo.push(state);
    }
  }

  /** States that only lead on without reading do not tell two sets apart. */
  private boolean matters(int index) {
    Nfa.State state = nfa.state(index);
    return index == nfa.end()
        || !state.bytes.isEmpty()
        || !state.calls.isEmpty()
        || !state.tags.isEmpty();
  }
}
