package io.sambay4j.structured;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Classes of states that no token can tell apart: they take the same texts of up to a length. So
 * all but the last positions of a long counted string have one token mask between them.
 *
 * <p>By refinement (Moore 1956): after n rounds, states are in one class if they agree on all texts
 * of up to n bytes.
 */
final class StateClasses {
  private final Automaton automaton;
  private final int[] classes; // of each state
  private final List<Set<Integer>> members = new ArrayList<>(); // of each class
  private final List<List<Integer>> predecessors = new ArrayList<>();

  private StateClasses(Automaton automaton) {
    this.automaton = automaton;
    int size = automaton.size();
    classes = new int[size];
    Set<Integer> all = new LinkedHashSet<>();
    for (int s = 0; s < size; s++) {
      all.add(s);
      predecessors.add(new ArrayList<>());
    }
    members.add(all);
    for (int s = 0; s < size; s++) {
      Automaton.State state = automaton.state(s);
      for (int i = 0; i < state.ranges(); i++) {
        predecessors.get(state.target(i)).add(s);
      }
      for (Nfa.SymbolEdge call : state.calls) {
        predecessors.get(call.to()).add(s);
      }
      for (Nfa.SymbolEdge tag : state.tags) {
        predecessors.get(tag.to()).add(s);
      }
    }
  }

  /** The class of each state, in [0, states). */
  static int[] of(Automaton automaton, int length) {
    StateClasses states = new StateClasses(automaton);
    Set<Integer> dirty = new LinkedHashSet<>(states.members.get(0));
    for (int round = 0; round <= length && !dirty.isEmpty(); round++) {
      dirty = states.refine(dirty);
    }
    return states.classes;
  }

  /**
   * One round.
   *
   * @param dirty the states whose successors changed class in the round before
   * @return those whose successors changed class in this one
   */
  private Set<Integer> refine(Set<Integer> dirty) {
    Map<Integer, Map<IntBuffer, List<Integer>>> split = new LinkedHashMap<>();
    for (int s : dirty) {
      split
          .computeIfAbsent(classes[s], c -> new LinkedHashMap<>())
          .computeIfAbsent(signature(automaton.state(s), classes), key -> new ArrayList<>())
          .add(s);
    }
    List<Integer> moved = new ArrayList<>();
    split.forEach((number, groups) -> splitClass(number, groups.values(), moved));
    Set<Integer> next = new LinkedHashSet<>();
    moved.forEach(s -> next.addAll(predecessors.get(s)));
    return next;
  }

  /**
   * Gives each group a class of its own; the largest stays, so that few states are looked at again.
   */
  private void splitClass(int number, Collection<List<Integer>> groups, List<Integer> moved) {
    Set<Integer> all = members.get(number);
    List<Integer> staying = List.of();
    int clean = all.size();
    for (List<Integer> group : groups) {
      clean -= group.size();
      staying = group.size() > staying.size() ? group : staying;
    }
    // States that are not dirty look as they did, so they are a group as well. That a dirty one may
    // look like them is no harm: it only makes a class finer than it need be.
    boolean cleanStay = clean >= staying.size();
    if (!cleanStay && clean > 0) {
      List<Integer> unchanged = new ArrayList<>(all);
      groups.forEach(unchanged::removeAll);
      move(unchanged, all, moved);
    }
    for (List<Integer> group : groups) {
      if (cleanStay || group != staying) {
        move(group, all, moved);
      }
    }
  }

  private void move(List<Integer> group, Set<Integer> from, List<Integer> moved) {
    int number = members.size();
    members.add(new LinkedHashSet<>(group));
    for (int s : group) {
      from.remove(s);
      classes[s] = number;
    }
    moved.addAll(group);
  }

  /** What one round sees of a state. */
  private static IntBuffer signature(Automaton.State state, int[] classes) {
    IntBuffer values =
        IntBuffer.allocate(3 + 3 * state.ranges() + 2 * state.calls.size() + 2 * state.tags.size());
    values.put(state.accepting ? 1 : 0).put(state.ranges()).put(state.calls.size());
    for (int i = 0; i < state.ranges(); i++) {
      values.put(state.low(i)).put(state.high(i)).put(classes[state.target(i)]);
    }
    for (Nfa.SymbolEdge call : state.calls) {
      values.put(call.what()).put(classes[call.to()]);
    }
    for (Nfa.SymbolEdge tag : state.tags) {
      values.put(tag.what()).put(classes[tag.to()]);
    }
    return values.flip();
  }
}
