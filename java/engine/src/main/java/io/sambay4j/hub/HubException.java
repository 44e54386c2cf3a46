package io.sambay4j.hub;

/**
 * A model could not be had from a hub: no connection, no access, a damaged file. The message says
 * what was wrong and what to do.
 */
public final class HubException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With a sentence for people. */
  public HubException(String message) {
    super(message);
  }

  /** With a sentence for people, and what caused it. */
  public HubException(String message, Throwable cause) {
    super(message, cause);
  }
}
