package io.sambay4j;

/** A device's memory does not suffice for what was asked; what was there before is untouched. */
public final class OutOfDeviceMemoryException extends NativeException {
  private static final long serialVersionUID = 1L;

  public OutOfDeviceMemoryException(int status, String message) {
    super(status, message);
  }
}
