package io.sambay4j;

/** A native operation failed. The message is the native library's own sentence. */
public class NativeException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final int status;

  public NativeException(int status, String message) {
    super(message);
    this.status = status;
  }

  /** The {@code sy_status} of {@code sambay.h}. */
  public int status() {
    return status;
  }
}
