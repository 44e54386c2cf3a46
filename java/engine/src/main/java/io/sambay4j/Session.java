package io.sambay4j;

import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.RopeConfig;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.StatePool.Snapshot;
import io.sambay4j.model.StateTensors;
import io.sambay4j.weights.SafeTensors;
import io.sambay4j.weights.SafeTensorsWriter;
import io.sambay4j.weights.SafeTensorsWriter.Declaration;
import io.sambay4j.weights.StorageType;
import io.sambay4j.weights.TensorInfo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A sequence whose state is kept between generations, so that nothing is read twice. It can be
 * forked at no more than the cost of its fixed state, taken back to an earlier position, and saved
 * to a file.
 *
 * <pre>{@code
 * try (Session session = model.newSession()) {
 *   session.append("Once upon a time");
 *   try (Session other = session.fork()) {
 *     System.out.println(session.generate(GenerationRequest.text(" there was").maxTokens(20).build()).text());
 *     System.out.println(other.generate(GenerationRequest.text(" nobody was").maxTokens(20).build()).text());
 *   }
 * }
 * }</pre>
 *
 * <p>One thing at a time: a call while another is under way is an {@link IllegalStateException};
 * only {@link #close} may come at any time. It holds one of the model's sequence slots until then.
 */
public final class Session implements AutoCloseable {
  /**
   * Automatic checkpoints kept; the oldest makes room. Each holds a copy of the sequence's fixed
   * state.
   */
  static final int MAX_CHECKPOINTS = 8;

  private static final String TOKENS = "tokens";
  private static final String MODEL = "model";
  private static final String ROPE_FACTORS = "rope_factors";

  private final TextModel model;
  private final SequenceState state;
  private final Semaphore idle = new Semaphore(1); // held by whoever uses what is below
  // All tokens of the session. The sequence has seen all of them, or all but the last; fewer where
  // reading them again was cut short.
  private final List<Integer> tokens = new ArrayList<>();
  private final TreeMap<Integer, Snapshot> checkpoints = new TreeMap<>();
  private boolean disposed;
  private volatile @Nullable RunningGeneration running;
  private volatile boolean closed;

  Session(TextModel model, SequenceState state) {
    this.model = model;
    this.state = state;
  }

  SequenceState state() {
    return state;
  }

  /** Tokens of the session so far, generated ones included. */
  public int[] tokens() {
    return exclusively(() -> ids(0, tokens.size()));
  }

  /** How many tokens the session has. */
  public int position() {
    return exclusively(tokens::size);
  }

  /**
   * Appends text, tokenised on its own.
   *
   * @throws ContextLengthException if the context has no room for it; nothing has been appended
   *     then
   */
  public void append(String text) {
    exclusively(() -> feed(model.prompts().encodeText(text, tokens.isEmpty())));
  }

  /**
   * Appends tokens. An interrupt ends that between two steps; what has been read stays.
   *
   * @throws ContextLengthException if the context has no room for them; nothing has been appended
   *     then
   * @throws IllegalArgumentException if an id is outside the vocabulary; nothing has been appended
   *     then
   */
  public void appendTokens(int... ids) {
    exclusively(() -> feed(ids));
  }

  private @Nullable Void feed(int[] ids) {
    if (ids.length > 0) {
      model.prompts().checkIds(ids);
      if (ids.length > model.contextLimit() - tokens.size()) {
        throw new ContextLengthException(
            "%d tokens after %d exceed the context of %d"
                .formatted(ids.length, tokens.size(), model.contextLimit()));
      }
      checkpoint();
      read(with(ids));
    }
    return null;
  }

  /** The session's tokens and some more. */
  private int[] with(int[] appended) {
    int[] all = Arrays.copyOf(ids(0, tokens.size()), tokens.size() + appended.length);
    System.arraycopy(appended, 0, all, tokens.size(), appended.length);
    return all;
  }

  /** Reads what the sequence has not seen of the given tokens, which begin with the session's. */
  private void read(int[] all) {
    int seen = state.length();
    if (seen < all.length) {
      model.feed(state, all, seen, remember(seen));
    }
  }

  /** Adds tokens that have been read to the session's, but for those it has already. */
  private IntConsumer remember(int seen) {
    int[] position = {seen};
    return id -> {
      if (position[0]++ == tokens.size()) {
        tokens.add(id);
      }
    };
  }

  /**
   * Appends the request's prompt, generates after it, and waits for the end. The answer becomes
   * part of the session, its end token included. An interrupt cancels the generation.
   *
   * @throws IllegalArgumentException if the request does not fit: an empty prompt, ids outside the
   *     vocabulary, more tokens than the context takes; the session is as it was then
   * @throws java.util.concurrent.CancellationException (an {@link IllegalStateException}) if the
   *     thread was interrupted
   * @throws IllegalStateException if the session is busy or closed
   */
  public Generation generate(GenerationRequest request) {
    model.scheduler().checkMayWait();
    return start(request, new GenerationListener() {}).resultOrCancel();
  }

  /** As {@link #generate}, read as a stream. */
  public TokenStream stream(GenerationRequest request) {
    return new TokenStream(model.scheduler(), listener -> start(request, listener));
  }

  /**
   * As {@link #generate}, told to a listener on the engine's thread. The session is free again
   * before its last call.
   */
  public RunningGeneration start(GenerationRequest request, GenerationListener listener) {
    return generating(
        () -> {
          int[] appended = model.prompts().encode(request.prompt(), tokens.isEmpty());
          return run(request, with(appended), listener, generation -> {});
        });
  }

  /**
   * Makes the session's tokens exactly the prompt's, keeping what they have in common, and
   * generates after them.
   *
   * @param onEnd told of the end before the session is free again
   */
  RunningGeneration continueFrom(
      int[] prompt,
      GenerationRequest request,
      GenerationListener listener,
      Consumer<Generation> onEnd) {
    return generating(
        () -> {
          int common = 0;
          while (common < Math.min(prompt.length - 1, tokens.size())
              && prompt[common] == tokens.get(common)) {
            common++;
          }
          takeBackTo(common);
          return run(request, prompt, listener, onEnd);
        });
  }

  /**
   * From {@link #enter} to the generation's end the session is busy; a failure to start must not
   * leave it so.
   */
  private RunningGeneration generating(Supplier<RunningGeneration> start) {
    model.scheduler().checkMayWait();
    enter();
    RunningGeneration started;
    try {
      started = start.get();
    } catch (RuntimeException | Error e) {
      leave();
      throw e;
    }
    if (closed) {
      started.cancel(); // whoever closed the session may have come too early to do it
    }
    return started;
  }

  private RunningGeneration run(
      GenerationRequest request,
      int[] all,
      GenerationListener listener,
      Consumer<Generation> onEnd) {
    checkpoint();
    int seen = state.length();
    return model.start(
        request,
        all,
        state,
        seen,
        new SessionListener(all.length, listener, onEnd),
        remember(seen),
        started -> running = started);
  }

  /** Adds the last token, which was chosen but not fed, and ends the session's being busy. */
  private final class SessionListener implements GenerationListener {
    private final int promptTokens;
    private final GenerationListener listener;
    private final Consumer<Generation> onEnd;

    SessionListener(int promptTokens, GenerationListener listener, Consumer<Generation> onEnd) {
      this.promptTokens = promptTokens;
      this.listener = listener;
      this.onEnd = onEnd;
    }

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
      int[] generated = generation.tokenIds();
      if (tokens.size() >= promptTokens) { // not if it was cancelled while it read the prompt
        for (int i = tokens.size() - promptTokens; i < generated.length; i++) {
          tokens.add(generated[i]);
        }
      }
      onEnd.accept(generation);
      leave();
      listener.onComplete(generation);
    }

    @Override
    public void onError(Throwable failure) {
      leave();
      listener.onError(failure);
    }
  }

  /** Keeps the state as it is now, so that {@link #rewind} to this position costs no work. */
  public void keepCheckpoint() {
    exclusively(
        () -> {
          checkpoint();
          return null;
        });
  }

  private void checkpoint() {
    int position = state.length();
    if (position == 0 || checkpoints.containsKey(position)) {
      return;
    }
    checkpoints.put(position, model.scheduler().call(() -> model.model().states().snapshot(state)));
    if (checkpoints.size() > MAX_CHECKPOINTS) {
      Snapshot oldest = checkpoints.pollFirstEntry().getValue();
      model.scheduler().release(oldest::close);
    }
  }

  /**
   * Takes the session back to an earlier position. The tokens between the nearest checkpoint and
   * the position are read again; checkpoints are made before every generation and every append, and
   * the last {@value #MAX_CHECKPOINTS} are kept.
   *
   * @param position in [0, {@link #position}]
   * @throws IllegalArgumentException if it is outside
   */
  public void rewind(int position) {
    exclusively(
        () -> {
          if (position < 0 || position > tokens.size()) {
            throw new IllegalArgumentException(
                "position must be in [0, %d] but was %d".formatted(tokens.size(), position));
          }
          takeBackTo(position);
          read(ids(0, position));
          return null;
        });
  }

  /**
   * Drops tokens from the position on, and takes the state back to the nearest checkpoint at or
   * before it.
   */
  private void takeBackTo(int position) {
    int[] kept = ids(0, position);
    if (position < state.length() || state.isTorn()) {
      Map.Entry<Integer, Snapshot> nearest = checkpoints.floorEntry(position);
      model
          .scheduler()
          .call(
              () -> {
                if (nearest == null) {
                  model.model().states().clear(state);
                } else {
                  model.model().states().restore(state, nearest.getValue());
                }
                checkpoints.tailMap(position, false).values().forEach(Snapshot::close);
                checkpoints.tailMap(position, false).clear();
                return null;
              });
    }
    tokens.clear();
    Arrays.stream(kept).forEach(tokens::add);
  }

  /**
   * A second session with the same past, independent from here on. Shared keys and values are not
   * copied. It starts without checkpoints of its own: a rewind behind the fork reads the tokens
   * again.
   *
   * @throws IllegalStateException if every sequence slot is taken
   */
  public Session fork() {
    return exclusively(
        () -> {
          Session fork =
              new Session(model, model.scheduler().call(() -> model.model().states().fork(state)));
          fork.tokens.addAll(tokens);
          return fork;
        });
  }

  /**
   * Saves the session to a safetensors file: its tokens and the state after them, named as in
   * {@link StateTensors}. An existing file is replaced only once the new one is complete.
   *
   * @throws IllegalStateException if the session is empty
   * @throws java.io.UncheckedIOException if the file cannot be written
   */
  public void save(Path file) {
    exclusively(
        () -> {
          if (tokens.isEmpty()) {
            throw new IllegalStateException("the session is empty; there is nothing to save");
          }
          read(ids(0, tokens.size()));
          Map<String, StateTensors.Named> arrays =
              model.scheduler().call(() -> StateTensors.export(model.model(), state));
          String factors = String.valueOf(state.ropeFactors());
          List<Declaration> declarations = new ArrayList<>();
          declarations.add(new Declaration(TOKENS, StorageType.I64, tokens.size()));
          arrays.forEach(
              (name, array) ->
                  declarations.add(new Declaration(name, StorageType.F32, array.shape())));
          try (SafeTensorsWriter writer =
              SafeTensorsWriter.create(
                  file,
                  declarations,
                  Map.of(MODEL, fingerprint(model.config()), ROPE_FACTORS, factors))) {
            writer.writeLongs(TOKENS, tokens.stream().mapToLong(id -> id).toArray());
            arrays.forEach((name, array) -> writer.writeFloats(name, array.values()));
            writer.commit();
          }
          return null;
        });
  }

  static Session load(TextModel model, Path file) {
    String expected = fingerprint(model.config());
    int[] tokens;
    RopeConfig.Factors factors;
    Map<String, StateTensors.Named> arrays = new LinkedHashMap<>();
    try (SafeTensors saved = SafeTensors.open(file)) {
      String found = saved.metadata().get(MODEL);
      TensorInfo ids = saved.tensors().get(TOKENS);
      if (found == null || ids == null) {
        throw new InvalidModelException(
            "%s is no saved session: it has no %s"
                .formatted(file, found == null ? "metadata \"model\"" : "tensor \"tokens\""));
      }
      if (!found.equals(expected)) {
        throw new IllegalArgumentException(
            "%s was saved by another model: %s, this one is %s".formatted(file, found, expected));
      }
      tokens = tokens(file, model.config(), saved.readLongs(ids));
      if (tokens.length > model.contextLimit()) {
        throw new IllegalArgumentException(
            "%s has %d tokens, and the context takes %d; open the model with a larger context"
                .formatted(file, tokens.length, model.contextLimit()));
      }
      factors = factors(file, saved.metadata().get(ROPE_FACTORS));
      for (TensorInfo info : saved.tensors().values()) {
        if (!info.name().equals(TOKENS)) {
          arrays.put(info.name(), new StateTensors.Named(info.shape(), saved.readFloats(info)));
        }
      }
    }
    SequenceState state =
        model.scheduler().call(() -> restored(model.model(), file, tokens, factors, arrays));
    Session session = new Session(model, state);
    Arrays.stream(tokens).forEach(session.tokens::add);
    return session;
  }

  private static int[] tokens(Path file, ModelConfig config, long[] ids) {
    for (long id : ids) {
      if (id < 0 || id >= config.vocabSize()) {
        throw new InvalidModelException(
            "%s: token id %d is outside the vocabulary of %d"
                .formatted(file, id, config.vocabSize()));
      }
    }
    return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
  }

  private static RopeConfig.Factors factors(Path file, @Nullable String name) {
    for (RopeConfig.Factors factors : RopeConfig.Factors.values()) {
      if (factors.name().equals(name)) {
        return factors;
      }
    }
    throw new InvalidModelException(
        "%s: metadata \"%s\" is %s, expected one of %s"
            .formatted(
                file,
                ROPE_FACTORS,
                name == null ? "missing" : "another word",
                Arrays.toString(RopeConfig.Factors.values())));
  }

  private static SequenceState restored(
      SambayModel model,
      Path file,
      int[] tokens,
      RopeConfig.Factors factors,
      Map<String, StateTensors.Named> arrays) {
    SequenceState fresh = model.states().acquire();
    try {
      fresh.useRopeFactors(factors);
      if (tokens.length > 0) {
        StateTensors.restore(model, fresh, tokens.length, arrays);
      }
      return fresh;
    } catch (IllegalArgumentException e) {
      fresh.close();
      throw new InvalidModelException(file + ": " + e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      fresh.close();
      throw e;
    }
  }

  /** Sizes and layers, which decide whether saved state fits. Weights are not compared. */
  private static String fingerprint(ModelConfig config) {
    return config.toString();
  }

  private int[] ids(int from, int to) {
    return tokens.subList(from, to).stream().mapToInt(id -> id).toArray();
  }

  private <T extends @Nullable Object> T exclusively(Supplier<T> action) {
    enter();
    try {
      return action.get();
    } finally {
      leave();
    }
  }

  /**
   * Returns if the session can be used.
   *
   * @throws IllegalStateException after close
   */
  void checkOpen() {
    model.scheduler().checkOpen();
    checkNotClosed();
  }

  /**
   * Returns if nothing is under way.
   *
   * @throws IllegalStateException if something is, or after close
   */
  void checkIdle() {
    enter();
    leave();
  }

  private void enter() {
    checkOpen();
    if (!idle.tryAcquire()) {
      throw new IllegalStateException(
          "the session is generating; wait for the end or cancel it, or use a fork");
    }
    if (closed) {
      leave();
      checkNotClosed();
    }
  }

  private void checkNotClosed() {
    if (closed) {
      throw new IllegalStateException("the session is closed");
    }
  }

  private void leave() {
    running = null;
    idle.release();
    if (closed && idle.tryAcquire()) { // closed in a callback, which could not wait
      dispose();
    }
  }

  /** With the session held, which it gives back. */
  private void dispose() {
    if (!disposed) {
      disposed = true;
      model
          .scheduler()
          .release(
              () -> {
                checkpoints.values().forEach(Snapshot::close);
                checkpoints.clear();
                state.close();
              });
    }
    idle.release();
  }

  /**
   * Cancels what is being generated, waits for that, and gives the session's slot and checkpoints
   * back. In a callback it does not wait: they are given back after the step. Closing twice changes
   * nothing, as does closing after the model.
   */
  @Override
  public void close() {
    closed = true;
    RunningGeneration current = running;
    if (current != null) {
      current.cancel();
    }
    if (!model.scheduler().isEngineThread()) {
      idle.acquireUninterruptibly();
      dispose();
    } else if (idle.tryAcquire()) {
      dispose();
    }
  }
}
