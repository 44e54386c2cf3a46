package io.sambay4j.backend;

import io.sambay4j.NativeException;
import io.sambay4j.OutOfDeviceMemoryException;
import io.sambay4j.bindings.global.Native;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens the {@link Backend} that a user names. */
public final class Backends {
  private static final Logger LOG = LoggerFactory.getLogger(Backends.class);

  private Backends() {}

  /** As {@link #open(String, String, int, long)}, for whatever fits. */
  public static Backend open(String device, @Nullable String target, int threads) {
    return open(device, target, threads, 0);
  }

  /**
   * Opens a backend; the caller closes it.
   *
   * @param device "cuda" or "cuda:N": a card; "cpu": the native library; "reference": plain Java;
   *     "auto": the first that works of these. Nothing of CUDA is touched but for "cuda", and for
   *     "auto" where the CUDA library is there.
   * @param target CPU instructions, one of "scalar", "avx2", "avx512", "amx"; null or "auto": the
   *     best of this machine. With "auto" and a target, the CPU.
   * @param threads of the CPU; 0: one for each core
   * @param bytes memory that will be needed; a card with less is refused before anything is loaded
   * @throws UnsupportedOperationException if the device was demanded and is not there
   * @throws OutOfDeviceMemoryException if the card was demanded and has too little memory
   * @throws NativeException if the target cannot run on this machine
   */
  public static Backend open(String device, @Nullable String target, int threads, long bytes) {
    DeviceName name = DeviceName.parse(device);
    if (threads < 0) {
      throw new IllegalArgumentException("threads is %d, expected 0 or more".formatted(threads));
    }
    boolean anyTarget = target == null || target.equals("auto");
    if (name.kind() == DeviceName.Kind.CUDA && !anyTarget) {
      throw new IllegalArgumentException(
          "target \"%s\" is for the device cpu, not for cuda".formatted(target));
    }
    Backend backend =
        switch (name.kind()) {
          case CPU -> openCpu(target, threads);
          case CUDA -> openCuda(name.index(), bytes);
          case REFERENCE -> new ReferenceBackend();
          case AUTO -> openBest(target, threads, bytes);
        };
    LOG.info("computing on {}", backend.description());
    return backend;
  }

  /**
   * Opens a backend whose rows do not depend on each other, not in the last bit: the CPU, or plain
   * Java, without matrix tiles (AMX), which take over from a number of rows on and round otherwise.
   *
   * @throws IllegalArgumentException if a card or those tiles are demanded
   */
  public static Backend openRowByRow(String device, @Nullable String target, int threads) {
    DeviceName.Kind kind = DeviceName.parse(device).kind();
    if (kind == DeviceName.Kind.CUDA || "amx".equals(target)) {
      throw new IllegalArgumentException(
          "deterministic results need the device cpu or reference and a target other than amx, not device %s and target %s"
              .formatted(device, target));
    }
    boolean cpu =
        kind == DeviceName.Kind.CPU
            || (kind == DeviceName.Kind.AUTO && NativeLibrary.isAvailable());
    Backend backend = open(cpu ? "cpu" : device, target, threads, 0);
    if (cpu && backend.description().contains("amx")) {
      backend.close();
      return open("cpu", "avx512", threads, 0);
    }
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

  private static NativeBackend openCuda(int index, long bytes) {
    NativeBackend backend;
    try {
      CudaLibrary.open();
      backend = NativeBackend.open("cuda", Integer.toString(index), 0);
    } catch (UnsupportedOperationException | IllegalArgumentException e) {
      throw noCard(e);
    } catch (NativeException e) {
      throw e.status() == Native.SY_ERR_UNSUPPORTED ? noCard(e) : e;
    }
    DeviceMemory memory = backend.memory();
    if (memory.free() < bytes) {
      backend.close();
      throw new OutOfDeviceMemoryException(
          Native.SY_ERR_OUT_OF_MEMORY,
          ("device cuda: the model takes %s with this context and this many sequences, and %s of %s are free;"
                  + " open it with a smaller context, fewer sequences or smaller weights")
              .formatted(gib(bytes), gib(memory.free()), gib(memory.total())));
    }
    return backend;
  }

  private static UnsupportedOperationException noCard(RuntimeException cause) {
    String reason =
        String.valueOf(cause.getMessage()).replaceFirst("^(device_create|cuda_load): ", "");
    return new UnsupportedOperationException("device cuda: " + reason, cause);
  }

  private static String gib(long bytes) {
    return "%.1f GiB".formatted(bytes / 0x1p30);
  }

  private static Backend openBest(@Nullable String target, int threads, long bytes) {
    if (NativeLibrary.isAvailable()) {
      if ((target == null || target.equals("auto")) && CudaLibrary.isPresent()) {
        try {
          return openCuda(0, bytes);
        } catch (UnsupportedOperationException | NativeException e) {
          LOG.info("not on a card: {}", e.getMessage());
        }
      }
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
