package io.sambay4j;

import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.model.Chunk;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.runtime.Job;
import io.sambay4j.runtime.Scheduler;
import io.sambay4j.sampling.LogProbabilities;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.sampling.TokenLogProbability;
import io.sambay4j.tokenizer.ChatTemplate;
import io.sambay4j.tokenizer.IncrementalDecoder;
import io.sambay4j.tokenizer.Tokenizer;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.GenerationConfig;
import io.sambay4j.weights.ModelDirectory;
import io.sambay4j.weights.TokenizerConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A language model, opened from a Hugging Face directory.
 *
 * <pre>{@code
 * try (TextModel model = TextModel.open(Path.of("models/tiny-reasoner"))) {
 *   System.out.println(model.generate("What is 17+25?").text());
 * }
 * }</pre>
 *
 * <p>Every method may be called from any thread. Generations that run at the same time share the
 * model's steps. After {@link #close} every method, also of what came from this model, throws an
 * {@link IllegalStateException}.
 */
public final class TextModel implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TextModel.class);

  private final SambayModel model;
  private final Scheduler scheduler;
  private final @Nullable Tokenizer tokenizer;
  private final @Nullable ChatTemplate template;
  private final TokenizerConfig tokenizerConfig;
  private final List<Integer> endTokens;
  private final SamplingParameters defaultSampling;
  private final Path directory;

  private TextModel(
      Path directory,
      SambayModel model,
      @Nullable Tokenizer tokenizer,
      @Nullable ChatTemplate template,
      TokenizerConfig tokenizerConfig,
      GenerationConfig generationConfig) {
    this.directory = directory;
    this.model = model;
    this.scheduler = new Scheduler(model);
    this.tokenizer = tokenizer;
    this.template = template;
    this.tokenizerConfig = tokenizerConfig;
    this.endTokens =
        generationConfig.eosTokenIds().isEmpty()
            ? model.config().eosTokenIds()
            : generationConfig.eosTokenIds();
    this.defaultSampling = defaultSampling(generationConfig);
  }

  /**
   * Opens a model with the settings most people want: the best device here, weights as they are
   * stored.
   */
  public static TextModel open(Path directory) {
    return builder(directory).open();
  }

  /** Opens a model with settings of one's own. */
  public static Builder builder(Path directory) {
    return new Builder(directory);
  }

  // ---- about the model

  /** Sizes and layers. */
  public ModelConfig config() {
    return model.config();
  }

  /** One line: device, target, threads. */
  public String device() {
    return model.backend().description();
  }

  /** Tokens a prompt and its answer may have together. */
  public int contextLimit() {
    return model.states().contextLimit();
  }

  /** How tokens are chosen where a request does not say, from generation_config.json. */
  public SamplingParameters defaultSampling() {
    return defaultSampling;
  }

  /** Ids that end an answer. */
  public List<Integer> endTokens() {
    return endTokens;
  }

  /**
   * The model's tokenizer.
   *
   * @throws IllegalStateException if the directory has no tokenizer.json
   */
  public Tokenizer tokenizer() {
    if (tokenizer == null) {
      throw new IllegalStateException(
          "%s has no tokenizer.json, so this model takes and gives token ids only"
              .formatted(directory));
    }
    return tokenizer;
  }

  /** How many tokens a text has, as ordinary text without a template. */
  public int countTokens(String text) {
    return tokenizer().encode(text).length;
  }

  /**
   * The tokens a prompt starts with.
   *
   * @throws IllegalArgumentException if there are none, or an id is outside the vocabulary
   */
  public int[] encode(Prompt prompt) {
    int[] ids;
    if (prompt instanceof Prompt.Chat chat) {
      ids = encodeChat(chat.messages(), chat.arguments());
    } else if (prompt instanceof Prompt.Text text) {
      ids = encodeText(text.text());
    } else if (prompt instanceof Prompt.Tokens tokens) {
      ids = tokens.ids().stream().mapToInt(id -> id).toArray();
    } else {
      throw new IllegalArgumentException("unknown prompt " + prompt);
    }
    if (ids.length == 0) {
      throw new IllegalArgumentException(
          "the prompt is empty; give at least one token to continue");
    }
    checkIds(ids);
    return ids;
  }

  private int[] encodeChat(List<ChatMessage> messages, Map<String, Object> arguments) {
    if (template == null) {
      throw new IllegalStateException(
          "%s has no chat template; give the prompt as text (GenerationRequest.text, --raw)"
              .formatted(directory));
    }
    return template.encode(tokenizer(), messages, true, arguments);
  }

  private int[] encodeText(String text) {
    int[] ids = tokenizer().encode(text);
    String bos = tokenizerConfig.bosToken();
    if (!tokenizerConfig.addBosToken() || bos == null) {
      return ids;
    }
    int[] withBos = new int[ids.length + 1];
    withBos[0] = tokenizer().id(bos).orElseThrow();
    System.arraycopy(ids, 0, withBos, 1, ids.length);
    return withBos;
  }

  private void checkIds(int[] ids) {
    for (int id : ids) {
      if (id < 0 || id >= config().vocabSize()) {
        throw new IllegalArgumentException(
            "token id %d is outside the vocabulary of %d".formatted(id, config().vocabSize()));
      }
    }
  }

  // ---- generation

  /** Answers one user message and waits for the end. */
  public Generation generate(String userMessage) {
    return generate(GenerationRequest.user(userMessage).build());
  }

  /** Generates and waits for the end. */
  public Generation generate(GenerationRequest request) {
    return start(request, new GenerationListener() {}).result();
  }

  /** Starts a generation; its tokens are read from the stream. */
  public TokenStream stream(GenerationRequest request) {
    return new TokenStream(listener -> start(request, listener));
  }

  /** Answers one user message; its tokens are read from the stream. */
  public TokenStream stream(String userMessage) {
    return stream(GenerationRequest.user(userMessage).build());
  }

  /** Starts a generation; the listener is told of it on the engine's thread. */
  public RunningGeneration start(GenerationRequest request, GenerationListener listener) {
    return start(request, encode(request.prompt()), null, 0, listener, id -> {});
  }

  /**
   * A publisher that starts a generation for its one subscriber. Tokens wait for a slow subscriber;
   * cancelling the subscription cancels the generation.
   */
  public Flow.Publisher<GeneratedToken> publish(GenerationRequest request) {
    return publish(request, ForkJoinPool.commonPool());
  }

  /** As {@link #publish(GenerationRequest)}, calling the subscriber on the given executor. */
  public Flow.Publisher<GeneratedToken> publish(GenerationRequest request, Executor executor) {
    return subscriber -> {
      // The buffer grows with what waits in it; a subscriber can never make the engine wait.
      SubmissionPublisher<GeneratedToken> publisher = new SubmissionPublisher<>(executor, 1 << 30);
      publisher.subscribe(subscriber);
      AtomicReference<@Nullable RunningGeneration> running = new AtomicReference<>();
      try {
        running.set(
            start(
                request,
                new GenerationListener() {
                  @Override
                  public void onToken(GeneratedToken token) {
                    if (publisher.hasSubscribers()) {
                      publisher.submit(token);
                    } else if (running.get() != null) {
                      running.get().cancel();
                    }
                  }

                  @Override
                  public void onComplete(Generation generation) {
                    publisher.close();
                  }

                  @Override
                  public void onError(Throwable failure) {
                    publisher.closeExceptionally(failure);
                  }
                }));
      } catch (RuntimeException failure) {
        publisher.closeExceptionally(failure);
      }
    };
  }

  RunningGeneration start(
      GenerationRequest request,
      int[] prompt,
      @Nullable SequenceState state,
      int cached,
      GenerationListener listener,
      IntConsumer onFed) {
    int room = contextLimit() - prompt.length;
    if (room < 0 || (room == 0 && request.maxTokens() > 0)) {
      throw new IllegalArgumentException(
          "the prompt has %d tokens, and the context takes %d with the answer; shorten it or open the model with a larger context"
              .formatted(prompt.length, contextLimit()));
    }
    if (request.maxTokens() > room && request.maxTokens() != GenerationRequest.MAX_TOKENS) {
      throw new IllegalArgumentException(
          "a prompt of %d tokens and maxTokens %d exceed the context of %d; maxTokens may be at most %d here"
              .formatted(prompt.length, request.maxTokens(), contextLimit(), room));
    }
    CompletableFuture<Generation> future = new CompletableFuture<>();
    GenerationListener completing = new CompletingListener(listener, future);
    GenerationJob job =
        new GenerationJob(
            request,
            request.sampling() == null ? defaultSampling : request.sampling(),
            state,
            prompt,
            cached,
            room,
            config().vocabSize(),
            endTokens,
            tokenizer == null ? null : new IncrementalDecoder(tokenizer),
            completing,
            onFed);
    scheduler.submit(job);
    return new RunningGeneration(future, job::cancel);
  }

  /** Passes everything on, and the end also to a future, whatever the listener does. */
  private record CompletingListener(
      GenerationListener listener, CompletableFuture<Generation> future)
      implements GenerationListener {
    @Override
    public void onPrompt(int done, int total) {
      listener.onPrompt(done, total);
    }

    @Override
    public void onToken(GeneratedToken token) {
      listener.onToken(token);
    }

    @Override
    public void onComplete(Generation generation) {
      try {
        listener.onComplete(generation);
      } finally {
        future.complete(generation);
      }
    }

    @Override
    public void onError(Throwable failure) {
      try {
        listener.onError(failure);
      } finally {
        future.completeExceptionally(failure);
      }
    }
  }

  // ---- scoring

  /** Log-probability of every token of a text but the first. */
  public Score score(String text) {
    return scoreTokens(encode(new Prompt.Text(text)), 1);
  }

  /** Log-probability of a continuation, given a prompt; each is tokenised on its own. */
  public Score score(String prompt, String continuation) {
    int[] before = encode(new Prompt.Text(prompt));
    int[] after = tokenizer().encode(continuation);
    int[] all = Arrays.copyOf(before, before.length + after.length);
    System.arraycopy(after, 0, all, before.length, after.length);
    return scoreTokens(all, before.length);
  }

  /**
   * Log-probabilities of tokens given those before them.
   *
   * @param from the first token that is scored, at least 1
   */
  public Score scoreTokens(int[] ids, int from) {
    if (from < 1 || from > ids.length) {
      throw new IllegalArgumentException(
          "scoring can start at 1 to %d, not %d: the first token has nothing before it"
              .formatted(ids.length, from));
    }
    List<TokenLogProbability> scores = new ArrayList<>();
    eachRow(
        ids,
        (index, logits) -> {
          if (index + 1 >= from && index + 1 < ids.length) {
            int next = ids[index + 1];
            scores.add(new TokenLogProbability(next, LogProbabilities.of(logits).at(next)));
          }
        },
        Chunk.Wanted.ALL);
    return new Score(scores);
  }

  /** Logits [vocabulary] after the last of the given tokens. */
  public float[] logits(int... ids) {
    float[] last = new float[config().vocabSize()];
    eachRow(
        ids,
        (index, logits) -> System.arraycopy(logits, 0, last, 0, last.length),
        Chunk.Wanted.LAST);
    return last;
  }

  /** Logits [tokens][vocabulary] after each of the given tokens. */
  public float[][] allLogits(int... ids) {
    float[][] rows = new float[ids.length][];
    eachRow(ids, (index, logits) -> rows[index] = logits.clone(), Chunk.Wanted.ALL);
    return rows;
  }

  private interface RowConsumer {
    void accept(int index, float[] logits);
  }

  private void eachRow(int[] ids, RowConsumer consumer, Chunk.Wanted wanted) {
    checkIds(encode(new Prompt.Tokens(Arrays.stream(ids).boxed().toList())));
    if (ids.length > contextLimit()) {
      throw new IllegalArgumentException(
          "%d tokens exceed the context of %d".formatted(ids.length, contextLimit()));
    }
    feed(null, ids, consumer, wanted, id -> {});
  }

  /** Feeds tokens and waits. */
  void feed(
      @Nullable SequenceState state,
      int[] ids,
      RowConsumer consumer,
      Chunk.Wanted wanted,
      IntConsumer onFed) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    scheduler.submit(
        new Job(state, ids) {
          @Override
          protected Chunk.Wanted wanted() {
            return wanted;
          }

          @Override
          protected void logits(int index, float[] logits) {
            consumer.accept(index, logits);
          }

          @Override
          protected void fed(int[] chunk, int doneTokens, int of) {
            for (int id : chunk) {
              onFed.accept(id);
            }
          }

          @Override
          protected int @Nullable [] next() {
            return null;
          }

          @Override
          protected void ended(boolean wasCancelled, @Nullable Throwable failure) {
            if (failure == null) {
              done.complete(null);
            } else {
              done.completeExceptionally(failure);
            }
          }
        });
    try {
      done.join();
    } catch (java.util.concurrent.CompletionException e) {
      throw RunningGeneration.unwrapped(e);
    }
  }

  void feed(SequenceState state, int[] ids, IntConsumer onFed) {
    feed(state, ids, (index, logits) -> {}, Chunk.Wanted.NONE, onFed);
  }

  // ---- sessions

  /**
   * A sequence whose state is kept between generations. It holds one of the model's sequence slots
   * until it is closed.
   *
   * @throws IllegalStateException if every slot is taken
   */
  public Session newSession() {
    return new Session(this, scheduler.call(() -> model.states().acquire()));
  }

  /** A conversation with memory of what was said. */
  public Chat newChat() {
    return new Chat(this, List.of());
  }

  /** A conversation under a system message. */
  public Chat newChat(String systemMessage) {
    return new Chat(this, List.of(ChatMessage.system(systemMessage)));
  }

  /**
   * A session as {@link Session#save} left it.
   *
   * @throws InvalidModelException if the file is damaged
   * @throws IllegalArgumentException if it was saved by another model
   */
  public Session loadSession(Path file) {
    return Session.load(this, file);
  }

  Scheduler scheduler() {
    return scheduler;
  }

  SambayModel model() {
    return model;
  }

  /**
   * Ends what runs, each with an {@link IllegalStateException}, and frees everything. Closing twice
   * changes nothing.
   */
  @Override
  public void close() {
    scheduler.close();
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

  /** Settings for opening a model. */
  public static final class Builder {
    private final Path directory;
    private String device = "auto";
    private @Nullable String target;
    private int threads;
    private @Nullable DType weights;
    private DType activations = DType.F32;
    private @Nullable Integer contextLimit;
    private int sequences = 8;
    private int stepTokens = 512;
    private ModelLoader.Progress progress = (done, total) -> {};

    private Builder(Path directory) {
      this.directory = directory;
    }

    /** {@code auto} (default), {@code cpu}, {@code cuda} or {@code reference}. */
    public Builder device(String value) {
      device = value;
      return this;
    }

    /**
     * CPU instruction set: {@code scalar}, {@code avx2}, {@code avx512} or {@code amx}; default:
     * the best here.
     */
    public Builder target(String value) {
      target = value;
      return this;
    }

    /** Threads of the CPU device; 0, the default: one for each core. */
    public Builder threads(int value) {
      threads = value;
      return this;
    }

    /** How weight matrices are kept in memory; default: as stored. */
    public Builder weights(DType value) {
      weights = value;
      return this;
    }

    /** How activations and caches are kept: F32 (default) or BF16. */
    public Builder activations(DType value) {
      activations = value;
      return this;
    }

    /**
     * Tokens a sequence may have; default: the smaller of the tokenizer's model_max_length and the
     * model's max_position_embeddings.
     */
    public Builder contextLimit(int value) {
      contextLimit = value;
      return this;
    }

    /** Sequences held at once, sessions included; others wait. Default 8. */
    public Builder sequences(int value) {
      sequences = value;
      return this;
    }

    /** Rows of the widest step: the size of a prompt's chunks. Default 512. */
    public Builder stepTokens(int value) {
      stepTokens = value;
      return this;
    }

    /** Told how far the loading has come. */
    public Builder progress(ModelLoader.Progress value) {
      progress = value;
      return this;
    }

    /**
     * Opens the model.
     *
     * @throws InvalidModelException if the directory is not a model this engine can run
     */
    public TextModel open() {
      long start = System.nanoTime();
      ModelDirectory files = ModelDirectory.open(directory);
      ModelConfig config = ModelConfig.read(files.file(ModelConfig.FILE));
      TokenizerConfig tokenizerConfig = TokenizerConfig.read(files);
      GenerationConfig generationConfig = GenerationConfig.read(files);
      Tokenizer tokenizer = tokenizer(files);
      ChatTemplate template =
          tokenizerConfig
              .chatTemplate()
              .map(
                  source ->
                      ChatTemplate.of(
                          source,
                          Objects.requireNonNullElse(tokenizerConfig.bosToken(), ""),
                          Objects.requireNonNullElse(tokenizerConfig.eosToken(), "")))
              .orElse(null);
      int context =
          contextLimit == null ? tokenizerConfig.contextLimit(config.maxPositions()) : contextLimit;
      LoadOptions options =
          new LoadOptions(
              weights,
              activations,
              context,
              sequences,
              stepTokens,
              Math.toIntExact(Math.min((long) context * sequences, Integer.MAX_VALUE)));
      Backend backend = Backends.open(device, target, threads);
      try (Checkpoint checkpoint = Checkpoint.open(files)) {
        SambayModel model = ModelLoader.load(backend, config, checkpoint, options, progress);
        log.info(
            "{} on {}, weights {}, activations {}, context {}, ready in {} ms",
            directory,
            model.backend().description(),
            weights == null ? "as stored" : weights,
            activations,
            context,
            (System.nanoTime() - start) / 1_000_000);
        return new TextModel(
            directory, model, tokenizer, template, tokenizerConfig, generationConfig);
      } catch (RuntimeException | Error e) {
        backend.close();
        throw e;
      }
    }

    private static @Nullable Tokenizer tokenizer(ModelDirectory files) {
      Path json = files.find("tokenizer.json").orElse(null);
      if (json == null) {
        return null;
      }
      return files
          .find(TokenizerConfig.FILE)
          .map(config -> Tokenizer.read(json, config))
          .orElseGet(() -> Tokenizer.read(json));
    }
  }
}
