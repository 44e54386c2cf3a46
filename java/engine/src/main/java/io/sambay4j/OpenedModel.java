package io.sambay4j;

import io.sambay4j.backend.AvailableMemory;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.DeviceMemory;
import io.sambay4j.model.AutomaticPrefixCache;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.MemoryEstimate;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.ModelSource;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.StatePool;
import io.sambay4j.runtime.Scheduler;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.tokenizer.ChatTemplate;
import io.sambay4j.tokenizer.Tokenizer;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.GenerationConfig;
import io.sambay4j.weights.TokenizerConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model that has been read: what {@link TextModel} is made of.
 *
 * @param tokenizer null where there is none
 * @param endTokens ids that end an answer
 * @param scheduling how its scheduler works
 */
record OpenedModel(
    SambayModel model,
    @Nullable Tokenizer tokenizer,
    PromptEncoder prompts,
    List<Integer> endTokens,
    SamplingParameters defaultSampling,
    LongRopePolicy longRope,
    Scheduler.Settings scheduling) {
  private static final Logger log = LoggerFactory.getLogger(OpenedModel.class);

  /** Tokens of a prompt in one step of a processor, where nobody says. */
  private static final int CPU_PROMPT_CHUNK = 128;

  /**
   * Reads a model.
   *
   * @throws InvalidModelException if the path is not a model this engine can run
   */
  static OpenedModel open(TextModelSettings<?> settings) {
    long start = System.nanoTime();
    ModelSource source = ModelSource.open(settings.path);
    ModelConfig config = source.config();
    TokenizerConfig tokenizerConfig = source.tokenizerConfig();
    Tokenizer tokenizer = tokenizer(source);
    int context =
        settings.contextLimit == null
            ? tokenizerConfig.contextLimit(config.maxPositions())
            : settings.contextLimit;
    PromptEncoder prompts =
        new PromptEncoder(
            settings.path,
            tokenizer,
            template(tokenizerConfig),
            tokenizerConfig,
            config.vocabSize(),
            context);
    SamplingParameters sampling = defaultSampling(source.generationConfig());
    Loaded loaded = load(settings, source, context);
    SambayModel model = loaded.model();
    log.info(
        "{} on {}, weights {}, activations {}, context {}, ready in {} ms",
        settings.path,
        model.backend().description(),
        settings.weights == null ? "as stored" : settings.weights.label(),
        loaded.activations(),
        context,
        (System.nanoTime() - start) / 1_000_000);
    return new OpenedModel(
        model,
        tokenizer,
        prompts,
        endTokens(source, tokenizer),
        sampling,
        settings.longRope,
        scheduling(settings, loaded));
  }

  /** A model, how its activations are kept, and what its prefix cache takes. */
  private record Loaded(SambayModel model, DType activations, long prefixCacheBytes) {}

  private static Loaded load(TextModelSettings<?> settings, ModelSource source, int context) {
    ModelConfig config = source.config();
    try (Checkpoint checkpoint = source.openCheckpoint()) {
      DType usual =
          LoadOptions.usualActivations(
              config, settings.weights, tensor -> checkpoint.tensor(tensor).type());
      LoadOptions options =
          new LoadOptions(
              settings.weights,
              settings.activations == null ? usual : settings.activations,
              context,
              settings.sequences,
              settings.stepTokens,
              StatePool.cacheTokens(settings.sequences, context, Session.MAX_CHECKPOINTS),
              settings.prefixCacheBytes == null ? 0 : settings.prefixCacheBytes,
              settings.deterministic);
      MemoryEstimate memory = MemoryEstimate.of(config, options, checkpoint);
      Backend backend =
          settings.deterministic
              ? Backends.openRowByRow(settings.device, settings.target, settings.threads)
              : Backends.open(settings.device, settings.target, settings.threads, memory.total());
      if (settings.prefixCacheBytes == null) {
        options = options.withPrefixCache(automaticPrefixCache(memory, backend));
      }
      return new Loaded(
          ModelLoader.load(backend, config, checkpoint, options, settings.progress),
          options.activations(),
          options.prefixCacheBytes());
    }
  }

  private static long automaticPrefixCache(MemoryEstimate memory, Backend backend) {
    long available = backend.ownMemory().map(DeviceMemory::free).orElseGet(AvailableMemory::bytes);
    AutomaticPrefixCache chosen = AutomaticPrefixCache.of(memory, available);
    if (chosen.bytes() > 0) {
      log.info(chosen.reason());
    } else {
      log.warn(chosen.reason());
    }
    return chosen.bytes();
  }

  private static Scheduler.Settings scheduling(TextModelSettings<?> settings, Loaded loaded) {
    boolean card = loaded.model().backend().ownMemory().isPresent();
    int chunk =
        settings.promptChunk > 0
            ? settings.promptChunk
            : card ? Integer.MAX_VALUE : CPU_PROMPT_CHUNK;
    return new Scheduler.Settings(
        settings.queueLimit,
        chunk,
        loaded.prefixCacheBytes(),
        settings.prefixCacheDirectory,
        settings.prefixCacheFileBytes);
  }

  private static List<Integer> endTokens(ModelSource source, @Nullable Tokenizer tokenizer) {
    List<Integer> ids = source.generationConfig().eosTokenIds();
    if (ids.isEmpty()) {
      ids = source.config().eosTokenIds();
    }
    return source.ggufMetadata().isPresent() && tokenizer != null
        ? GgufTokenizer.endTokens(tokenizer, ids)
        : ids;
  }

  private static @Nullable ChatTemplate template(TokenizerConfig config) {
    return config
        .chatTemplate()
        .map(
            text ->
                ChatTemplate.of(
                    text,
                    Objects.requireNonNullElse(config.bosToken(), ""),
                    Objects.requireNonNullElse(config.eosToken(), "")))
        .orElse(null);
  }

  private static @Nullable Tokenizer tokenizer(ModelSource source) {
    Tokenizer inside =
        source
            .ggufMetadata()
            .map(metadata -> GgufTokenizer.read(source.path(), metadata))
            .orElse(null);
    Path json = source.directory().find("tokenizer.json").orElse(null);
    if (inside != null || json == null) {
      return inside;
    }
    return source
        .tokenizerFields()
        .or(() -> TokenizerConfig.fields(source.directory())) // beside a GGUF file
        .map(fields -> Tokenizer.read(json, fields))
        .orElseGet(() -> Tokenizer.read(json));
  }

  private static SamplingParameters defaultSampling(GenerationConfig config) {
    if (!Boolean.TRUE.equals(config.doSample())) {
      return SamplingParameters.greedy();
    }
    SamplingParameters.Builder builder = SamplingParameters.builder();
    if (config.temperature() != null) {
      builder.temperature(config.temperature());
    }
    if (config.topK() != null) {
      builder.topK(config.topK());
    }
    if (config.topP() != null) {
      builder.topP(config.topP());
    }
    if (config.minP() != null) {
      builder.minP(config.minP());
    }
    if (config.repetitionPenalty() != null) {
      builder.repetitionPenalty(config.repetitionPenalty());
    }
    return builder.build();
  }
}
