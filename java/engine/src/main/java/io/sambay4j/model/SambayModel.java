package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Draws;
import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Storage;
import io.sambay4j.backend.Tensor;
import io.sambay4j.backend.Weight;
import io.sambay4j.model.RopeConfig.Factors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * SambaY, the decoder-hybrid-decoder of Ren et al. 2025, and its relatives by configuration. A
 * linear-time self-decoder (Mamba and window attention) fills one shared key/value cache and one
 * memory; a cross-decoder reads both, through cross attention and gated memory units. Samba, plain
 * Mamba and the dense sibling (full attention in every layer) are a self-decoder alone.
 *
 * <p>Not thread-safe: steps are run by one thread at a time.
 */
public final class SambayModel implements AutoCloseable {
  private final ModelConfig config;
  private final Backend backend;
  private final List<AutoCloseable> owned; // weights and tables, closed with the model
  private final Weight embedding;
  private final @Nullable Rotary rotary;
  private final List<DecoderLayer> selfDecoder;
  private final @Nullable DecoderLayer borderLayer; // full attention, the last that keeps anything
  private final List<DecoderLayer> crossDecoder; // gated memory units and cross attention
  private final Norm finalNorm;
  private final Linear head;
  private final Workspace work;
  private final StatePool states;
  private final int maxStepTokens;
  private final boolean deterministic;
  private final String fingerprint;
  private final long weightBytes;
  private final float[] logitsRow;
  private final DecodeGraphs decodeGraphs;

  SambayModel(
      ModelParts parts,
      Workspace work,
      StatePool states,
      int maxStepTokens,
      boolean deterministic,
      String fingerprint,
      long weightBytes) {
    this.config = parts.config();
    this.backend = parts.backend();
    this.owned = parts.owned();
    this.embedding = parts.embedding();
    this.rotary = parts.rotary();
    this.finalNorm = parts.finalNorm();
    this.head = parts.head();
    this.work = work;
    this.states = states;
    this.maxStepTokens = maxStepTokens;
    this.deterministic = deterministic;
    this.fingerprint = fingerprint;
    this.weightBytes = weightBytes;
    this.logitsRow = new float[config.vocabSize()];
    this.decodeGraphs = new DecodeGraphs(this, work.logits().rows());
    List<DecoderLayer> layers = parts.layers();
    if (config.borderLayer().isEmpty()) {
      selfDecoder = layers;
      borderLayer = null;
      crossDecoder = List.of();
    } else {
      int border = config.borderLayer().getAsInt();
      selfDecoder = layers.subList(0, border);
      borderLayer = layers.get(border);
      crossDecoder = layers.subList(border + 1, layers.size());
    }
  }

  /** What the model is. */
  public ModelConfig config() {
    return config;
  }

  /** The device it runs on. */
  public Backend backend() {
    return backend;
  }

  /** Where its sequences live. */
  public StatePool states() {
    return states;
  }

  Workspace work() {
    return work;
  }

  /**
   * Whether the same tokens leave the same bits, wherever a prompt is cut and whatever runs beside
   * it.
   */
  public boolean isDeterministic() {
    return deterministic;
  }

  /** Names the model, its weights and how they and its caches are kept: whose states are alike. */
  public String fingerprint() {
    return fingerprint;
  }

  /** Bytes of weights and tables as they are kept: what a step reads, whatever its rows. */
  public long weightBytes() {
    return weightBytes;
  }

  /** Rows a step may have, all chunks together. */
  public int maxStepTokens() {
    return maxStepTokens;
  }

  /** Receives logits as they are made. */
  @FunctionalInterface
  public interface LogitsSink {
    /**
     * Takes one row.
     *
     * @param chunk index in the step
     * @param token index in the chunk
     * @param logits [vocabulary]; valid during the call, the same array every time
     */
    void accept(int chunk, int token, float[] logits);

    /**
     * Takes the token that the device chose for a chunk with a {@link Draw}. Where it could not,
     * {@link #accept} is called instead.
     *
     * @param logProbability log_softmax of the logits at the token
     */
    default void chosen(int chunk, int token, double logProbability) {
      throw new IllegalStateException("a token was drawn for a sink that takes logits");
    }
  }

  /**
   * Looks into a step, for tests and the {@code logits --layers} command. The tensors are valid
   * during the call.
   */
  public interface Tap {
    /** The residual stream [rows, hidden]: 0 after the embedding, i + 1 after layer i. */
    default void hidden(int index, Tensor h) {}

