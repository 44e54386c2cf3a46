package io.sambay4j;

import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.StatePool;
import io.sambay4j.runtime.EngineCounters;
import io.sambay4j.runtime.Scheduler;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

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
  private final OpenedModel opened;
  private final Scheduler scheduler;
  private final Generations generations;
  private final Reading reading;

  private TextModel(OpenedModel opened) {
    this.opened = opened;
    this.scheduler = new Scheduler(opened.model(), opened.scheduling());
    this.generations = new Generations(opened, scheduler);
    this.reading = new Reading(opened, scheduler);
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
    return opened.model().config();
  }

  /** One line: device, target, threads. */
  public String device() {
    scheduler.checkOpen();
    return opened.model().backend().description();
  }

  /** Tokens a prompt and its answer may have together. */
  public int contextLimit() {
    scheduler.checkOpen();
    return opened.model().states().contextLimit();
  }

  /**
   * How tokens are chosen where a request does not say, from generation_config.json; greedy without
   * it.
   */
  public SamplingParameters defaultSampling() {
    scheduler.checkOpen();
    return opened.defaultSampling();
  }

  /** Ids that end an answer. */
  public List<Integer> endTokens() {
    scheduler.checkOpen();
    return opened.endTokens();
  }

  /**
   * The model's tokenizer.
   *
   * @throws IllegalStateException if the directory has no tokenizer.json
   */
  public Tokenizer tokenizer() {
    scheduler.checkOpen();
    return opened.prompts().tokenizer();
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
    return opened.prompts().encode(prompt, true);
  }

  PromptEncoder prompts() {
    scheduler.checkOpen();
    return opened.prompts();
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
    scheduler.checkOpen();
    int count = listeners.stream().mapToInt(List::size).sum();
    if (requests.isEmpty()
        || requests.size() != listeners.size()
        || listeners.stream().anyMatch(List::isEmpty)
        || count > MAX_BRANCHES) {
      throw new IllegalArgumentException(
          "1 to %d generations can start together, with listeners for each request, but there are %d requests and %d listeners"
              .formatted(MAX_BRANCHES, requests.size(), count));
    }
    List<int[]> prompts = requests.stream().map(request -> encode(request.prompt())).toList();
    return generations.startAll(requests, prompts, listeners);
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
        opened.scheduling().queueLimit(),
        now.slotsUsed(),
        opened.model().states().slots(),
        now.blocksUsed(),
        now.blocks(),
        StatePool.BLOCK_TOKENS,
        opened.model().states().contextLimit(),
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
    return new GenerationPublisher(listener -> start(request, listener), executor);
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
    return generations.start(request, prompt, state, cached, listener, onFed, created);
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
    int[] after = opened.prompts().encodeText(continuation, false);
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
    return reading.score(ids, from);
  }

  /**
   * Logits [vocabulary] after the last of the given tokens.
   *
   * @param ids at least one, at most {@link #contextLimit}
   */
  public float[] logits(int... ids) {
    return reading.logits(ids);
  }

  /**
   * Logits [tokens][vocabulary] after each of the given tokens.
   *
   * @param ids at least one, at most {@link #contextLimit}
   */
  public float[][] allLogits(int... ids) {
    return reading.allLogits(ids);
  }

  /**
   * Reads tokens for their state alone, and waits.
   *
   * @param tokens all of the sequence, at least one that it has not seen
   * @param seen how many it has seen
   */
  void feed(SequenceState state, int[] tokens, int seen, IntConsumer onFed) {
    reading.feed(state, tokens, seen, onFed);
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
    return new Session(this, scheduler.call(() -> opened.model().states().acquire()));
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
    return opened.model();
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

  /** Bytes of files where {@link Builder#prefixCacheFileBytes} is not told. */
  public static final long PREFIX_CACHE_FILE_BYTES = 8L << 30;

  /** Settings for opening a model. */
  public static final class Builder extends TextModelSettings<Builder> {
    private Builder(Path path) {
      super(path);
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * Opens the model.
     *
     * @throws InvalidModelException if the path is not a model this engine can run
     */
    public TextModel open() {
      return new TextModel(OpenedModel.open(this));
    }
  }
}
