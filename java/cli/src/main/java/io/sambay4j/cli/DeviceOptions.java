package io.sambay4j.cli;

import io.sambay4j.TextModel;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DeviceName;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What a model runs on: the same for every command that runs one. */
final class DeviceOptions {
  @Option(
      names = "--device",
      paramLabel = "NAME",
      order = 6,
      defaultValue = "auto",
      description =
          "cpu, cuda (the first card), cuda:N, reference (plain Java, slow) or auto: the best here. Default: auto.")
  private DeviceName device = DeviceName.parse("auto");

  @Option(
      names = "--target",
      paramLabel = "NAME",
      order = 7,
      description = "CPU instructions: scalar, avx2, avx512 or amx. Default: the best here.")
  private @Nullable Target target;

  @Option(
      names = "--threads",
      paramLabel = "N",
      order = 8,
      defaultValue = "0",
      description = "CPU threads. Default: one for each core.")
  private int threads;

  enum Target {
    SCALAR,
    AVX2,
    AVX512,
    AMX
  }

  /** Whether a model will be held in the memory of this machine's processors. */
  boolean onThisProcessor() {
    return device.kind() != DeviceName.Kind.CUDA;
  }

  /**
   * Opens the device. The caller closes it.
   *
   * @param bytes memory that will be needed
   */
  Backend open(long bytes) {
    check();
    String instructions = target == null ? null : Names.of(target);
    return Backends.open(device.toString(), instructions, threads, bytes);
  }

  /** Hands the options on to a model that opens its device itself. */
  void apply(TextModel.Builder builder) {
    check();
    builder.device(device.toString()).threads(threads);
    if (target != null) {
      builder.target(Names.of(target));
    }
  }

  private void check() {
    if (threads < 0) {
      throw new IllegalArgumentException("--threads must be 0 or more but was " + threads);
    }
    boolean cpu = device.kind() == DeviceName.Kind.CPU || device.kind() == DeviceName.Kind.AUTO;
    if (target != null && !cpu) {
      throw new IllegalArgumentException("--target is for the device cpu, not for " + device);
    }
  }
}
