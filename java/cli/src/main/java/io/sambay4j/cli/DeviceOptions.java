package io.sambay4j.cli;

import io.sambay4j.TextModel;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
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
          "cpu, cuda, reference (plain Java, slow) or auto: the best here. Default: auto.")
  private Device device = Device.AUTO;

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

  enum Device {
    CPU,
    CUDA,
    REFERENCE,
    AUTO
  }

  enum Target {
    SCALAR,
    AVX2,
    AVX512,
    AMX
  }

  /** Whether a model will be held in the memory of this machine's processors. */
  boolean onThisProcessor() {
    return device != Device.CUDA;
  }

  /** Opens the device. The caller closes it. */
  Backend open() {
    check();
    return Backends.open(Names.of(device), target == null ? null : Names.of(target), threads);
  }

  /** Hands the options on to a model that opens its device itself. */
  void apply(TextModel.Builder builder) {
    check();
    builder.device(Names.of(device)).threads(threads);
    if (target != null) {
      builder.target(Names.of(target));
    }
  }

  private void check() {
    if (threads < 0) {
      throw new IllegalArgumentException("--threads must be 0 or more but was " + threads);
    }
    if (target != null && device == Device.REFERENCE) {
      throw new IllegalArgumentException("--target is for the device cpu, not for reference");
    }
  }
}