    /** The shared memory [rows, inner]. */
    default void memory(Tensor memory) {}

    /** After the last norm [rows, hidden]. */
    default void finalNorm(Tensor normed) {}
  }

  /**
   * Runs the next tokens of some sequences through the model and moves the sequences on. If it
   * fails half way, all of them are torn: usable again after a restore or a clear. If a chunk is
   * refused, none has changed.
   *
   * <p>Rows nobody wants logits of stop at the border, the last layer that keeps anything, having
   * left their keys and values: nothing above it is kept between tokens, so the result is the same.
   *
   * @param chunks one for each sequence, distinct sequences, together at most {@link
   *     #maxStepTokens} tokens
   * @param sink receives the wanted logits
   */
  public void forward(List<Chunk> chunks, LogitsSink sink) {
    forward(chunks, sink, null);
  }

  /**
   * Checks a chunk and takes the blocks it needs in the cache. {@link #forward} does so for all its
   * chunks; who calls this first learns which one has no room, and can leave it out.
   *
   * @throws IllegalArgumentException if the context or the vocabulary is exceeded, or the sequence
   *     is another model's
   * @throws IllegalStateException if the cache is full, the sequence closed or torn, or its rotary
   *     factors are not those of its new length
   */
  public void reserve(Chunk chunk) {
    check(chunk);
    states.reserve(chunk.sequence(), chunk.ids().length);
  }

  /** As {@link #forward(List, LogitsSink)}; the tap sees only rows that are not skipped. */
  public void forward(List<Chunk> chunks, LogitsSink sink, @Nullable Tap tap) {
    int[] ids = checkedIds(chunks);
    chunks.forEach(this::reserve);
    chunks.forEach(chunk -> chunk.sequence().useRopeFactors(ropeFactors(chunk)));
    chunks.forEach(chunk -> chunk.sequence().tear());
    if (tap == null && decodeGraphs.take(chunks)) {
      decodeGraphs.run(chunks, sink);
    } else {
      run(chunks, ids, sink, tap);
    }
    chunks.forEach(chunk -> chunk.sequence().advance(chunk.ids().length));
  }

  private void run(List<Chunk> chunks, int[] ids, LogitsSink sink, @Nullable Tap tap) {
    Rows all = Rows.all(chunks);
    Pass pass = pass(all);
    Tensor memory = rows(work.memory(), ids.length); // [tokens, inner]
    Tensor h = readTokens(ids, memory, pass, tap); // [tokens, hidden]
    Rows wanted = Rows.wanted(chunks);
    if (wanted.batch() == null) {
      return;
    }
    if (wanted.rows().length < ids.length) {
      h = gather(h, wanted, work.wanted()); // [wanted, hidden] from here on
      if (memory != null && work.wantedMemory() != null) {
        memory = gather(memory, wanted, work.wantedMemory());
      }
      pass = pass(wanted);
    }
    answer(h, memory, pass, tap);
    if (tap != null && memory != null) {
      tap.memory(memory);
    }
    tapFinalNorm(tap, h);
    sendLogits(h, wanted, pass, chunks, sink);
  }

  /**
   * A decode step: one token of each sequence of the pass, through all layers. It leaves behind the
   * logits [rows, vocabulary] and the tokens drawn from them.
   */
  void decode(int[] ids, Pass pass, Tensor logits, Draws draws) {
    Tensor memory = rows(work.memory(), ids.length);
    Tensor h = readTokens(ids, memory, pass, null);
    answer(h, memory, pass, null);
    head.apply(finalNorm, h, logits, pass);
    backend.sample(logits, draws);
  }

  /** Every token up to the border: to its keys and values in the last cache. */
  private Tensor readTokens(int[] ids, @Nullable Tensor memory, Pass pass, @Nullable Tap tap) {
    Tensor h = work.residual().rows(0, ids.length); // [tokens, hidden]
    backend.embedding(embedding, ids, h);
    int depth = 0;
    tapHidden(tap, depth++, h);
    for (DecoderLayer layer : selfDecoder) {
      layer.forward(h, memory, pass);
      tapHidden(tap, depth++, h);
    }
    if (borderLayer != null) {
      borderLayer.appendKeysAndValues(h, pass); // every token
    }
    return h;
  }

