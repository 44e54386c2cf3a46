package io.sambay4j;

/**
 * A prompt, or a prompt and the answer asked for, has more tokens than the context takes. The model
 * is as it was; a shorter prompt or answer, or a larger context, may fit.
 */
public final class ContextLengthException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message how many tokens there are, how many fit, and what to do
   */
  public ContextLengthException(String message) {
    super(message);
  }
}
