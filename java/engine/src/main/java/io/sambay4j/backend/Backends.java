package io.sambay4j.backend;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens the {@link Backend} that a user names. */
public final class Backends {
  private static final Logger LOG = LoggerFactory.getLogger(Backends.class);

  private Backends() {}

  /**
   * Opens a backend; the caller closes it.
   *
   * @param device "cpu": the native library; "reference": plain Java; "auto": the first that works
   *     of these two
   * @param target CPU instructions, one of "scalar", "avx2", "avx512", "amx"; null or "auto": the
   *     best of this machine
   * @param threads 0: one for each core
   * @throws UnsupportedOperationException if the device was demanded and is not there
   * @throws io.sambay4j.NativeException if the target cannot run on this machine
   */
  public static Backend open(String device, @Nullable String target, int threads) {
    if (threads < 0) {
      throw new IllegalArgumentException("threads is %d, expected 0 or more".formatted(threads));
    }
    Backend backend =
        switch (device) {
          case "cpu" -> openCpu(target, threads);
          case "reference" -> new ReferenceBackend();
          case "auto" -> openBest(target, threads);
          case "cuda" ->
              throw new UnsupportedOperationException(
                  "device cuda is not there yet; use cpu or auto");
          default ->
              throw new IllegalArgumentException(
                  "no device \"%s\", expected auto, cpu or reference".formatted(device));
        };
    LOG.info("computing on {}", backend.description());
    return backend;
  }

  private static Backend openCpu(@Nullable String target, int threads) {
    NativeLibrary.unavailabilityCause()
        .ifPresent(
            cause -> {
              throw new UnsupportedOperationException("device cpu: " + cause.getMessage(), cause);
            });
    return NativeBackend.open("cpu", target, threads);
  }

  private static Backend openBest(@Nullable String target, int threads) {
    if (NativeLibrary.isAvailable()) {
      return NativeBackend.open("cpu", target, threads);
    }
    NativeLibrary.unavailabilityCause()
        .ifPresent(
            cause ->
                LOG.warn(
                    "running on the reference backend, which is slow: {}", cause.getMessage()));
    return new ReferenceBackend();
  }
}
