package io.sambay4j.structured;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Turns the rules of a grammar into an {@link Automaton}. */
final class Compiler {
  private final Rules rules;
  private final int root;
  private final BitSet nullable = new BitSet();
  private final Map<Integer, List<Determinizer.Draft>> drafts = new HashMap<>();

  private Compiler(Rules rules, int root) {
    this.rules = rules;
    this.root = root;
  }

  /**
   * Compiles what the root rule needs.
   *
   * @throws GrammarException if a rule calls itself before reading anything, no finite text follows
   *     the rules, or the budget does not suffice
   */
  static Automaton compile(Rules rules, int root) {
    return new Compiler(rules, root).compile();
  }

  private Automaton compile() {
    List<Integer> called = calledRules();
    findNullable(called);
    for (int rule : called) {
      passByNullable(rules.rule(rule));
    }
    List<Integer> callersLast = orderByLeftCalls(called);
    for (int rule : called) {
      drafts.put(rule, Determinizer.run(rules.rule(rule), rules.budget()));
    }
    return assemble(called, callersLast, live(called));
  }

  private List<Integer> calledRules() {
    BitSet seen = new BitSet();
    List<Integer> called = new ArrayList<>(List.of(root));
    called.addAll(rules.tagRules());
    called.forEach(seen::set);
    for (int i = 0; i < called.size(); i++) {
      Nfa nfa = rules.rule(called.get(i));
      for (int s = 0; s < nfa.size(); s++) {
        for (Nfa.SymbolEdge call : nfa.state(s).calls) {
          if (!seen.get(call.what())) {
            seen.set(call.what());
            called.add(call.what());
          }
        }
      }
    }
    return called;
  }

  // Rules that may be empty.

  private void findNullable(List<Integer> called) {
    boolean changed = true;
    while (changed) {
      changed = false;
      for (int rule : called) {
        Nfa nfa = rules.rule(rule);
        if (!nullable.get(rule) && withoutReading(nfa).get(nfa.end())) {
          nullable.set(rule);
          changed = true;
        }
      }
    }
  }

  /** The states reached from a rule's start without reading, as far as is known by now. */
  private BitSet withoutReading(Nfa nfa) {
    BitSet reached = new BitSet();
    Deque<Integer> todo = new ArrayDeque<>(List.of(0));
    while (!todo.isEmpty()) {
      int index = todo.pop();
      if (reached.get(index)) {
        continue;
      }
      reached.set(index);
      rules.budget().takeSteps(nfa.name(), 1);
      Nfa.State state = nfa.state(index);
      todo.addAll(state.nothing);
      for (Nfa.SymbolEdge call : state.calls) {
        if (nullable.get(call.what())) {
          todo.push(call.to());
        }
      }
    }
    return reached;
  }

  private void passByNullable(Nfa nfa) {
    for (int s = 0; s < nfa.size(); s++) {
      for (Nfa.SymbolEdge call : nfa.state(s).calls) {
        if (nullable.get(call.what())) {
          nfa.nothing(s, call.to());
        }
      }
    }
  }

  // Rules that call each other before reading.

  /** The rules in an order in which those that one calls before reading stand before it. */
  private List<Integer> orderByLeftCalls(List<Integer> called) {
    Map<Integer, List<Integer>> leftCalls = new HashMap<>();
    for (int rule : called) {
      Nfa nfa = rules.rule(rule);
      List<Integer> callees = new ArrayList<>();
      withoutReading(nfa).stream()
          .forEach(s -> nfa.state(s).calls.forEach(call -> callees.add(call.what())));
      leftCalls.put(rule, callees);
    }
    List<Integer> order = new ArrayList<>();
    BitSet entered = new BitSet();
    BitSet left = new BitSet();
    for (int rule : called) {
      visit(rule, leftCalls, entered, left, order);
    }
    return order;
  }

  /** Depth first, with a stack of its own: chains of rules may be long. */
  private void visit(
      int first,
      Map<Integer, List<Integer>> leftCalls,
      BitSet entered,
      BitSet left,
      List<Integer> order) {
    Deque<Integer> path = new ArrayDeque<>(List.of(first));
    while (!path.isEmpty()) {
      int rule = path.peek();
      if (left.get(rule)) {
        path.pop();
      } else if (entered.get(rule)) {
        left.set(rule);
        order.add(rule);
        path.pop();
      } else {
        entered.set(rule);
        for (int callee : leftCalls.getOrDefault(rule, List.of())) {
          if (entered.get(callee) && !left.get(callee)) {
            throw new GrammarException(
                "%s refers to itself before anything else; write a repetition, or put something before the reference"
                    .formatted(rules.rule(callee).name()));
          }
          path.push(callee);
        }
      }
    }
  }

