package io.sambay4j.backend;

import io.sambay4j.bindings.global.Native;
import java.util.Optional;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the compute library can be used in this process, found out once, at the first question.
 * Asking never throws and may be done from any thread.
 */
public final class NativeLibrary {
  private static final Logger LOG = LoggerFactory.getLogger(NativeLibrary.class);
  private static final String PLATFORM = "linux-x86_64";

  private NativeLibrary() {}

  /** Its class initialiser runs {@link #load} once, and other threads wait for it. */
  private record Attempt(@Nullable Throwable failure) {
    static final Attempt ONLY = new Attempt(load());
  }

  public static boolean isAvailable() {
    return Attempt.ONLY.failure == null;
  }

  /**
   * Why the library cannot be used; empty if it can. The message is a sentence for people, the
   * cause what the loader said.
   */
  public static Optional<Throwable> unavailabilityCause() {
    return Optional.ofNullable(Attempt.ONLY.failure);
  }

  private static @Nullable Throwable load() {
    try {
      liftMemoryLimits();
      String platform = Loader.getPlatform();
      if (!platform.equals(PLATFORM)) {
        return new UnsupportedOperationException(
            "there is no native library for " + platform + " yet, only for " + PLATFORM);
      }
      Loader.load(Native.class);
      int version = Native.sy_abi_version();
      if (version != Native.SY_ABI_VERSION) {
        return new UnsupportedOperationException(versionMismatch(version, Native.SY_ABI_VERSION));
      }
    } catch (LinkageError | RuntimeException e) {
      return new UnsupportedOperationException(
          "the native library could not be loaded (%s); it needs its jar on the class path and a writable cache, ~/.javacpp or -Dorg.bytedeco.javacpp.cachedir"
              .formatted(rootMessage(e)),
          e);
    }
    LOG.debug("native library loaded, ABI version {}", Native.SY_ABI_VERSION);
    return null;
  }

  /**
   * JavaCPP refuses every allocation once the process holds more memory than a multiple of the Java
   * heap, whoever took it; packed weights do that. It reads these properties when it is loaded.
   */
  private static void liftMemoryLimits() {
    for (String property : new String[] {"maxBytes", "maxPhysicalBytes"}) {
      String name = "org.bytedeco.javacpp." + property;
      if (System.getProperty(name) == null) {
        System.setProperty(name, "0");
      }
    }
    if (Pointer.maxBytes() != 0 || Pointer.maxPhysicalBytes() != 0) {
      LOG.warn(
          "JavaCPP limits native memory to {} bytes and the process to {}; start Java with"
              + " -Dorg.bytedeco.javacpp.maxBytes=0 -Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
          Pointer.maxBytes(),
          Pointer.maxPhysicalBytes());
    }
  }

  static String versionMismatch(int library, int header) {
    return "the native library has ABI version %d, these classes were built for %d; use the jars of one release"
        .formatted(library, header);
  }

  private static String rootMessage(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
  }
}
