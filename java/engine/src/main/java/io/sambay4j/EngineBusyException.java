package io.sambay4j;

/**
 * The engine has as many requests as it takes: all that run, and a full queue behind them. Nothing
 * is wrong with the request; it may be sent again later.
 */
public final class EngineBusyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public EngineBusyException(String message) {
    super(message);
  }
}
