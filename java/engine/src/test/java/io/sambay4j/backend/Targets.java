package io.sambay4j.backend;

import static org.junit.jupiter.api.Assumptions.abort;

import io.sambay4j.NativeException;
import io.sambay4j.bindings.global.Native;

/** The native backends that a test run can reach. */
public final class Targets {
  private Targets() {}

  /** Two threads, so that work is really divided; a test is skipped where the target is not. */
  public static NativeBackend open(String target) {
    NativeLibrary.unavailabilityCause()
        .ifPresent(cause -> abort(String.valueOf(cause.getMessage())));
    try {
      return NativeBackend.open("cpu", target, 2);
    } catch (NativeException e) {
      if (e.status() == Native.SY_ERR_UNSUPPORTED) {
        abort(String.valueOf(e.getMessage()));
      }
      throw e;
    }
  }
}
