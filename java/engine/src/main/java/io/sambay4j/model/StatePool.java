package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.KeyValueView;
import io.sambay4j.backend.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What sequences remember between steps. Each holds one slot of fixed size (convolution tails, SSM
 * states, windows of keys and values) and a growing list of blocks in the one shared key/value
 * cache. Blocks are counted references: a fork or a snapshot shares them, and whoever writes into a
 * shared block copies it first.
 *
 * <p>Not thread-safe: it belongs to the thread that runs the steps.
 */
public final class StatePool implements AutoCloseable {
  /**
   * Tokens per block of the shared cache: small enough to waste little, large enough to keep tables
   * short.
   */
  static final int BLOCK_TOKENS = 64;

  private final Backend backend;
  private final ModelConfig config;
  private final DType dtype;
  private final int slots;
  private final int contextLimit;
  private final @Nullable MambaState[] mamba;
  private final @Nullable WindowCache[] windows;
  private final @Nullable Tensor sharedKeys;
  private final @Nullable Tensor sharedValues;
  private final int[] blockReferences;
  private final Deque<Integer> freeBlocks = new ArrayDeque<>();
  private final Deque<Integer> freeSlots = new ArrayDeque<>();
  private boolean closed;

  /**
   * Recurrent state of one Mamba layer.
   *
   * @param convTail [slots * (taps - 1), inner], oldest first
   * @param ssm [slots * state, inner] f32
   */
  record MambaState(Tensor convTail, Tensor ssm) {}

  /**
   * The last keys and values of one window attention layer, one ring per slot.
   *
   * @param keys [slots * capacity, kvHeads * headDim]
   * @param values the same
   * @param capacity rows of a ring
   */
  record WindowCache(Tensor keys, Tensor values, int capacity) {
    KeyValueView view(Batch batch) {
      return new KeyValueView(keys, values, capacity, 1, batch.slot());
    }
  }

  /**
   * @param dtype how window and shared keys and values and convolution tails are kept; SSM states
   *     are always f32
   * @param slots sequences that can be held at once
   * @param contextLimit tokens a sequence may have
   * @param cacheTokens tokens of all sequences together in the shared cache; memory is taken as it
   *     fills
   */
  StatePool(
      Backend backend,
      ModelConfig config,
      DType dtype,
      int slots,
      int contextLimit,
      int cacheTokens) {
    this.backend = backend;
    this.config = config;
    this.dtype = dtype;
    this.slots = slots;
    this.contextLimit = contextLimit;
    int layers = config.layers().size();
    this.mamba = new MambaState[layers];
    this.windows = new WindowCache[layers];
    allocateSlots(backend, config, dtype, slots, windowCapacity(), mamba, windows);
    for (int slot = 0; slot < slots; slot++) {
      freeSlots.add(slot);
    }
    if (config.layers().contains(LayerKind.FULL)) {
      int blocks = blocks(cacheTokens);
      int kvCols = config.kvHeads() * config.headDim();
      sharedKeys = backend.allocate(dtype, blocks * BLOCK_TOKENS, kvCols);
      sharedValues = backend.allocate(dtype, blocks * BLOCK_TOKENS, kvCols);
      blockReferences = new int[blocks];
      for (int block = 0; block < blocks; block++) {
        freeBlocks.add(block);
      }
    } else {
      sharedKeys = null;
      sharedValues = null;
      blockReferences = new int[0];
    }
  }

  /**
   * Tokens the shared cache must have so that it is never the cache that is full: every sequence at
   * the end of its context, with snapshots of its past. A sequence ends, and a snapshot leaves it,
   * in the middle of a block.
   *
   * @throws IllegalArgumentException if there are more than an array's worth
   */
  public static int cacheTokens(int sequences, int contextLimit, int snapshots) {
    long tokens = (blocks(contextLimit) + (long) snapshots) * BLOCK_TOKENS * sequences;
    if (tokens > Integer.MAX_VALUE - BLOCK_TOKENS) {
      throw new IllegalArgumentException(
          "%d sequences of %d tokens are more than one cache can hold; open the model with fewer sequences or a smaller"
                  .formatted(sequences, contextLimit)
              + " context");
    }
    return (int) tokens;
  }

