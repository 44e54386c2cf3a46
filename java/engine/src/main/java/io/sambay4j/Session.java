package io.sambay4j;

import io.sambay4j.model.ModelConfig;
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
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

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
 * <p>One thing at a time: a call while another is under way is an {@link IllegalStateException}.
 */
public final class Session implements AutoCloseable {
  /**
   * Automatic checkpoints kept; the oldest makes room. Each holds a copy of the sequence's fixed
   * state.
   */
  private static final int MAX_CHECKPOINTS = 8;

  private static final String TOKENS = "tokens";
  private static final String MODEL = "model";

  private final TextModel model;
  private final SequenceState state;
  private final AtomicBoolean busy = new AtomicBoolean();
  // All tokens of the session; the sequence has seen the first `seen` of them.
  private final List<Integer> tokens = new ArrayList<>();
  private final TreeMap<Integer, Snapshot> checkpoints = new TreeMap<>();
  private volatile boolean closed;

  Session(TextModel model, SequenceState state) {
    this.model = model;
    this.state = state;
  }

  /** Tokens of the session so far, generated ones included. */
  public int[] tokens() {
    return exclusively(() -> ids(0, tokens.size()));
  }

  /** How many tokens the session has. */
  public int position() {
    return exclusively(tokens::size);
  }

  /** Appends text, tokenised on its own. */
  public void append(String text) {
    appendTokens(model.tokenizer().encode(text));
  }

  /** Appends tokens. */
  public void appendTokens(int... ids) {
    exclusively(
        () -> {
          if (ids.length > 0) {
            checkRoom(ids.length);
            model.encode(GenerationRequest.tokens(ids).build().prompt()); // checks the ids
            checkpoint();
            feedUnseen();
            model.feed(state, ids, id -> tokens.add(id));
          }
          return null;
        });
  }

  private void checkRoom(int more) {
    if (tokens.size() + more > model.contextLimit()) {
      throw new IllegalArgumentException(
          "%d tokens after %d exceed the context of %d"
              .formatted(more, tokens.size(), model.contextLimit()));
    }
  }

  /**
   * Appends the request's prompt, generates after it, and waits for the end. The answer becomes
   * part of the session.
   */
  public Generation generate(GenerationRequest request) {
    return start(request, new GenerationListener() {}).result();
  }

  /** As {@link #generate}, read as a stream. */
  public TokenStream stream(GenerationRequest request) {
    return new TokenStream(listener -> start(request, listener));
  }

  /** As {@link #generate}, told to a listener on the engine's thread. */
  public RunningGeneration start(GenerationRequest request, GenerationListener listener) {
    int[] appended = model.encode(request.prompt());
    enter();
    return guarded(
        () -> {
          int[] all = Arrays.copyOf(ids(0, tokens.size()), tokens.size() + appended.length);
          System.arraycopy(appended, 0, all, tokens.size(), appended.length);
          return run(request, all, listener);
        });
  }

  /**
   * Makes the session's tokens exactly the prompt's, keeping what they have in common, and
   * generates after them.
   */
  RunningGeneration continueFrom(
      int[] prompt, GenerationRequest request, GenerationListener listener) {
    enter();
    return guarded(
        () -> {
          int common = 0;
          while (common < Math.min(prompt.length - 1, tokens.size())
              && prompt[common] == tokens.get(common)) {
            common++;
          }
          takeBackTo(common);
          return run(request, prompt, listener);
        });
  }

  /**
   * Between {@link #enter} and the generation's end the session is busy; a failure to start must
   * not leave it so.
   */
  private RunningGeneration guarded(Supplier<RunningGeneration> start) {
    try {
      return start.get();
    } catch (RuntimeException | Error e) {
      busy.set(false);
      throw e;
    }
  }

  private RunningGeneration run(GenerationRequest request, int[] all, GenerationListener listener) {
    checkpoint();
    int seen = state.length();
    List<Integer> before = List.copyOf(tokens);
    tokens.subList(seen, tokens.size()).clear(); // they are fed again as part of the prompt
    try {
      return model.start(request, all, state, seen, new SessionListener(listener), tokens::add);
    } catch (RuntimeException | Error e) {
      tokens.clear();
      tokens.addAll(before);
      throw e;
    }
  }

  /** Adds the last token, which was chosen but not fed, and ends the session's being busy. */
  private final class SessionListener implements GenerationListener {
    private final GenerationListener listener;

    SessionListener(GenerationListener listener) {
      this.listener = listener;
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
      int promptTokens = generation.usage().promptTokens();
      int[] generated = generation.tokenIds();
      for (int i = Math.max(0, tokens.size() - promptTokens);
          tokens.size() >= promptTokens && i < generated.length;
          i++) {
        tokens.add(generated[i]);
      }
      busy.set(false);
      listener.onComplete(generation);
    }

    @Override
    public void onError(Throwable failure) {
      busy.set(false);
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
      model.scheduler().call(() -> close(oldest));
    }
  }

