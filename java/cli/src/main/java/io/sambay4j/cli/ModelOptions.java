package io.sambay4j.cli;

import io.sambay4j.TextModel;
import io.sambay4j.backend.DType;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.MemoryEstimate;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.SambayModel;
import io.sambay4j.weights.Checkpoint;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which model, and how it is held: the same for every command that takes one. */
final class ModelOptions {
  /** The directory of the installation; the launcher sets it. */
  static final String HOME = "sambay.home";

  @Option(
      names = {"-m", "--model"},
      paramLabel = "DIR",
      order = 1,
      description = "Model directory as published on Hugging Face. Default: the model in the box.")
  private @Nullable Path directory;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      order = 3,
      description = "How weights are kept in memory: f32, f16 or bf16. Default: as stored.")
  private @Nullable WeightType weights;

  @Option(
      names = "--activations",
      paramLabel = "TYPE",
      order = 4,
      defaultValue = "f32",
      description = "How activations and caches are kept: f32 or bf16. Default: f32.")
  private ActivationType activations = ActivationType.F32;

  @Option(
      names = "--context",
      paramLabel = "N",
      order = 5,
      description = "Tokens of prompt and answer together. Default: as the model's files say.")
  private @Nullable Integer context;

  enum WeightType {
    F32,
    F16,
    BF16
  }

  enum ActivationType {
    F32,
    BF16
  }

  /** The model asked for, or the one in the box. */
  Path directory() {
    if (directory != null) {
      return directory;
    }
    String home = System.getProperty(HOME);
    if (home == null) {
      throw new IllegalArgumentException("no model is given; name its directory with --model DIR");
    }
    return Path.of(home, "models", "tiny-reasoner");
  }

  /** How weights shall be kept; null: as stored. */
  @Nullable DType weights() {
    return weights == null ? null : DType.valueOf(weights.name());
  }

  DType activations() {
    return DType.valueOf(activations.name());
  }

  /** The context asked for, or null. */
  @Nullable Integer context() {
    if (context != null && context < 1) {
      throw new IllegalArgumentException("--context must be at least 1 but was " + context);
    }
    return context;
  }

  /**
   * Opens the model for text.
   *
   * @param sequences how many sequences are held at once
   */
  TextModel openText(Console console, DeviceOptions device, int sequences) {
    try (Progress progress = new Progress(console, "loading")) {
      TextModel.Builder builder =
          TextModel.builder(directory())
              .activations(activations())
              .sequences(sequences)
              .progress(progress);
      device.apply(builder);
      DType kept = weights();
      if (kept != null) {
        builder.weights(kept);
      }
      Integer limit = context();
      if (limit != null) {
        builder.contextLimit(limit);
      }
      return builder.open();
    }
  }

  /**
   * Opens the model for token ids; no tokenizer is needed.
   *
   * @param sequences how many sequences are held at once
   * @param tokens the most tokens one of them will have
   * @param stepTokens rows of the widest step
   */
  SambayModel openModel(
      Console console,
      DeviceOptions device,
      ModelFiles files,
      int sequences,
      int tokens,
      int stepTokens) {
    int limit = files.contextLimit(context());
    if (tokens > limit) {
      throw new IllegalArgumentException(
          "%d tokens exceed the context of %d; --context N can raise it".formatted(tokens, limit));
    }
    long cacheTokens = (long) sequences * (tokens + ModelFiles.CACHE_ROUNDING);
    LoadOptions options =
        new LoadOptions(
            weights(),
            activations(),
            tokens,
            sequences,
            stepTokens,
            (int) Math.min(cacheTokens, Integer.MAX_VALUE - ModelFiles.CACHE_ROUNDING));
    try (Checkpoint checkpoint = Checkpoint.open(files.directory());
        Progress progress = new Progress(console, "loading")) {
      long bytes = MemoryEstimate.of(files.config(), options, checkpoint).total();
      return ModelLoader.load(device.open(bytes), files.config(), checkpoint, options, progress);
    }
  }
}
