package io.sambay4j.backend;

import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The device cuda of a test run: the card's library where SAMBAY_CUDA_LIBRARY names one, else the
 * same kernels compiled for the host, a thousand times slower. A test is skipped where neither is
 * there.
 */
public final class CudaHost {
  private static final Path TWIN =
      Path.of(System.getProperty("sambay.root", "."))
          .resolve("native/target/cmake/tests/libsambay_cuda_host.so")
          .toAbsolutePath();

  private CudaHost() {}

  /** A new backend. */
  public static NativeBackend open() {
    try (Named named = name()) {
      return (NativeBackend) Backends.open("cuda", null, 0);
    }
  }

  /** Whether a card runs the tests, and not the host. */
  public static boolean isCard() {
    return System.getenv(CudaLibrary.VARIABLE) != null;
  }

  /** Makes the device "cuda" known until closed: not for good, or "auto" would mean it as well. */
  public static Named name() {
    NativeLibrary.unavailabilityCause()
        .ifPresent(cause -> abort(String.valueOf(cause.getMessage())));
    if (isCard()) {
      return new Named(System.getProperty(CudaLibrary.PROPERTY));
    }
    if (!Files.exists(TWIN)) {
      abort("the CUDA kernels have not been built for the host: there is no " + TWIN);
    }
    String before = System.getProperty(CudaLibrary.PROPERTY);
    System.setProperty(CudaLibrary.PROPERTY, TWIN.toString());
    return new Named(before);
  }

  /** While open, the library has its name. */
  public static final class Named implements AutoCloseable {
    private final @Nullable String before;

    private Named(@Nullable String before) {
      this.before = before;
    }

    @Override
    public void close() {
      if (before == null) {
        System.clearProperty(CudaLibrary.PROPERTY);
      } else {
        System.setProperty(CudaLibrary.PROPERTY, before);
      }
    }
  }
}