  /** The rows that somebody wants logits of, through the rest. */
  private void answer(Tensor h, @Nullable Tensor memory, Pass pass, @Nullable Tap tap) {
    if (borderLayer != null) {
      int depth = selfDecoder.size() + 1;
      borderLayer.forward(h, memory, pass);
      tapHidden(tap, depth++, h);
      for (DecoderLayer layer : crossDecoder) {
        layer.forward(h, memory, pass);
        tapHidden(tap, depth++, h);
      }
    }
  }

  private Tensor gather(Tensor from, Rows wanted, Tensor into) {
    Tensor rows = into.rows(0, wanted.rows().length);
    backend.gatherRows(from, wanted.rows(), rows);
    return rows;
  }

  private static @Nullable Tensor rows(@Nullable Tensor tensor, int n) {
    return tensor == null ? null : tensor.rows(0, n);
  }

  private void sendLogits(Tensor h, Rows wanted, Pass pass, List<Chunk> chunks, LogitsSink sink) {
    int step = work.logits().rows();
    for (int first = 0; first < h.rows(); first += step) {
      int n = Math.min(step, h.rows() - first);
      Tensor logits = work.logits().rows(0, n);
      head.apply(finalNorm, h.rows(first, first + n), logits, pass);
      int[] chunkOf = Arrays.copyOfRange(wanted.chunk(), first, first + n);
      Draws draws = null;
      if (backend.samples() && Arrays.stream(chunkOf).anyMatch(c -> chunks.get(c).draw() != null)) {
        draws = new Draws(n);
        for (int i = 0; i < n; i++) {
          setDraw(draws, i, chunks.get(chunkOf[i]));
        }
        backend.sample(logits, draws);
      }
      for (int i = 0; i < n; i++) {
        int token = wanted.token()[first + i];
        handOut(logits.rows(i, i + 1), draws, i, chunks, chunkOf[i], token, sink);
      }
    }
  }

  static void setDraw(Draws draws, int i, Chunk chunk) {
    Draw draw = chunk.draw();
    if (draw == null) {
      draws.setGreedy(i); // nobody will look
    } else {
      draws.set(i, draw.temperature(), draw.topK(), draw.topP(), draw.minP(), draw.random());
    }
  }

  /** Passes on the token that was drawn in row i, or its logits where none was or could be. */
  void handOut(
      Tensor logits,
      @Nullable Draws draws,
      int i,
      List<Chunk> chunks,
      int chunk,
      int token,
      LogitsSink sink) {
    if (draws != null
        && chunks.get(chunk).draw() != null
        && !Double.isNaN(draws.logProbability()[i])) {
      sink.chosen(chunk, draws.token()[i], draws.logProbability()[i]);
    } else {
      backend.download(logits, logitsRow, 0);
      sink.accept(chunk, token, logitsRow);
    }
  }

  private Pass pass(Rows rows) {
    Batch batch = Objects.requireNonNull(rows.batch());
    int[] rotaryRows = new int[batch.sequences()];
    for (int s = 0; s < rotaryRows.length; s++) {
      rotaryRows[s] = rotaryRow(rows.sequences().get(s), batch.position()[s]);
    }
    return pass(batch, rotaryRows, states.blockTable(rows.sequences()));
  }

  /**
   * The way of a batch's rows through the layers; the arrays are not copied.
   *
   * @param rotaryRows as {@link #rotaryRow} says, for the first row of each sequence
   */
  Pass pass(Batch batch, int[] rotaryRows, StatePool.BlockTable blocks) {
    Batch rotaryBatch = new Batch(batch.sequenceStart(), batch.slot(), rotaryRows);
    return Pass.of(backend, work, states, batch, rotaryBatch, blocks, deterministic);
  }

  /** Row of the rotary tables for a sequence's position; any in models without. */
  int rotaryRow(SequenceState sequence, int position) {
    return rotary == null
        ? position
        : rotary.row(position, Objects.requireNonNull(sequence.ropeFactors()));
  }

  private static void tapHidden(@Nullable Tap tap, int index, Tensor h) {
    if (tap != null) {
      tap.hidden(index, h);
    }
  }

  private void tapFinalNorm(@Nullable Tap tap, Tensor h) {
    if (tap != null) {
      Tensor normed = backend.allocate(DType.F32, h.rows(), h.cols());
      try (Storage storage = normed.storage()) {
        finalNorm.apply(backend, h, normed);
        tap.finalNorm(normed);
      }
    }
  }

