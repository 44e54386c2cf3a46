package io.sambay4j;

import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.MemoryEstimate;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.ModelSource;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.StatePool;
import io.sambay4j.model.WeightFormat;
import io.sambay4j.runtime.Branches;
import io.sambay4j.runtime.EngineCounters;
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
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A language model, opened from a Hugging Face directory or a GGUF file.
 *
 * <pre>{@code
 * try (TextModel model = TextModel.open(Path.of("models/tiny-reasoner"))) {
 *   System.out.println(model.generate("What is 17+25?").text());
 * }
 * }</pre>
 *
 * <p>Every method may be called from any thread. Generations that run at the same time share the
 * model's steps, and none changes what another says: with f32 activations on the CPU not by a bit,
 * otherwise not beyond the last bits of sums, see {@link Builder#deterministic}. After {@link
 * #close} every method, also of what came from this model, throws an {@link IllegalStateException}.
 * A model that is never closed keeps its memory and its thread until the Java VM ends.
 */
public final class TextModel implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TextModel.class);

  private final SambayModel model;
  private final Scheduler scheduler;
  private final @Nullable Tokenizer tokenizer;
  private final PromptEncoder prompts;
  private final List<Integer> endTokens;
  private final SamplingParameters defaultSampling;
  private final LongRopePolicy longRope;
  private final int queueLimit;

  private TextModel(
      SambayModel model,
      @Nullable Tokenizer tokenizer,
      PromptEncoder prompts,
      List<Integer> endTokens,
      SamplingParameters defaultSampling,
      LongRopePolicy longRope,
      Scheduler.Settings settings) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.prompts = prompts;
    this.endTokens = endTokens;
    this.defaultSampling = defaultSampling;
    this.longRope = longRope;
    this.queueLimit = settings.queueLimit();
    this.scheduler = new Scheduler(model, settings);
  }

  /**
   * Opens a model with the settings most people want: the best device here, weights as they are
   * stored.
   *
   * @param path a directory as published on Hugging Face, or a GGUF file of a dense model
   */
  public static TextModel open(Path path) {
    return builder(path).open();
  }

  /** Opens a model, as {@link #open(Path)}, with settings of one's own. */
  public static Builder builder(Path path) {
    return new Builder(path);
  }

  // ---- about the model

  /** Sizes and layers. */
  public ModelConfig config() {
    scheduler.checkOpen();
    return model.config();
  }

  /** One line: device, target, threads. */
  public String device() {
    scheduler.checkOpen();
    return model.backend().description();
  }

  /** Tokens a prompt and its answer may have together. */
  public int contextLimit() {
    scheduler.checkOpen();
    return model.states().contextLimit();
  }

  /**
   * How tokens are chosen where a request does not say, from generation_config.json; greedy without
   * it.
   */
  public SamplingParameters defaultSampling() {
    scheduler.checkOpen();
    return defaultSampling;
  }

  /** Ids that end an answer. */
  public List<Integer> endTokens() {
    scheduler.checkOpen();
    return endTokens;
  }

  /**
   * The model's tokenizer.
   *
   * @throws IllegalStateException if the directory has no tokenizer.json
   */
  public Tokenizer tokenizer() {
    scheduler.checkOpen();
    return prompts.tokenizer();
  }

  /**
   * How many tokens a text has, as ordinary text without a template.
   *
   * @throws IllegalStateException if the directory has no tokenizer.json
   */
  public int countTokens(String text) {
    return tokenizer().count(text);
  }

  /**
   * The tokens a prompt starts with.
   *
   * @throws ContextLengthException if a text is so long that it cannot fit into the context
   * @throws IllegalArgumentException if there are none, or an id is outside the vocabulary
   * @throws IllegalStateException if the prompt is a text and there is no tokenizer, or a chat and
   *     there is no template
   */
  public int[] encode(Prompt prompt) {
    scheduler.checkOpen();
    return prompts.encode(prompt, true);
  }

  PromptEncoder prompts() {
    scheduler.checkOpen();
    return prompts;
  }

  // ---- generation

  /** Answers one user message and waits for the end. */
  public Generation generate(String userMessage) {
    return generate(GenerationRequest.user(userMessage).build());
  }

  /**
   * Generates and waits for the end. An interrupt cancels the generation.
   *
   * @throws ContextLengthException if prompt and answer have more tokens than the context takes
   * @throws IllegalArgumentException if the request does not fit this model otherwise: an empty
   *     prompt, ids outside the vocabulary
   * @throws java.util.concurrent.CancellationException (an {@link IllegalStateException}) if the
   *     thread was interrupted
   * @throws IllegalStateException if the model is or was closed, or sessions hold every sequence
   *     slot
   * @throws EngineBusyException if the queue is full
   */
  public Generation generate(GenerationRequest request) {
    scheduler.checkMayWait();
    return start(request, new GenerationListener() {}).resultOrCancel();
  }

  /**
   * Starts a generation; its tokens are read from the stream. Errors as of {@link
   * #generate(GenerationRequest)}.
   */
  public TokenStream stream(GenerationRequest request) {
    return new TokenStream(scheduler, listener -> start(request, listener));
  }

  /** Answers one user message; its tokens are read from the stream. */
  public TokenStream stream(String userMessage) {
    return stream(GenerationRequest.user(userMessage).build());
  }

  /**
   * Starts a generation; the listener is told of it on the engine's thread. Errors of the request
   * are thrown here as by {@link #generate(GenerationRequest)}, later ones go to the listener.
   */
  public RunningGeneration start(GenerationRequest request, GenerationListener listener) {
    return start(request, encode(request.prompt()), null, 0, listener, id -> {}, running -> {});
  }

  /**
   * Starts several generations from one prompt, which is read once. They share its keys and values;
   * each is told to a listener of its own and may be cancelled alone. Where the sampling has a
   * seed, they take it and those after it.
   *
   * @param listeners one for each generation, 1 to {@value #MAX_BRANCHES}
   * @throws EngineBusyException if the queue has no room for all; none is started then
   */
  public List<RunningGeneration> startBranches(
      GenerationRequest request, List<? extends GenerationListener> listeners) {
    List<GenerationListener> each = List.copyOf(listeners);
    if (each.isEmpty() || each.size() > MAX_BRANCHES) {
      throw new IllegalArgumentException(
          "1 to %d generations can start from one prompt, not %d"
              .formatted(MAX_BRANCHES, each.size()));
    }
    return startAll(List.of(request), List.of(each)).get(0);
  }

  /**
   * Starts the generations of several prompts at once, each prompt's as {@link #startBranches}
   * does: all are queued, or none.
   *
   * @param listeners for each request one or more, at most {@value #MAX_BRANCHES} in all
   * @return for each request its generations
   * @throws EngineBusyException if the queue has no room for all; none is started then
   */
  public List<List<RunningGeneration>> startAll(
      List<GenerationRequest> requests,
      List<? extends List<? extends GenerationListener>> listeners) {
    int count = listeners.stream().mapToInt(List::size).sum();
    if (requests.isEmpty()
        || requests.size() != listeners.size()
        || listeners.stream().anyMatch(List::isEmpty)
        || count > MAX_BRANCHES) {
      throw new IllegalArgumentException(
          "1 to %d generations can start together, with listeners for each request, but there are %d requests and %d listeners"
              .formatted(MAX_BRANCHES, requests.size(), count));
    }
    List<Job> jobs = new ArrayList<>();
    List<List<RunningGeneration>> started = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      GenerationRequest request = requests.get(i);
      List<GenerationListener> each = List.copyOf(listeners.get(i));
      started.add(
          jobs(request, encode(request.prompt()), null, 0, each, id -> {}, running -> {}, jobs));
    }
    scheduler.submitAll(jobs);
    return started;
  }

  /** The most generations that can start together. */
  public static final int MAX_BRANCHES = 128;

  /** What the model is doing and has done; may be called as often as one likes. */
  public EngineStatistics statistics() {
    scheduler.checkOpen();
    EngineCounters now = scheduler.counters();
    EngineCounters.Prefixes prefixes = now.prefixes();
    return new EngineStatistics(
        now.running(),
        scheduler.waitingJobs(),
        queueLimit,
        now.slotsUsed(),
        model.states().slots(),
        now.blocksUsed(),
        now.blocks(),
        StatePool.BLOCK_TOKENS,
        model.states().contextLimit(),
        now.jobs(),
        now.promptTokens(),
        now.cachedTokens(),
        now.generatedTokens(),
        prefixes.hits(),
        prefixes.misses(),
        prefixes.tokensSaved(),
        prefixes.entries(),
        prefixes.bytes(),
        prefixes.limitBytes(),
        prefixes.evictions(),
        prefixes.files(),
        now.steps(),
        now.uptime());
  }

  /**
   * A publisher that starts a generation for each subscriber. Tokens wait for a slow subscriber;
   * cancelling the subscription cancels the generation. Every error goes to the subscriber.
   */
  public Flow.Publisher<GeneratedToken> publish(GenerationRequest request) {
    return publish(request, ForkJoinPool.commonPool());
  }

  /** As {@link #publish(GenerationRequest)}, calling the subscriber on the given executor. */
  public Flow.Publisher<GeneratedToken> publish(GenerationRequest request, Executor executor) {
    scheduler.checkOpen();
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
                  public void onPrompt(int done, int total) {
                    cancelIfAlone();
                  }

                  @Override
                  public void onToken(GeneratedToken token) {
                    cancelIfAlone();
                    publisher.submit(token);
                  }

                  private void cancelIfAlone() {
                    RunningGeneration generation = running.get();
                    if (generation != null && !publisher.hasSubscribers()) {
                      generation.cancel();
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

  /**
   * Queues a generation.
   *
   * @param created given the generation before it can have begun, so that its own listener may
   *     already cancel it
   */
  RunningGeneration start(
      GenerationRequest request,
      int[] prompt,
      @Nullable SequenceState state,
      int cached,
      GenerationListener listener,
      IntConsumer onFed,
      Consumer<RunningGeneration> created) {
    List<Job> jobs = new ArrayList<>();
    List<RunningGeneration> started =
        jobs(request, prompt, state, cached, List.of(listener), onFed, created, jobs);
    scheduler.submitAll(jobs);
    return started.get(0);
  }

  /** Makes the jobs of one prompt, one for each listener, and adds them to a list. */
  private List<RunningGeneration> jobs(
      GenerationRequest request,
      int[] prompt,
      @Nullable SequenceState state,
      int cached,
      List<GenerationListener> listeners,
      IntConsumer onFed,
      Consumer<RunningGeneration> created,
      List<Job> jobs) {
    checkStops(request);
    int count = listeners.size();
    int room = room(request, prompt);
    SamplingParameters sampling = request.sampling() == null ? defaultSampling : request.sampling();
    Branches branches = count > 1 && prompt.length > 1 ? new Branches(count) : null;
    List<RunningGeneration> started = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      CompletableFuture<Generation> future = new CompletableFuture<>();
      GenerationJob job =
          new GenerationJob(
              request,
              branch(sampling, i),
              branches,
              state,
              prompt,
              cached,
              room,
              longRope,
              config().vocabSize(),
              endTokens,
              tokenizer == null ? null : new IncrementalDecoder(tokenizer),
              new CompletingListener(listeners.get(i), future),
              onFed);
      RunningGeneration running = new RunningGeneration(future, job, scheduler);
      created.accept(running);
      jobs.add(job);
      started.add(running);
    }
    return started;
  }

  /** The parameters of one of several answers: seeds count up. */
  private static SamplingParameters branch(SamplingParameters sampling, int index) {
    return index == 0 || sampling.seed().isEmpty()
        ? sampling
        : sampling.toBuilder().seed(sampling.seed().getAsLong() + index).build();
  }

  /** Tokens that the context takes after the prompt. */
  private int room(GenerationRequest request, int[] prompt) {
    int room = contextLimit() - prompt.length;
    if (room < 0 || (room == 0 && request.maxTokens() > 0)) {
      throw new ContextLengthException(
          "the prompt has %d tokens, and the context takes %d with the answer; shorten it or open the model with a larger context"
              .formatted(prompt.length, contextLimit()));
    }
    if (request.maxTokens() > room && request.maxTokens() != GenerationRequest.MAX_TOKENS) {
      throw new ContextLengthException(
          "a prompt of %d tokens and maxTokens %d exceed the context of %d; maxTokens may be at most %d here"
              .formatted(prompt.length, request.maxTokens(), contextLimit(), room));
    }
    return room;
  }

  private void checkStops(GenerationRequest request) {
    if (!request.stop().isEmpty() && tokenizer == null) {
      throw new IllegalArgumentException(
          "stop strings need a tokenizer, which this model has not; use stop tokens");
    }
    prompts.checkIds(request.stopTokens().stream().mapToInt(Integer::intValue).toArray());
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

  /**
   * Log-probability of every token of a text but the first.
   *
   * @throws IllegalArgumentException if the text is empty or longer than the context
   */
  public Score score(String text) {
    return scoreTokens(encode(new Prompt.Text(text)), 1);
  }

  /** Log-probability of a continuation, given a prompt; each is tokenised on its own. */
  public Score score(String prompt, String continuation) {
    int[] before = encode(new Prompt.Text(prompt));
    int[] after = prompts.encodeText(continuation, false);
    int[] all = Arrays.copyOf(before, before.length + after.length);
    System.arraycopy(after, 0, all, before.length, after.length);
    return scoreTokens(all, before.length);
  }

  /**
   * Log-probabilities of tokens given those before them.
   *
   * @param ids at least one, at most {@link #contextLimit}
   * @param from index of the first token that is scored, in [1, ids.length]; ids.length scores none
   */
  public Score scoreTokens(int[] ids, int from) {
    checkSequence(ids);
    if (from < 1 || from > ids.length) {
      throw new IllegalArgumentException(
          "scoring can start at token 1 to %d, but was to start at %d: the first token has nothing before it"
              .formatted(ids.length, from));
    }
    List<TokenLogProbability> scores = new ArrayList<>();
    if (from < ids.length) { // the last token has nothing after it to be scored
      int[] read = Arrays.copyOf(ids, ids.length - 1);
      feed(
          null,
          read,
          0,
          from - 1,
          (index, logits) -> {
            int next = ids[index + 1];
            scores.add(new TokenLogProbability(next, LogProbabilities.of(logits).at(next)));
          },
          id -> {});
    }
    return new Score(scores);
  }

  /**
   * Logits [vocabulary] after the last of the given tokens.
   *
   * @param ids at least one, at most {@link #contextLimit}
   */
  public float[] logits(int... ids) {
    checkSequence(ids);
    float[] last = new float[config().vocabSize()];
    feed(
        null,
        ids,
        0,
        ids.length - 1,
        (index, logits) -> System.arraycopy(logits, 0, last, 0, last.length),
        id -> {});
    return last;
  }

  /**
   * Logits [tokens][vocabulary] after each of the given tokens.
   *
   * @param ids at least one, at most {@link #contextLimit}
   */
  public float[][] allLogits(int... ids) {
    checkSequence(ids);
    float[][] rows = new float[ids.length][];
    feed(null, ids, 0, 0, (index, logits) -> rows[index] = logits.clone(), id -> {});
    return rows;
  }

  private void checkSequence(int[] ids) {
    scheduler.checkOpen();
    if (ids.length < 1 || ids.length > contextLimit()) {
      throw new IllegalArgumentException(
          "a sequence must have 1 to %d tokens, the context, but has %d"
              .formatted(contextLimit(), ids.length));
    }
    prompts.checkIds(ids);
  }

  /** Reads tokens and waits, see {@link FeedJob}. An interrupt ends it before the next step. */
  private void feed(
      @Nullable SequenceState state,
      int[] tokens,
      int seen,
      int firstRow,
      FeedJob.RowConsumer rows,
      IntConsumer onFed) {
    scheduler.checkMayWait();
    FeedJob job = new FeedJob(state, tokens, seen, firstRow, rows, onFed);
    scheduler.submit(job);
    Waiting.orCancel(job.done(), job::cancel);
  }

  /**
   * Reads tokens for their state alone, and waits.
   *
   * @param tokens all of the sequence, at least one that it has not seen
   * @param seen how many it has seen
   */
  void feed(SequenceState state, int[] tokens, int seen, IntConsumer onFed) {
    feed(state, tokens, seen, tokens.length - seen, (index, logits) -> {}, onFed);
  }

  // ---- sessions

  /**
   * A sequence whose state is kept between generations. It holds one of the model's sequence slots
   * until it is closed; one that is dropped without being closed holds it until the model is
   * closed.
   *
   * @throws IllegalStateException if every slot is taken
   */
  public Session newSession() {
    return new Session(this, scheduler.call(() -> model.states().acquire()));
  }

  /**
   * A conversation with memory of what was said. It holds a sequence slot, as a {@link Session}
   * does.
   *
   * @throws IllegalStateException if every slot is taken
   */
  public Chat newChat() {
    return new Chat(this, List.of());
  }

  /** A conversation that goes on from what was said before. */
  public Chat newChat(List<ChatMessage> history) {
    return new Chat(this, history);
  }

  /** A conversation under a system message. */
  public Chat newChat(String systemMessage) {
    return new Chat(this, List.of(ChatMessage.system(systemMessage)));
  }

  /**
   * A session as {@link Session#save} left it.
   *
   * @throws InvalidModelException if the file is damaged or is no saved session
   * @throws IllegalArgumentException if it was saved by another model, or with more tokens than
   *     this context takes
   * @throws IllegalStateException if every slot is taken
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
   * Ends what runs after the current step, each with an {@link IllegalStateException}, waits for
   * that, and frees everything. In a callback it does not wait. Closing twice changes nothing.
   */
  @Override
  public void close() {
    scheduler.close();
  }

  /** Rows of the widest step where {@link Builder#stepTokens} is not told. */
  public static final int STEP_TOKENS = 512;

  /** Requests that may wait where {@link Builder#queueLimit} is not told. */
  public static final int QUEUE_LIMIT = 65_536;

  private static final int CPU_PROMPT_CHUNK = 128;

  /** Bytes of files where {@link Builder#prefixCacheFileBytes} is not told. */
  public static final long PREFIX_CACHE_FILE_BYTES = 8L << 30;

  /** Settings for opening a model. */
  public static final class Builder {
    private final Path path;
    private String device = "auto";
    private @Nullable String target;
    private int threads;
    private @Nullable WeightFormat weights;
    private DType activations = DType.F32;
    private @Nullable Integer contextLimit;
    private int sequences = 8;
    private int stepTokens = STEP_TOKENS;
    private int promptChunk; // 0: by the device
    private int queueLimit = QUEUE_LIMIT;
    private long prefixCacheBytes;
    private @Nullable Path prefixCacheDirectory;
    private long prefixCacheFileBytes = PREFIX_CACHE_FILE_BYTES;
    private boolean deterministic;
    private LongRopePolicy longRope = LongRopePolicy.BY_LENGTH;
    private ModelLoader.Progress progress = (done, total) -> {};

    private Builder(Path path) {
      this.path = path;
    }

    /**
     * {@code auto} (default), {@code cpu}, {@code cuda} (the first card), {@code cuda:N} or {@code
     * reference}.
     */
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

    /**
     * How weight matrices are kept in memory; default: as stored. INT4 keeps embedding and head in
     * INT8, see {@link WeightFormat#INT4}.
     */
    public Builder weights(DType value) {
      return weights(WeightFormat.of(value));
    }

    /** The same, part by part of the model. */
    public Builder weights(WeightFormat value) {
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

    /**
     * Most tokens of a prompt read in one step, at least 1: fewer let others' next tokens come
     * sooner, more may read a prompt faster. Default: 128 on the CPU, where more gains nothing; on
     * a card, and at most, what a step has room for beside a token of every other sequence.
     */
    public Builder promptChunk(int value) {
      if (value < 1) {
        throw new IllegalArgumentException("promptChunk must be at least 1 but was " + value);
      }
      promptChunk = value;
      return this;
    }

    /**
     * Requests that may wait for a place, at least 1; one more is an {@link EngineBusyException}.
     * Default 65,536.
     */
    public Builder queueLimit(int value) {
      if (value < 1) {
        throw new IllegalArgumentException("queueLimit must be at least 1 but was " + value);
      }
      queueLimit = value;
      return this;
    }

    /**
     * Memory for the prefix cache: states of past sequences, from which a request starts that
     * begins with the same tokens. 0, the default, is none: a program that asks a model once or
     * holds its conversations in a {@link Session} gains nothing by it. It counts in what the model
     * needs.
     */
    public Builder prefixCacheBytes(long value) {
      prefixCacheBytes = value;
      return this;
    }

    /**
     * A directory for states that the prefix cache's memory has no room for, and for all of them
     * when the model is closed: another run finds them. It is made if it is missing; several models
     * may share it. A file there that is damaged or not of this model is ignored. Default: none. It
     * needs {@link #prefixCacheBytes}.
     */
    public Builder prefixCacheDirectory(Path value) {
      prefixCacheDirectory = value;
      return this;
    }

    /** Bytes of files that the model keeps there; default 8 GiB. */
    public Builder prefixCacheFileBytes(long value) {
      if (value < 0) {
        throw new IllegalArgumentException(
            "prefixCacheFileBytes must be 0 or more but was " + value);
      }
      prefixCacheFileBytes = value;
      return this;
    }

    /**
     * Whether the same request must give the same bytes on this machine's CPU: alone, in a crowd,
     * with its prompt read in pieces, or from the prefix cache. Without it that holds within the
     * numeric tolerance, and to the byte for neighbours. Prompts are read more slowly, by 13 % at
     * full size; see docs/prefix-cache.md. Default false.
     */
    public Builder deterministic(boolean value) {
      deterministic = value;
      return this;
    }

    /** When a model with LongRoPE takes its long rotary factors. Default: as published. */
    public Builder longRope(LongRopePolicy value) {
      longRope = value;
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
     * @throws InvalidModelException if the path is not a model this engine can run
     */
    public TextModel open() {
      long start = System.nanoTime();
      ModelSource source = ModelSource.open(path);
      ModelConfig config = source.config();
      TokenizerConfig tokenizerConfig = source.tokenizerConfig();
      GenerationConfig generationConfig = source.generationConfig();
      Tokenizer tokenizer = tokenizer(source);
      ChatTemplate template =
          tokenizerConfig
              .chatTemplate()
              .map(
                  text ->
                      ChatTemplate.of(
                          text,
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
              StatePool.cacheTokens(sequences, context, Session.MAX_CHECKPOINTS),
              prefixCacheBytes,
              deterministic);
      PromptEncoder prompts =
          new PromptEncoder(
              path, tokenizer, template, tokenizerConfig, config.vocabSize(), context);
      SamplingParameters sampling = defaultSampling(generationConfig);
      SambayModel model;
      try (Checkpoint checkpoint = source.openCheckpoint()) {
        long bytes = MemoryEstimate.of(config, options, checkpoint).total();
        model =
            ModelLoader.load(
                deterministic
                    ? Backends.openRowByRow(device, target, threads)
                    : Backends.open(device, target, threads, bytes),
                config,
                checkpoint,
                options,
                progress);
      }
      log.info(
          "{} on {}, weights {}, activations {}, context {}, ready in {} ms",
          path,
          model.backend().description(),
          weights == null ? "as stored" : weights.label(),
          activations,
          context,
          (System.nanoTime() - start) / 1_000_000);
      List<Integer> endTokens =
          generationConfig.eosTokenIds().isEmpty()
              ? config.eosTokenIds()
              : generationConfig.eosTokenIds();
      if (source.ggufMetadata().isPresent() && tokenizer != null) {
        endTokens = GgufTokenizer.endTokens(tokenizer, endTokens);
      }
      boolean card = model.backend().samples();
      int chunk = promptChunk > 0 ? promptChunk : card ? Integer.MAX_VALUE : CPU_PROMPT_CHUNK;
      Scheduler.Settings settings =
          new Scheduler.Settings(
              queueLimit, chunk, prefixCacheBytes, prefixCacheDirectory, prefixCacheFileBytes);
      return new TextModel(model, tokenizer, prompts, endTokens, sampling, longRope, settings);
    }

    private static @Nullable Tokenizer tokenizer(ModelSource source) {
      Tokenizer inside =
          source
              .ggufMetadata()
              .map(metadata -> GgufTokenizer.read(source.path(), metadata))
              .orElse(null);
      return inside != null ? inside : tokenizer(source.directory());
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
}
