package io.sambay4j.structured;

/**
 * What compiling one grammar may cost. Counted in work and not in time, so that the same grammar is
 * taken or refused on every machine.
 */
final class Budget {
  /** Characters of a source text: schema, grammar or regular expression. */
  static final int MAX_SOURCE = 1 << 20;

  /** Groups, objects or arrays within each other in a source text. */
  static final int MAX_DEPTH = 128;

  /** The largest number in a repetition, and the longest string or array of a schema. */
  static final int MAX_REPETITIONS = 10_000;

  static final int MAX_RULES = 20_000;
  static final int MAX_STATES = 100_000;
  private static final int MAX_NFA_STATES = 1_000_000;
  private static final long MAX_STEPS = 20_000_000;

  private int nfaStates;
  private int states;
  private long steps;

  /** Takes one state of a nondeterministic automaton. */
  void takeNfaState(String place) {
    if (++nfaStates > MAX_NFA_STATES) {
      throw tooLarge(place);
    }
  }

  /** Takes one state of a deterministic automaton. */
  void takeState(String place) {
    if (++states > MAX_STATES) {
      throw tooLarge(place);
    }
  }

  /** Takes steps of work, each of some tens of nanoseconds. */
  void takeSteps(String place, long count) {
    steps += count;
    if (steps > MAX_STEPS) {
      throw tooLarge(place);
    }
  }

  static void checkSource(String what, String source) {
    if (source.length() > MAX_SOURCE) {
      throw new GrammarException(
          "%s has %d characters, at most %d are accepted"
              .formatted(what, source.length(), MAX_SOURCE));
    }
  }

  private static GrammarException tooLarge(String place) {
    return new GrammarException(
        "%s: the automaton would have more than %d states; use smaller repetitions, fewer alternatives or a simpler pattern"
            .formatted(place, MAX_STATES));
  }
}
