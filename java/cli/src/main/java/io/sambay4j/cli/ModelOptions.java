package io.sambay4j.cli;

import io.sambay4j.LongRopePolicy;
import io.sambay4j.TextModel;
import io.sambay4j.backend.AvailableMemory;
import io.sambay4j.backend.DType;
import io.sambay4j.hub.HubException;
import io.sambay4j.hub.ModelCache;
import io.sambay4j.hub.ModelName;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.MemoryEstimate;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.ModelWork;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.WeightFormat;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.StorageType;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which model, and how it is held: the same for every command that takes one. */
final class ModelOptions {
  /** The directory of the installation; the launcher sets it. */
  static final String HOME = "sambay.home";

  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      order = 1,
      description =
          "Model directory as published on Hugging Face, a GGUF file of a dense model, or the name of a model that "
              + "sambay pull has fetched. Default: the model in the box.")
  private @Nullable String model;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      order = 3,
      description =
          "How weights are kept in memory: stored, f32, f16, bf16, int8, mixed, int4, or auto: as stored, or the widest "
              + "of int8 and int4 that fits. Default: auto; of score and logits, stored.")
  private @Nullable WeightType weights;

  @Option(
      names = "--activations",
      paramLabel = "TYPE",
      order = 4,
      description =
          "How activations and caches are kept: f32, bf16, or auto: bf16 in models of 134 million "
              + "parameters and more unless their weights are f32. "
              + "Default: auto; of score and logits, f32.")
  private @Nullable ActivationType activations;

  @Option(
      names = "--context",
      paramLabel = "N",
      order = 5,
      description = "Tokens of prompt and answer together. Default: as the model's files say.")
  private @Nullable Integer context;

  enum WeightType {
    AUTO,
    STORED,
    F32,
    F16,
    BF16,
    INT8,
    MIXED,
    INT4;

    /** What is asked for by name; null: as stored. */
    private @Nullable WeightFormat format() {
      return switch (this) {
        case AUTO, STORED -> null;
        case F32, F16, BF16 -> WeightFormat.all(DType.valueOf(name()));
        case INT8 -> WeightFormat.INT8;
        case MIXED -> WeightFormat.MIXED;
        case INT4 -> WeightFormat.INT4;
      };
    }
  }

  enum ActivationType {
    AUTO,
    F32,
    BF16
  }

  /** The model asked for, or the one in the box. */
  Path path() {
    return path(model);
  }

  /** What the model is called, for people: its name or its directory. */
  String label() {
    return model != null && isName(model)
        ? model
        : String.valueOf(path().toAbsolutePath().normalize().getFileName());
  }

  /**
   * The directory or file of a model.
   *
   * @param model a path, or the name of a downloaded model; null: the model in the box
   */
  static Path path(@Nullable String model) {
    if (model != null) {
      return isName(model) ? downloaded(model) : asPath(model);
    }
    String home = System.getProperty(HOME);
    if (home == null) {
      throw new IllegalArgumentException("no model is given; name its directory with --model DIR");
    }
    return Path.of(home, "models", "tiny-reasoner");
  }

  private static Path downloaded(String name) {
    try {
      return ModelCache.standard().resolve(name);
    } catch (HubException e) {
      throw new HubException(
          "there is no directory or file %s, and the model %s".formatted(name, e.getMessage()), e);
    }
  }

  /** What is there as a path is one, whatever it looks like. */
  private static boolean isName(String model) {
    return ModelName.isOne(model) && !Files.exists(asPath(model));
  }

  private static Path asPath(String model) {
    try {
      return Path.of(model);
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException(
          "--model is neither a path nor a name: " + e.getMessage(), e);
    }
  }

  /**
   * How weights shall be kept; null: as stored.
   *
   * @param unlessSaid what counts where the option is not given
   * @param fitting finds what fits, for AUTO
   */
  private @Nullable WeightFormat weights(
      WeightType unlessSaid, Supplier<@Nullable WeightFormat> fitting) {
    WeightType type = weights == null ? unlessSaid : weights;
    return type == WeightType.AUTO ? fitting.get() : type.format();
  }

  /**
   * How weights shall be kept where nothing is loaded; null: as stored, and what AUTO begins with.
   */
  @Nullable WeightFormat weights() {
    return weights(WeightType.STORED, () -> null);
  }

  /**
   * The first of stored, int8 and int4 that fits into the memory that is available now, with a
   * tenth to spare; null: as stored.
   */
  private @Nullable WeightFormat fitting(
      Console console,
      DeviceOptions device,
      WeightType unlessSaid,
      ModelFiles files,
      LoadOptions asStored) {
    if (!device.onThisProcessor()) {
      return null;
    }
    long available = AvailableMemory.bytes();
    WeightFormat chosen = null;
    long needed = 0;
    try (Checkpoint checkpoint = files.source().openCheckpoint()) {
      Function<String, StorageType> stored = tensor -> checkpoint.tensor(tensor).type();
      for (WeightFormat format : Arrays.asList(null, WeightFormat.INT8, WeightFormat.INT4)) {
        chosen = format;
        needed =
            MemoryEstimate.of(
                    files.config(),
                    withActivations(
                        asStored.withWeights(format), unlessSaid, files.config(), stored),
                    stored)
                .total();
        if (needed <= 0.9 * available) {
          break;
        }
      }
    }
    if (chosen != null || weights == WeightType.AUTO) {
      console.note(
          "weights are kept %s: %s of %s available memory"
              .formatted(
                  chosen == null ? "as stored" : "as " + chosen.label(),
                  Units.bytes(needed),
                  Units.bytes(available)));
    }
    return chosen;
  }

  /** How activations are kept; null: as is usual with the weights. */
  private @Nullable DType activations(WeightType unlessSaid) {
    ActivationType usual =
        unlessSaid == WeightType.STORED ? ActivationType.F32 : ActivationType.AUTO;
    ActivationType type = activations == null ? usual : activations;
    return type == ActivationType.AUTO ? null : DType.valueOf(type.name());
  }

  /** The options with activations as asked for, or as is usual with their weights. */
  private LoadOptions withActivations(
      LoadOptions options,
      WeightType unlessSaid,
      ModelConfig config,
      Function<String, StorageType> stored) {
    DType asked = activations(unlessSaid);
    return options.withActivations(
        asked != null ? asked : LoadOptions.usualActivations(config, options.weights(), stored));
  }

  /**
   * How a model that is not loaded would be held, weights and activations as asked for.
   *
   * @param stored storage of a matrix, by name
   */
  LoadOptions options(
      ModelConfig config,
      Function<String, StorageType> stored,
      int context,
      int batch,
      int stepTokens) {
    LoadOptions options =
        new LoadOptions(weights(), DType.F32, context, batch, stepTokens, context);
    return withActivations(options, WeightType.AUTO, config, stored);
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
  TextModel openText(
      Console console, DeviceOptions device, int sequences, LongRopePolicy longRope) {
    return openText(console, device, sequences, longRope, WeightType.AUTO);
  }

  /** As above, with the format of weights where the option is not given. */
  TextModel openText(
      Console console,
      DeviceOptions device,
      int sequences,
      LongRopePolicy longRope,
      WeightType unlessSaid) {
    return openText(console, device, path(), sequences, longRope, unlessSaid, builder -> {});
  }

  /**
   * As above, a model of any path.
   *
   * @param more settings of its own
   */
  TextModel openText(
      Console console,
      DeviceOptions device,
      Path path,
      int sequences,
      LongRopePolicy longRope,
      WeightType unlessSaid,
      Consumer<TextModel.Builder> more) {
    WeightFormat kept =
        weights(
            unlessSaid,
            () -> {
              ModelFiles files = ModelFiles.read(path);
              Integer asked = context();
              int limit = files.contextLimit(asked);
              int tokens = asked == null ? Math.min(limit, MemoryEstimate.USUAL_TOKENS) : limit;
              int cache = (int) Math.min((long) sequences * tokens, Integer.MAX_VALUE);
              LoadOptions options =
                  new LoadOptions(null, DType.F32, tokens, sequences, TextModel.STEP_TOKENS, cache);
              return fitting(console, device, unlessSaid, files, options);
            });
    try (Progress progress = new Progress(console, "loading")) {
      TextModel.Builder builder =
          TextModel.builder(path).sequences(sequences).longRope(longRope).progress(progress);
      device.apply(builder);
      more.accept(builder);
      if (kept != null) {
        builder.weights(kept);
      }
      DType asked = activations(unlessSaid);
      if (asked != null) {
        builder.activations(asked);
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
   * @param unlessSaid the format of weights where the option is not given
   */
  OpenedModel openModel(
      Console console,
      DeviceOptions device,
      ModelFiles files,
      int sequences,
      int tokens,
      int stepTokens,
      WeightType unlessSaid) {
    int limit = files.contextLimit(context());
    if (tokens > limit) {
      throw new IllegalArgumentException(
          "%d tokens exceed the context of %d; --context N can raise it".formatted(tokens, limit));
    }
    long cacheTokens = (long) sequences * (tokens + ModelFiles.CACHE_ROUNDING);
    LoadOptions options =
        new LoadOptions(
            null,
            DType.F32,
            tokens,
            sequences,
            stepTokens,
            (int) Math.min(cacheTokens, Integer.MAX_VALUE - ModelFiles.CACHE_ROUNDING));
    try (Checkpoint checkpoint = files.source().openCheckpoint();
        Progress progress = new Progress(console, "loading")) {
      WeightFormat kept =
          weights(unlessSaid, () -> fitting(console, device, unlessSaid, files, options));
      LoadOptions chosen =
          withActivations(
              options.withWeights(kept),
              unlessSaid,
              files.config(),
              tensor -> checkpoint.tensor(tensor).type());
      ModelWork work = ModelWork.of(files.config(), chosen, checkpoint);
      return new OpenedModel(
          ModelLoader.load(
              device.open(work.memory().total()), files.config(), checkpoint, chosen, progress),
          work);
    }
  }

  /**
   * A model and what its steps cannot avoid.
   *
   * @param model closed with this
   */
  record OpenedModel(SambayModel model, ModelWork work) implements AutoCloseable {
    @Override
    public void close() {
      model.close();
    }
  }
}