  // States from which a rule can end.

  /** By rule, the states from which its end can be reached by a finite text. */
  private Map<Integer, BitSet> live(List<Integer> called) {
    Map<Integer, BitSet> live = new HashMap<>();
    called.forEach(rule -> live.put(rule, new BitSet()));
    boolean changed = true;
    while (changed) {
      changed = false;
      for (int i = called.size() - 1; i >= 0; i--) { // callers mostly stand before whom they call
        changed |= growLive(called.get(i), live);
      }
    }
    if (!isLive(root, live)) {
      throw new GrammarException(
          "%s: no finite text follows it; a rule or schema requires itself without an end"
              .formatted(rules.rule(root).name()));
    }
    return live;
  }

  private boolean growLive(int rule, Map<Integer, BitSet> live) {
    List<Determinizer.Draft> states = drafts(rule);
    BitSet own = live.getOrDefault(rule, new BitSet());
    int before = own.cardinality();
    int size;
    do { // backwards, because most edges lead forwards
      size = own.cardinality();
      for (int s = states.size() - 1; s >= 0; s--) {
        rules.budget().takeSteps(rules.rule(rule).name(), 1);
        Determinizer.Draft state = states.get(s);
        if (!own.get(s)
            && (state.accepting
                || state.bytes.stream().anyMatch(e -> own.get(e.to()))
                || state.tags.stream().anyMatch(e -> own.get(e.to()))
                || state.calls.stream().anyMatch(e -> own.get(e.to()) && isLive(e.what(), live)))) {
          own.set(s);
        }
      }
    } while (own.cardinality() > size);
    return size > before;
  }

  private static boolean isLive(int rule, Map<Integer, BitSet> live) {
    return live.getOrDefault(rule, new BitSet()).get(0);
  }

  private List<Determinizer.Draft> drafts(int rule) {
    return drafts.getOrDefault(rule, List.of());
  }

  // The automaton.

  private Automaton assemble(
      List<Integer> called, List<Integer> callersLast, Map<Integer, BitSet> live) {
    int[] starts = new int[rules.size()];
    Arrays.fill(starts, -1);
    Map<Integer, int[]> numbers = new HashMap<>();
    int count = 0;
    for (int rule : called) {
      BitSet own = live.getOrDefault(rule, new BitSet());
      int[] numberOf = new int[drafts(rule).size()];
      Arrays.fill(numberOf, -1);
      for (int s = own.nextSetBit(0); s >= 0; s = own.nextSetBit(s + 1)) {
        numberOf[s] = count++;
      }
      numbers.put(rule, numberOf);
      starts[rule] = numberOf[0];
    }
    Automaton.State[] states = new Automaton.State[count];
    int[] rankOfStart = new int[rules.size()];
    for (int rule : callersLast) {
      if (starts[rule] >= 0) {
        rankOfStart[rule] = rank(drafts(rule).get(0), rankOfStart, starts);
      }
    }
    for (int rule : called) {
      int[] numberOf = numbers.getOrDefault(rule, new int[0]);
      for (int s = 0; s < numberOf.length; s++) {
        if (numberOf[s] >= 0) {
          states[numberOf[s]] = state(drafts(rule).get(s), numberOf, starts, rankOfStart);
        }
      }
    }
    return new Automaton(List.of(states), starts, root, rules.tags(), rules.tagRules());
  }

  private static Automaton.State state(
      Determinizer.Draft draft, int[] numberOf, int[] starts, int[] rankOfStart) {
    return new Automaton.State(
        draft.bytes.stream()
            .filter(e -> numberOf[e.to()] >= 0)
            .map(e -> new Nfa.ByteEdge(e.low(), e.high(), numberOf[e.to()]))
            .toList(),
        draft.accepting,
        draft.calls.stream()
            .filter(e -> numberOf[e.to()] >= 0 && starts[e.what()] >= 0)
            .map(e -> new Nfa.SymbolEdge(e.what(), numberOf[e.to()]))
            .toList(),
        draft.tags.stream()
            .filter(e -> numberOf[e.to()] >= 0)
            .map(e -> new Nfa.SymbolEdge(e.what(), numberOf[e.to()]))
            .toList(),
        rank(draft, rankOfStart, starts));
  }

  private static int rank(Determinizer.Draft draft, int[] rankOfStart, int[] starts) {
    int rank = draft.tags.isEmpty() ? 0 : 1; // a tag's rule calls none
    for (Nfa.SymbolEdge call : draft.calls) {
      if (starts[call.what()] >= 0) {
        rank = Math.max(rank, rankOfStart[call.what()] + 1);
      }
    }
    return rank;
  }
}