  /**
   * Takes the session back to an earlier position. The tokens between the nearest checkpoint and
   * the position are read again; checkpoints are made before every generation and every append.
   *
   * @param position in [0, {@link #position}]
   */
  public void rewind(int position) {
    exclusively(
        () -> {
          if (position < 0 || position > tokens.size()) {
            throw new IllegalArgumentException(
                "position must be in [0, %d] but was %d".formatted(tokens.size(), position));
          }
          takeBackTo(position);
          feedUnseen();
          return null;
        });
  }

  /**
   * Drops tokens from the position on, and takes the state back to the nearest checkpoint at or
   * before it.
   */
  private void takeBackTo(int position) {
    int[] kept = ids(0, position);
    if (position < state.length()) {
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
                checkpoints.tailMap(position, false).values().forEach(Session::close);
                checkpoints.tailMap(position, false).clear();
                return null;
              });
    }
    tokens.clear();
    Arrays.stream(kept).forEach(tokens::add);
  }

  private void feedUnseen() {
    if (state.length() < tokens.size()) {
      model.feed(state, ids(state.length(), tokens.size()), id -> {});
    }
  }

  /**
   * A second session with the same past, independent from here on. Shared keys and values are not
   * copied.
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
   */
  public void save(Path file) {
    exclusively(
        () -> {
          feedUnseen();
          Map<String, StateTensors.Named> arrays =
              model.scheduler().call(() -> StateTensors.export(model.model(), state));
          List<Declaration> declarations = new ArrayList<>();
          declarations.add(new Declaration(TOKENS, StorageType.I64, tokens.size()));
          arrays.forEach(
              (name, array) ->
                  declarations.add(new Declaration(name, StorageType.F32, array.shape())));
          try (SafeTensorsWriter writer =
              SafeTensorsWriter.create(
                  file, declarations, Map.of(MODEL, fingerprint(model.config())))) {
            writer.writeLongs(TOKENS, tokens.stream().mapToLong(id -> id).toArray());
            arrays.forEach((name, array) -> writer.writeFloats(name, array.values()));
            writer.commit();
          }
          return null;
        });
  }

  static Session load(TextModel model, Path file) {
    try (SafeTensors saved = SafeTensors.open(file)) {
      String expected = fingerprint(model.config());
      String found = saved.metadata().getOrDefault(MODEL, "none");
      if (!found.equals(expected)) {
        throw new IllegalArgumentException(
            "%s was saved by another model: %s, this one is %s".formatted(file, found, expected));
      }
      Map<String, StateTensors.Named> arrays = new LinkedHashMap<>();
      int[] ids = new int[0];
      for (TensorInfo info : saved.tensors().values()) {
        if (info.name().equals(TOKENS)) {
          ids = Arrays.stream(saved.readLongs(info)).mapToInt(Math::toIntExact).toArray();
        } else {
          arrays.put(info.name(), new StateTensors.Named(info.shape(), saved.readFloats(info)));
        }
      }
      if (ids.length > 0) {
        model.encode(GenerationRequest.tokens(ids).build().prompt()); // checks the ids
      }
      int[] tokens = ids;
      SequenceState state =
          model
              .scheduler()
              .call(
                  () -> {
                    SequenceState fresh = model.model().states().acquire();
                    try {
                      if (tokens.length > 0) {
                        StateTensors.restore(model.model(), fresh, tokens.length, arrays);
                      }
                      return fresh;
                    } catch (RuntimeException | Error e) {
                      fresh.close();
                      throw e;
                    }
                  });
      Session session = new Session(model, state);
      Arrays.stream(tokens).forEach(session.tokens::add);
      return session;
    }
  }

  /** Sizes and layers, which decide whether saved state fits. Weights are not compared. */
  private static String fingerprint(ModelConfig config) {
    return config.toString();
  }

  private int[] ids(int from, int to) {
    return tokens.subList(from, to).stream().mapToInt(id -> id).toArray();
  }

  private <T> T exclusively(Supplier<T> action) {
    enter();
    try {
      return action.get();
    } finally {
      busy.set(false);
    }
  }

  private void enter() {
    if (closed) {
      throw new IllegalStateException("the session is closed");
    }
    if (!busy.compareAndSet(false, true)) {
      throw new IllegalStateException(
          "the session is generating; wait for the end or cancel it, or use a fork");
    }
  }

  private static Void close(Snapshot snapshot) {
    snapshot.close();
    return null;
  }

  /**
   * Gives the session's slot and checkpoints back. Closing twice changes nothing, as does closing
   * after the model.
   *
   * @throws IllegalStateException while it is generating
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    enter();
    closed = true;
    model
        .scheduler()
        .callUnlessClosed(
            () -> {
              checkpoints.values().forEach(Snapshot::close);
              checkpoints.clear();
              state.close();
            });
  }
}
