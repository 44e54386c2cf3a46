package io.sambay4j.structured;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** A piece of a rule: adds itself to an automaton, as often as it is asked to. */
@FunctionalInterface
interface Part {
  /** Adds states and edges that begin in {@code from}; returns the state where the piece ends. */
  int append(Nfa nfa, int from);

  /** No upper limit of {@link #repeat}. */
  int UNLIMITED = -1;

  /** The empty text. */
  Part NOTHING = (nfa, from) -> from;

  /** No text at all. */
  Part IMPOSSIBLE = (nfa, from) -> nfa.newState();

  static Part literal(String text) {
    return (nfa, from) -> nfa.literal(from, text);
  }

  static Part character(CodePoints set) {
    return (nfa, from) -> {
      int to = nfa.newState();
      nfa.character(from, set, to);
      return to;
    };
  }

  static Part call(int rule) {
    return (nfa, from) -> nfa.call(from, rule);
  }

  static Part tag(int tag) {
    return (nfa, from) -> nfa.tag(from, tag);
  }

  static Part sequence(Part... parts) {
    return sequence(List.of(parts));
  }

  static Part sequence(List<Part> parts) {
    return (nfa, from) -> {
      int at = from;
      for (Part part : parts) {
        at = part.append(nfa, at);
      }
      return at;
    };
  }

  static Part anyOf(Part... parts) {
    return anyOf(List.of(parts));
  }

  static Part anyOf(List<Part> parts) {
    return (nfa, from) -> {
      int end = nfa.newState();
      for (Part part : parts) {
        int start = nfa.newState(); // a part that loops to its start must not enter the others
        nfa.nothing(from, start);
        nfa.nothing(part.append(nfa, start), end);
      }
      return end;
    };
  }

  /**
   * What a parser finds: one part, or any of several.
   *
   * @param more whether another alternative follows
   */
  static Part alternatives(Supplier<Part> next, BooleanSupplier more) {
    List<Part> all = new ArrayList<>();
    do {
      all.add(next.get());
    } while (more.getAsBoolean());
    return all.size() == 1 ? all.get(0) : anyOf(all);
  }

  static Part optional(Part part) {
    return repeat(part, 0, 1);
  }

  /** The piece {@code min} to {@code max} times, or without an upper limit. */
  static Part repeat(Part part, int min, int max) {
    return (nfa, from) -> {
      int at = from;
      for (int i = 0; i < min; i++) {
        at = part.append(nfa, at);
      }
      int end = nfa.newState();
      if (max == UNLIMITED) {
        int loop = nfa.newState();
        nfa.nothing(at, loop);
        nfa.nothing(part.append(nfa, loop), loop);
        nfa.nothing(loop, end);
        return end;
      }
      for (int i = min; i < max; i++) {
        nfa.nothing(at, end);
        int start = nfa.newState();
        nfa.nothing(at, start);
        at = part.append(nfa, start);
      }
      nfa.nothing(at, end);
      return end;
    };
  }
}
