package io.sambay4j.structured;

/**
 * A grammar, schema or regular expression is malformed, asks for what is not supported, or is too
 * large. The message names the place and what is allowed.
 */
public final class GrammarException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /** A complaint in one sentence. */
  public GrammarException(String message) {
    super(message);
  }
}
