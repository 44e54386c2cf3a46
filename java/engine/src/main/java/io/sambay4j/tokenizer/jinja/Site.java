package io.sambay4j.tokenizer.jinja;

import io.sambay4j.InvalidModelException;

/**
 * A place in a running template.
 *
 * @param construct what stands there, for messages: {@code filter trim}
 */
record Site(Run run, int line, String construct) {
  private static final int SEARCH_UNIT = 32;

  InvalidModelException error(String what) {
    return run.error(line, construct + ": " + what);
  }

  /** The value as a string, which it must be. */
  Text text(Object value) {
    if (value instanceof Text text) {
      return text;
    }
    throw error("expected a string, found " + Values.typeName(value));
  }

  int integer(Object value) {
    if (value instanceof Long number && number == number.intValue()) {
      return number.intValue();
    }
    throw error("expected a small integer, found " + Values.typeName(value));
  }

  /** Pays for looking for a part in a text, which may take the product of their lengths. */
  void spendSearch(Text text, Text part) {
    run.spendCharacters(line, text.length());
    run.spend(line, (long) text.length() * (part.length() / SEARCH_UNIT) / SEARCH_UNIT);
  }

  /** Pays for one more part of a string that is being put together. */
  void spendGrowth(Text.Builder text, long more) {
    if (text.length() + more > Run.MAX_LENGTH) {
      throw error("the string gets longer than " + Run.MAX_LENGTH + " characters");
    }
    run.spend(line, 1);
    run.spendCharacters(line, more);
  }
}