  /** Blocks that so many tokens take. */
  private static int blocks(int tokens) {
    return (int) (((long) tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS);
  }

  private static void allocateSlots(
      Backend backend,
      ModelConfig config,
      DType dtype,
      int slots,
      int windowCapacity,
      @Nullable MambaState[] mamba,
      @Nullable WindowCache[] windows) {
    int kvCols = config.kvHeads() * config.headDim();
    for (int layer = 0; layer < mamba.length; layer++) {
      switch (config.layers().get(layer)) {
        case MAMBA, MAMBA_MEMORY ->
            mamba[layer] =
                new MambaState(
                    backend.allocate(dtype, slots * (config.mambaConv() - 1), config.mambaInner()),
                    backend.allocate(DType.F32, slots * config.mambaState(), config.mambaInner()));
        case SWA ->
            windows[layer] =
                new WindowCache(
                    backend.allocate(dtype, slots * windowCapacity, kvCols),
                    backend.allocate(dtype, slots * windowCapacity, kvCols),
                    windowCapacity);
        case FULL, GMU, CROSS -> {} // the shared cache, or nothing
      }
    }
  }

  private int windowCapacity() {
    return Math.min(config.slidingWindow(), contextLimit);
  }

  /** Sequences that can be held at once. */
  public int slots() {
    return slots;
  }

  /** Tokens a sequence may have. */
  public int contextLimit() {
    return contextLimit;
  }

  /** Slots nobody holds now. */
  public int freeSlots() {
    return freeSlots.size();
  }

  /** Tokens the shared cache could still take; {@link Integer#MAX_VALUE} in models without. */
  public int freeCacheTokens() {
    return sharedKeys == null ? Integer.MAX_VALUE : freeBlocks.size() * BLOCK_TOKENS;
  }

  /**
   * An empty sequence.
   *
   * @throws IllegalStateException if every slot is taken
   */
  public SequenceState acquire() {
    checkOpen();
    Integer slot = freeSlots.poll();
    if (slot == null) {
      throw new IllegalStateException(
          "all %d sequence slots are in use; close a session, wait for a generation to end, or open the model"
                  .formatted(slots)
              + " with more sequences");
    }
    return new SequenceState(this, slot);
  }

  MambaState mamba(int layer) {
    return Objects.requireNonNull(mamba[layer]);
  }

  WindowCache window(int layer) {
    return Objects.requireNonNull(windows[layer]);
  }

  /** The shared cache as the given sequences see it; null in models without. */
  @Nullable KeyValueView shared(List<SequenceState> sequences) {
    if (sharedKeys == null || sharedValues == null) {
      return null;
    }
    int cols = 1;
    for (SequenceState sequence : sequences) {
      cols = Math.max(cols, sequence.blocks.size());
    }
    int[] table = new int[sequences.size() * cols];
    for (int s = 0; s < sequences.size(); s++) {
      List<Integer> blocks = sequences.get(s).blocks;
      for (int i = 0; i < blocks.size(); i++) {
        table[s * cols + i] = blocks.get(i);
      }
    }
    return shared(cols, table);
  }

  /**
   * Makes room for the sequence's next tokens, in blocks of its own.
   *
   * @throws IllegalStateException if the shared cache is full
   */
  void reserve(SequenceState sequence, int tokens) {
    if (sharedKeys == null) {
      return;
    }
    int needed = blocks(sequence.length() + tokens);
    int first = sequence.length() / BLOCK_TOKENS;
    boolean copyFirst =
        first < sequence.blocks.size() && blockReferences[sequence.blocks.get(first)] > 1;
    int missing = Math.max(0, needed - sequence.blocks.size()) + (copyFirst ? 1 : 0);
    if (missing > freeBlocks.size()) {
      throw new IllegalStateException(
          "the key/value cache is full: %d blocks of %d tokens are needed and %d are free; close sequences or snapshots, or"
                  .formatted(missing, BLOCK_TOKENS, freeBlocks.size())
              + " open the model with a larger cache");
    }
    if (copyFirst) {
      int shared = sequence.blocks.get(first);
      int own = takeBlock();
      copyBlock(shared, own);
      releaseBlock(shared);
      sequence.blocks.set(first, own);
    }
    while (sequence.blocks.size() < needed) {
      sequence.blocks.add(takeBlock());
    }
  }

  private int takeBlock() {
    int block = Objects.requireNonNull(freeBlocks.poll());
    blockReferences[block] = 1;
    return block;
  }

  private void copyBlock(int from, int to) {
    for (Tensor pool : new @Nullable Tensor[] {sharedKeys, sharedValues}) {
      Tensor rows = Objects.requireNonNull(pool);
      backend.copy(
          rows.rows(from * BLOCK_TOKENS, (from + 1) * BLOCK_TOKENS),
          rows.rows(to * BLOCK_TOKENS, (to + 1) * BLOCK_TOKENS));
    }
  }

  private void shareBlocks(List<Integer> blocks) {
    for (int block : blocks) {
      blockReferences[block]++;
    }
  }

  private void releaseBlock(int block) {
    if (--blockReferences[block] == 0) {
      freeBlocks.push(block); // last out, first in: its pages are already ours
    }
  }

  void release(SequenceState sequence) {
    releaseBlocks(sequence.blocks);
    freeSlots.push(sequence.slot());
  }

  private void releaseBlocks(List<Integer> blocks) {
    blocks.forEach(this::releaseBlock);
    blocks.clear();
  }

  /**
   * A copy of the sequence's state: its slot copied, its blocks shared.
   *
   * @throws IllegalStateException if the sequence is closed or torn
   */
  public Snapshot snapshot(SequenceState sequence) {
    sequence.checkBelongsTo(this);
    sequence.checkUsable();
    Snapshot snapshot = new Snapshot(this, sequence.length(), past(sequence));
    try {
      copySlot(mamba, windows, sequence.slot(), snapshot.mamba, snapshot.windows, 0);
    } catch (RuntimeException | Error e) {
      snapshot.close();
      throw e;
    }
    return snapshot;
  }

  /** The blocks the sequence has written; a step that was refused may have left it more. */
  private List<Integer> past(SequenceState sequence) {
    return sharedKeys == null
        ? List.of()
        : List.copyOf(sequence.blocks.subList(0, blocks(sequence.length())));
  }

  /**
   * Makes the sequence what the snapshot's was.
   *
   * @throws IllegalArgumentException if one of them belongs to another model
   * @throws IllegalStateException if one of them is closed
   */
  public void restore(SequenceState sequence, Snapshot snapshot) {
    sequence.checkBelongsTo(this);
    sequence.checkOpen();
    snapshot.checkOpen();
    if (snapshot.pool != this) {
      throw new IllegalArgumentException("the snapshot belongs to another model");
    }
    sequence.tear(); // until everything is in place
    shareBlocks(snapshot.blocks);
    releaseBlocks(sequence.blocks);
    sequence.blocks.addAll(snapshot.blocks);
    copySlot(snapshot.mamba, snapshot.windows, 0, mamba, windows, sequence.slot());
    sequence.reset(snapshot.length());
  }

  /** Makes the sequence empty. Slots need no cleaning: position 0 ignores what they hold. */
  public void clear(SequenceState sequence) {
    sequence.checkBelongsTo(this);
    sequence.checkOpen();
    releaseBlocks(sequence.blocks);
    sequence.reset(0);
  }

  /**
   * Makes the sequence as long as if it had read so many tokens, without reading any: for measuring
   * steps far along. What it keeps of them is whatever was there.
   *
   * @throws IllegalStateException if the cache is full
   */
  public void pretend(SequenceState sequence, int length) {
    clear(sequence);
    reserve(sequence, length);
    sequence.reset(length);
  }

  /**
   * A second sequence with the same past.
   *
   * @throws IllegalStateException if every slot is taken, or the sequence is closed or torn
   */
  public SequenceState fork(SequenceState sequence) {
    sequence.checkBelongsTo(this);
    sequence.checkUsable();
    SequenceState fork = acquire();
    try {
      fork.blocks.addAll(past(sequence));
      shareBlocks(fork.blocks);
      copySlot(mamba, windows, sequence.slot(), mamba, windows, fork.slot());
      fork.reset(sequence.length());
      return fork;
    } catch (RuntimeException | Error e) {
      fork.close();
      throw e;
    }
  }

  private void copySlot(
      @Nullable MambaState[] fromMamba,
      @Nullable WindowCache[] fromWindows,
      int from,
      @Nullable MambaState[] toMamba,
      @Nullable WindowCache[] toWindows,
      int to) {
    for (int layer = 0; layer < mamba.length; layer++) {
      MambaState fromState = fromMamba[layer];
      MambaState toState = toMamba[layer];
      if (fromState != null && toState != null) {
        copyRows(fromState.convTail(), from, toState.convTail(), to, config.mambaConv() - 1);
        copyRows(fromState.ssm(), from, toState.ssm(), to, config.mambaState());
      }
      WindowCache fromWindow = fromWindows[layer];
      WindowCache toWindow = toWindows[layer];
      if (fromWindow != null && toWindow != null) {
        copyRows(fromWindow.keys(), from, toWindow.keys(), to, fromWindow.capacity());
        copyRows(fromWindow.values(), from, toWindow.values(), to, fromWindow.capacity());
      }
    }
  }

  private void copyRows(Tensor from, int fromSlot, Tensor to, int toSlot, int rows) {
    if (rows > 0) {
      backend.copy(
          from.rows(fromSlot * rows, (fromSlot + 1) * rows),
          to.rows(toSlot * rows, (toSlot + 1) * rows));
    }
  }

  /** Bytes of one slot: the fixed part of a sequence's state. */
  public long slotBytes() {
    return bytes(mamba, windows) / slots;
  }

  /** Bytes of the shared cache for each token; 0 in models without. */
  public long cacheBytesPerToken() {
    return sharedKeys == null ? 0 : 2L * config.kvHeads() * config.headDim() * dtype.bytes();
  }

  // ---- rows of a step that belong to no sequence: whatever they leave in a slot or a block that
  // ---- nobody holds does no harm, since position 0 ignores a slot and blocks are written first

  /** Whether there is room for so many such rows. */
  boolean hasScratch(int rows) {
    return rows <= freeSlots.size() && (sharedKeys == null || !freeBlocks.isEmpty());
  }

  /** Slots for them, distinct. */
  Iterator<Integer> scratchSlots() {
    return freeSlots.iterator();
  }

  /** One block for all of them; 0 in models without a shared cache. */
  int scratchBlock() {
    return sharedKeys == null ? 0 : freeBlocks.getFirst();
  }

  /** The shared cache under a table that its owner fills; null in models without. */
  @Nullable KeyValueView shared(int tableCols, int[] table) {
    return sharedKeys == null || sharedValues == null
        ? null
        : new KeyValueView(sharedKeys, sharedValues, BLOCK_TOKENS, tableCols, table);
  }

  private static long bytes(@Nullable MambaState[] mamba, @Nullable WindowCache[] windows) {
    long sum = 0;
    for (Tensor tensor : tensors(mamba, windows)) {
      sum += (long) tensor.rows() * tensor.cols() * tensor.dtype().bytes();
    }
    return sum;
  }

  private static List<Tensor> tensors(
      @Nullable MambaState[] mamba, @Nullable WindowCache[] windows) {
    List<Tensor> all = new ArrayList<>();
    Arrays.stream(mamba)
        .filter(Objects::nonNull)
        .forEach(state -> all.addAll(List.of(state.convTail(), state.ssm())));
    Arrays.stream(windows)
        .filter(Objects::nonNull)
        .forEach(window -> all.addAll(List.of(window.keys(), window.values())));
    return all;
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("the model is closed");
    }
  }