  private int[] checkedIds(List<Chunk> chunks) {
    int tokens = chunks.stream().mapToInt(chunk -> chunk.ids().length).sum();
    if (tokens == 0 || tokens > maxStepTokens) {
      throw new IllegalArgumentException(
          "a step takes 1 to %d tokens, got %d".formatted(maxStepTokens, tokens));
    }
    if (chunks.stream().map(Chunk::sequence).distinct().count() < chunks.size()) {
      throw new IllegalArgumentException("a sequence occurs twice in one step");
    }
    return chunks.stream().flatMapToInt(chunk -> Arrays.stream(chunk.ids())).toArray();
  }

  private void check(Chunk chunk) {
    SequenceState sequence = chunk.sequence();
    sequence.checkBelongsTo(states);
    sequence.checkUsable();
    if (chunk.ids().length > states.contextLimit() - sequence.length()) {
      throw new IllegalArgumentException(
          "%d tokens after %d exceed the context limit of %d"
              .formatted(chunk.ids().length, sequence.length(), states.contextLimit()));
    }
    if (config.ropeFactors(sequence.length() + chunk.ids().length) == Factors.LONG
        && ropeFactors(chunk) == Factors.SHORT) {
      throw new IllegalStateException(
          "%d tokens after %d exceed the original context, whose short rotary factors the sequence is turned by; clear it and read all its tokens with the long factors"
              .formatted(chunk.ids().length, sequence.length()));
    }
    for (int id : chunk.ids()) {
      if (id < 0 || id >= config.vocabSize()) {
        throw new IllegalArgumentException(
            "token id %d is outside the vocabulary of %d".formatted(id, config.vocabSize()));
      }
    }
  }

  /** The factors that turn a chunk: its sequence's, or by its own length if it is the first. */
  private Factors ropeFactors(Chunk chunk) {
    Factors chosen = chunk.sequence().ropeFactors();
    return chosen != null ? chosen : config.ropeFactors(chunk.ids().length);
  }

  @Override
  public void close() {
    decodeGraphs.close();
    work.close();
    states.close();
    for (AutoCloseable part : owned) {
      try {
        part.close();
      } catch (Exception e) {
        throw new IllegalStateException("closing " + part, e);
      }
    }
    backend.close();
  }

  /**
   * Rows of a step that go through some layers together.
   *
   * @param batch null if there are none
   * @param rows index in the step
   * @param chunk index of the chunk of each row
   * @param token index in its chunk of each row
   */
  @SuppressWarnings("ArrayRecordComponent")
  private record Rows(
      @Nullable Batch batch, List<SequenceState> sequences, int[] rows, int[] chunk, int[] token) {

    static Rows all(List<Chunk> chunks) {
      return select(
          chunks.stream().map(c -> new Chunk(c.sequence(), c.ids(), Chunk.Wanted.ALL)).toList());
    }

    static Rows wanted(List<Chunk> chunks) {
      return select(chunks);
    }

    private static Rows select(List<Chunk> chunks) {
      int n = chunks.stream().mapToInt(Chunk::wantedRows).sum();
      int[] rows = new int[n];
      int[] chunkOf = new int[n];
      int[] tokenOf = new int[n];
      List<SequenceState> sequences = new ArrayList<>();
      List<Integer> starts = new ArrayList<>(List.of(0));
      List<Integer> positions = new ArrayList<>();
      int r = 0;
      int stepRow = 0;
      for (int c = 0; c < chunks.size(); c++) {
        Chunk chunk = chunks.get(c);
        int length = chunk.ids().length;
        int first = length - chunk.wantedRows();
        for (int token = first; token < length; token++) {
          rows[r] = stepRow + token;
          chunkOf[r] = c;
          tokenOf[r++] = token;
        }
        if (first < length) {
          sequences.add(chunk.sequence());
          positions.add(chunk.sequence().length() + first);
          starts.add(r);
        }
        stepRow += length;
      }
      Batch batch =
          sequences.isEmpty()
              ? null
              : new Batch(
                  starts.stream().mapToInt(i -> i).toArray(),
                  sequences.stream().mapToInt(SequenceState::slot).toArray(),
                  positions.stream().mapToInt(i -> i).toArray());
      return new Rows(batch, sequences, rows, chunkOf, tokenOf);
    }
  }
}
