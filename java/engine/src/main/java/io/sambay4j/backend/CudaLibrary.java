package io.sambay4j.backend;

import io.sambay4j.NativeException;
import io.sambay4j.bindings.global.Native;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/**
 * The library of the device "cuda". It lies in the jar {@code sambay4j-bindings} with the
 * classifier {@code linux-x86_64-gpu}, or where the system property {@value #PROPERTY} or the
 * environment variable {@value #VARIABLE} says. Nothing of CUDA is touched before {@link #open}.
 */
final class CudaLibrary {
  static final String PROPERTY = "sambay.cuda.library";
  static final String VARIABLE = "SAMBAY_CUDA_LIBRARY";
  private static final String RESOURCE = "/io/sambay4j/bindings/linux-x86_64-gpu/libsambay_cuda.so";

  private CudaLibrary() {}

  /** Whether there is a library to be tried; says nothing of driver or card. */
  static boolean isPresent() {
    return named() != null || Native.class.getResource(RESOURCE) != null;
  }

  /**
   * Opens the library; the second time does nothing.
   *
   * @throws UnsupportedOperationException with the reason, if it cannot be used here
   */
  static void open() {
    NativeLibrary.unavailabilityCause()
        .ifPresent(
            cause -> {
              throw new UnsupportedOperationException(String.valueOf(cause.getMessage()), cause);
            });
    try {
      NativeDevice.check(Native.sy_cuda_load(file().toString()));
    } catch (NativeException | IllegalArgumentException e) {
      throw new UnsupportedOperationException(e.getMessage(), e);
    }
  }

  private static Path file() {
    String named = named();
    if (named != null) {
      Path file = Path.of(named).toAbsolutePath();
      if (!Files.isRegularFile(file)) {
        throw new UnsupportedOperationException(
            "there is no file %s, which %s or %s names".formatted(file, PROPERTY, VARIABLE));
      }
      return file;
    }
    if (Native.class.getResource(RESOURCE) == null) {
      throw new UnsupportedOperationException(
          "the jar sambay4j-bindings with the classifier linux-x86_64-gpu is not on the class path; add it, or name the"
              + " library with -D%s=FILE or %s=FILE".formatted(PROPERTY, VARIABLE));
    }
    try {
      return Loader.cacheResource(Native.class, RESOURCE).toPath();
    } catch (IOException e) {
      throw new UnsupportedOperationException(
          "the CUDA library could not be unpacked (%s); it needs a writable cache, ~/.javacpp or -Dorg.bytedeco.javacpp.cachedir"
              .formatted(e.getMessage()),
          e);
    }
  }

  private static @Nullable String named() {
    String property = System.getProperty(PROPERTY);
    return property != null ? property : System.getenv(VARIABLE);
  }
}