  @Override
  public void close() {
    closed = true;
    tensors(mamba, windows).forEach(tensor -> tensor.storage().close());
    if (sharedKeys != null && sharedValues != null) {
      sharedKeys.storage().close();
      sharedValues.storage().close();
    }
  }

  /**
   * One sequence's state kept aside: a slot's worth of memory and shared references to blocks of
   * the cache. Close it to give both back.
   */
  public static final class Snapshot implements AutoCloseable {
    private final StatePool pool;
    private final int length;
    private final List<Integer> blocks;
    private final @Nullable MambaState[] mamba;
    private final @Nullable WindowCache[] windows;
    private boolean closed;

    private Snapshot(StatePool pool, int length, List<Integer> blocks) {
      this.pool = pool;
      this.length = length;
      this.blocks = new ArrayList<>(blocks);
      this.mamba = new MambaState[pool.mamba.length];
      this.windows = new WindowCache[pool.mamba.length];
      pool.shareBlocks(blocks);
      try {
        allocateSlots(
            pool.backend, pool.config, pool.dtype, 1, pool.windowCapacity(), mamba, windows);
      } catch (RuntimeException | Error e) {
        close(); // a device's memory may end half way
        throw e;
      }
    }

    /** Tokens the sequence had. */
    public int length() {
      return length;
    }

    /** Memory held beside the shared blocks. */
    public long bytes() {
      return StatePool.bytes(mamba, windows);
    }

    private void checkOpen() {
      if (closed) {
        throw new IllegalStateException("the snapshot is closed");
      }
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        tensors(mamba, windows).forEach(tensor -> tensor.storage().close());
        pool.releaseBlocks(blocks);
      }
    }
  }
}
