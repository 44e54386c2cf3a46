package io.sambay4j;

/**
 * A model directory, or one of its files, is not what it should be. The message names the file, the
 * tensor or field, what was found and what was expected.
 */
public final class InvalidModelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InvalidModelException(String message) {
    super(message);
  }

  public InvalidModelException(String message, Throwable cause) {
    super(message, cause);
  }
}
