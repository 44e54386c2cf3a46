package io.sambay4j.tokenizer.jinja;

import io.sambay4j.InvalidModelException;
import java.time.ZonedDateTime;

/** One rendering of a template: what it may still spend, and the words for what goes wrong. */
final class Run {
  private static final long MAX_STEPS = 4_000_000;
  private static final int MAX_DEPTH = 200;

  /** Longest string, in UTF-16 units. */
  static final int MAX_LENGTH = 1 << 25;

  /** Longest list. */
  static final int MAX_ELEMENTS = 1 << 20;

  /** Characters that may be copied for the price of one step. */
  private static final int CHARACTERS_PER_STEP = 64;

  private final String where;
  private final ZonedDateTime now;
  private long steps;
  private int depth;

  Run(String where, ZonedDateTime now) {
    this.where = where;
    this.now = now;
  }

  ZonedDateTime now() {
    return now;
  }

  Object evaluate(Expression expression, Scope scope) {
    enter(expression.line());
    Object value = expression.evaluate(scope, this);
    depth--;
    return value;
  }

  /**
   * Counts a step and a level of nesting; an exception ends the run, so only success needs {@link
   * #leave}.
   */
  void enter(int line) {
    spend(line, 1);
    if (++depth > MAX_DEPTH) {
      throw error(line, "more than " + MAX_DEPTH + " levels of nesting");
    }
  }

  void leave() {
    depth--;
  }

  void spend(int line, long cost) {
    steps += cost;
    if (steps > MAX_STEPS) {
      throw error(line, "takes more than " + MAX_STEPS + " steps");
    }
  }

  /** Announces a string about to be made. */
  void spendCharacters(int line, long length) {
    if (length > MAX_LENGTH) {
      throw error(
          line, "a string of " + length + " characters, at most " + MAX_LENGTH + " are accepted");
    }
    spend(line, length / CHARACTERS_PER_STEP);
  }

  /** Announces a list about to be made. */
  void spendElements(int line, long count) {
    if (count > MAX_ELEMENTS) {
      throw error(
          line, "a list of " + count + " elements, at most " + MAX_ELEMENTS + " are accepted");
    }
    spend(line, count);
  }

  InvalidModelException error(int line, String what) {
    return new InvalidModelException(where + ", line " + line + ": " + what);
  }
}
