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
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What sequences remember between steps. Each holds one slot of fixed size (convolution tails, SSM
 * states, windows of keys and values) and a growing list of blocks in the key/value cache. A block
 * is the same rows of every full-attention layer's keys and values: the one of a
 * decoder-hybrid-decoder, all of a dense model. Blocks are counted references: a fork or a snapshot
 * shares them, and whoever writes into a shared block copies it first.
 *
 * <p>Not thread-safe: it belongs to the thread that runs the steps.
 */
public final class StatePool implements AutoCloseable {
  /**
   * Tokens per block of the cache: small enough to waste little, large enough to keep tables short.
   */
  public static final int BLOCK_TOKENS = 64;

  private final Backend backend;
  private final ModelConfig config;
  private final DType dtype;
  private final int slots;
  private final int contextLimit;
  private final long slotBytes;
  private final @Nullable MambaState[] mamba;
  private final @Nullable WindowCache[] windows;
  private final @Nullable GrowingCache[] caches; // of the full-attention layers
  private final int[] blockReferences;
  private final int[] spareReferences; // those of them by parked snapshots, which can be dropped
  private final Deque<Integer> freeBlocks = new ArrayDeque<>();
  private final Deque<Integer> freeSlots = new ArrayDeque<>(); // of sequences and of the parked
  private int spareBlocks; // that only parked snapshots hold
  private final int parkingPlaces;
  private int sequences; // held now
  private int parked; // snapshots in slots of the pool now
  private BooleanSupplier reclaimer = () -> false;
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
   * Keys and values of every token of one full attention layer, in blocks.
   *
   * @param keys [blocks * BLOCK_TOKENS, kvHeads * headDim]
   * @param values the same
   */
  record GrowingCache(Tensor keys, Tensor values) {}

  /**
   * Which blocks some sequences hold, the same in every full-attention layer.
   *
   * @param blocks [sequences, cols]
   * @param cols blocks of the longest
   */
  @SuppressWarnings("ArrayRecordComponent")
  record BlockTable(int[] blocks, int cols) {}

  /**
   * @param dtype how window and growing keys and values and convolution tails are kept; SSM states
   *     are always f32
   * @param slots sequences that can be held at once
   * @param contextLimit tokens a sequence may have
   * @param cacheTokens tokens of all sequences together in the growing cache; memory is taken as it
   *     fills
   * @param parkingPlaces snapshots that can be kept in slots of the pool, see {@link #park}
   */
  StatePool(
      Backend backend,
      ModelConfig config,
      DType dtype,
      int slots,
      int contextLimit,
      int cacheTokens,
      int parkingPlaces) {
    this.backend = backend;
    this.config = config;
    this.dtype = dtype;
    this.slots = slots;
    this.contextLimit = contextLimit;
    this.parkingPlaces = parkingPlaces;
    int layers = config.layers().size();
    this.mamba = new MambaState[layers];
    this.windows = new WindowCache[layers];
    int allSlots = slots + parkingPlaces;
    allocateSlots(backend, config, dtype, allSlots, windowCapacity(), mamba, windows);
    this.slotBytes = bytes(mamba, windows) / allSlots;
    for (int slot = 0; slot < allSlots; slot++) {
      freeSlots.add(slot);
    }
    this.caches = new GrowingCache[layers];
    int blocks = config.layers().contains(LayerKind.FULL) ? blocks(cacheTokens) : 0;
    for (int layer = 0; layer < layers; layer++) {
      if (config.layers().get(layer) == LayerKind.FULL) {
        caches[layer] =
            new GrowingCache(
                backend.allocate(dtype, blocks * BLOCK_TOKENS, config.kvWidth()),
                backend.allocate(dtype, blocks * BLOCK_TOKENS, config.kvWidth()));
      }
    }
    blockReferences = new int[blocks];
    spareReferences = new int[blocks];
    for (int block = 0; block < blocks; block++) {
      freeBlocks.add(block);
    }
  }

  /**
   * Tokens the growing cache must have so that it is never the cache that is full: every sequence
   * at the end of its context, with snapshots of its past. A sequence ends, and a snapshot leaves
   * it, in the middle of a block.
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
        case FULL, GMU, CROSS -> {} // the growing cache, or nothing
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
    return slots - sequences;
  }

  /** Snapshots that can still be parked. */
  public int freeParkingPlaces() {
    return parkingPlaces - parked;
  }

  /** Blocks of the growing cache; 0 in models without. */
  public int blocks() {
    return blockReferences.length;
  }

  /** Blocks nobody holds now. */
  public int freeBlocks() {
    return freeBlocks.size();
  }

  /** Blocks that only parked snapshots hold. */
  public int spareBlocks() {
    return spareBlocks;
  }

  /**
   * Blocks that a sequence has yet to take to become as long as that, copies of shared ones
   * included.
   *
   * @param sequence null for one that is yet to be acquired
   */
  public int blocksToCome(@Nullable SequenceState sequence, int longest) {
    if (!grows()) {
      return 0;
    }
    if (sequence == null) {
      return blocks(longest);
    }
    int held = sequence.blocks.size();
    int next = sequence.length() / BLOCK_TOKENS;
    boolean sharesNext = next < held && isShared(sequence.blocks.get(next));
    return Math.max(0, blocks(longest) - held)
        + (sharesNext && longest > sequence.length() ? 1 : 0);
  }

  /** Whether somebody else holds the block who cannot be asked to drop it. */
  private boolean isShared(int block) {
    return blockReferences[block] - spareReferences[block] > 1;
  }

  /**
   * Whom to ask for room when the growing cache is full.
   *
   * @param value closes some parked snapshot; false if there is none left
   */
  public void reclaimFrom(BooleanSupplier value) {
    reclaimer = value;
  }

  /** Tokens the growing cache could still take; {@link Integer#MAX_VALUE} in models without. */
  public int freeCacheTokens() {
    return !grows() ? Integer.MAX_VALUE : freeBlocks.size() * BLOCK_TOKENS;
  }

  /**
   * An empty sequence.
   *
   * @throws IllegalStateException if every slot is taken
   */
  public SequenceState acquire() {
    checkOpen();
    if (freeSlots() == 0) {
      throw new IllegalStateException(
          "all %d sequence slots are in use; close a session, wait for a generation to end, or open the model"
                  .formatted(slots)
              + " with more sequences");
    }
    sequences++;
    return new SequenceState(this, freeSlots.pop());
  }

  MambaState mamba(int layer) {
    return Objects.requireNonNull(mamba[layer]);
  }

  /**
   * Keys and values of an attention layer as the sequences of a batch see them: their rings or
   * their blocks.
   */
  KeyValueView cache(int layer, BlockTable table, Batch batch) {
    WindowCache window = windows[layer];
    if (window != null) {
      return window.view(batch);
    }
    GrowingCache cache = Objects.requireNonNull(caches[layer]);
    return new KeyValueView(cache.keys, cache.values, BLOCK_TOKENS, table.cols, table.blocks);
  }

  /** The blocks of some sequences. */
  BlockTable blockTable(List<SequenceState> sequences) {
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
    return new BlockTable(table, cols);
  }

  private boolean grows() {
    return blockReferences.length > 0;
  }

  /**
   * Makes room for the sequence's next tokens, in blocks of its own.
   *
   * @throws IllegalStateException if the cache is full
   */
  void reserve(SequenceState sequence, int tokens) {
    if (!grows()) {
      return;
    }
    int needed = blocks(sequence.length() + tokens);
    int first = sequence.length() / BLOCK_TOKENS;
    int missing = missingBlocks(sequence, first, needed);
    while (missing > freeBlocks.size() && reclaimer.getAsBoolean()) {
      missing = missingBlocks(sequence, first, needed); // the first block may be its own now
    }
    if (missing > freeBlocks.size()) {
      throw new IllegalStateException(
          "the key/value cache is full: %d blocks of %d tokens are needed and %d are free; close sequences or snapshots, or"
                  .formatted(missing, BLOCK_TOKENS, freeBlocks.size())
              + " open the model with a larger cache");
    }
    if (mustCopy(sequence, first)) {
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

  private int missingBlocks(SequenceState sequence, int first, int needed) {
    return Math.max(0, needed - sequence.blocks.size()) + (mustCopy(sequence, first) ? 1 : 0);
  }

  private boolean mustCopy(SequenceState sequence, int block) {
    return block < sequence.blocks.size() && blockReferences[sequence.blocks.get(block)] > 1;
  }

  private int takeBlock() {
    int block = Objects.requireNonNull(freeBlocks.poll());
    count(block, 1, 0);
    return block;
  }

  /** Changes who holds a block. */
  private void count(int block, int references, int spare) {
    int before = isSpare(block) ? 1 : 0;
    blockReferences[block] += references;
    spareReferences[block] += spare;
    spareBlocks += (isSpare(block) ? 1 : 0) - before;
  }

  private boolean isSpare(int block) {
    return spareReferences[block] > 0 && spareReferences[block] == blockReferences[block];
  }

  private void copyBlock(int from, int to) {
    for (GrowingCache cache : caches) {
      if (cache != null) {
        copyRows(cache.keys, from, cache.keys, to, BLOCK_TOKENS);
        copyRows(cache.values, from, cache.values, to, BLOCK_TOKENS);
      }
    }
  }

  private void shareBlocks(List<Integer> blocks) {
    for (int block : blocks) {
      count(block, 1, 0);
    }
  }

  private void releaseBlock(int block) {
    count(block, -1, 0);
    if (blockReferences[block] == 0) {
      freeBlocks.push(block); // last out, first in: its pages are already ours
    }
  }

  void release(SequenceState sequence) {
    releaseBlocks(sequence.blocks);
    freeSlots.push(sequence.slot());
    sequences--;
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
    Snapshot snapshot = Snapshot.apart(sequence, past(sequence));
    try {
      copySlot(mamba, windows, sequence.slot(), snapshot.mamba, snapshot.windows, snapshot.slot);
    } catch (RuntimeException | Error e) {
      snapshot.close();
      throw e;
    }
    return snapshot;
  }

  /**
   * A snapshot in a slot of the pool, which takes no memory beyond the pool's. Its blocks count as
   * spare: whoever sets {@link #reclaimFrom} gives them up when a sequence needs them.
   *
   * @throws IllegalStateException if no place is free, or the sequence is closed or torn
   */
  public Snapshot park(SequenceState sequence) {
    checkCanPark(sequence);
    Snapshot snapshot = new Snapshot(this, sequence, past(sequence), freeSlots.pop());
    try {
      copySlot(mamba, windows, sequence.slot(), mamba, windows, snapshot.slot);
    } catch (RuntimeException | Error e) {
      snapshot.close();
      throw e;
    }
    return snapshot;
  }

  /**
   * As {@link #park}, and closes the sequence, whose slot the snapshot keeps: nothing is copied.
   */
  public Snapshot retire(SequenceState sequence) {
    checkCanPark(sequence);
    Snapshot snapshot = new Snapshot(this, sequence, past(sequence), sequence.slot());
    releaseBlocks(sequence.blocks);
    sequence.retired();
    sequences--;
    return snapshot;
  }

  private void checkCanPark(SequenceState sequence) {
    sequence.checkBelongsTo(this);
    sequence.checkUsable();
    if (freeParkingPlaces() == 0) {
      throw new IllegalStateException(
          "all %d places for parked snapshots are taken".formatted(parkingPlaces));
    }
  }

  /** The blocks the sequence has written; a step that was refused may have left it more. */
  private List<Integer> past(SequenceState sequence) {
    return !grows()
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
    copySlot(snapshot.mamba, snapshot.windows, snapshot.slot, mamba, windows, sequence.slot());
    sequence.reset(snapshot.length(), snapshot.ropeFactors);
  }

  /** Makes the sequence empty. Slots need no cleaning: position 0 ignores what they hold. */
  public void clear(SequenceState sequence) {
    sequence.checkBelongsTo(this);
    sequence.checkOpen();
    releaseBlocks(sequence.blocks);
    sequence.reset(0, null);
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
    sequence.reset(length, config.ropeFactors(contextLimit));
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
      fork.reset(sequence.length(), sequence.ropeFactors());
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

  /** Copies the rows of a slot, or of a block. */
  private void copyRows(Tensor from, int fromIndex, Tensor to, int toIndex, int rows) {
    if (rows > 0) {
      backend.copy(
          from.rows(fromIndex * rows, (fromIndex + 1) * rows),
          to.rows(toIndex * rows, (toIndex + 1) * rows));
    }
  }

  /** Bytes of one slot: the fixed part of a sequence's state. */
  public long slotBytes() {
    return slotBytes;
  }

  /** Bytes of the growing cache for each token; 0 in models without. */
  public long cacheBytesPerToken() {
    return 2L * config.count(LayerKind.FULL) * config.kvWidth() * dtype.bytes();
  }

  // ---- rows of a step that belong to no sequence: whatever they leave in a slot or a block that
  // ---- nobody holds does no harm, since position 0 ignores a slot and blocks are written first

  /** Whether there is room for so many such rows. */
  boolean hasScratch(int rows) {
    return rows <= freeSlots.size() && (!grows() || !freeBlocks.isEmpty());
  }

  /** Slots for them, distinct. */
  Iterator<Integer> scratchSlots() {
    return freeSlots.iterator();
  }

  /** One block for all of them; 0 in models without a growing cache. */
  int scratchBlock() {
    return grows() ? freeBlocks.getFirst() : 0;
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
    for (GrowingCache cache : caches) {
      if (cache != null) {
        cache.keys.storage().close();
        cache.values.storage().close();
      }
    }
  }

  /**
   * One sequence's state kept aside: a slot's worth of memory and shared references to blocks of
   * the cache. Close it to give both back.
   */
  public static final class Snapshot implements AutoCloseable {
    private final StatePool pool;
    private final int length;
    private final RopeConfig.@Nullable Factors ropeFactors;
    private final List<Integer> blocks;
    private final @Nullable MambaState[] mamba; // the pool's where it is parked there
    private final @Nullable WindowCache[] windows;
    private final int slot;
    private final boolean parked;
    private boolean closed;

    /** In memory of its own. */
    private static Snapshot apart(SequenceState sequence, List<Integer> blocks) {
      StatePool pool = sequence.pool();
      int layers = pool.mamba.length;
      Snapshot snapshot =
          new Snapshot(
              pool, sequence, blocks, new MambaState[layers], new WindowCache[layers], 0, false);
      try {
        allocateSlots(
            pool.backend,
            pool.config,
            pool.dtype,
            1,
            pool.windowCapacity(),
            snapshot.mamba,
            snapshot.windows);
      } catch (RuntimeException | Error e) {
        snapshot.close(); // a device's memory may end half way
        throw e;
      }
      return snapshot;
    }

    /** In a slot of the pool, which it owns from here on. */
    private Snapshot(StatePool pool, SequenceState sequence, List<Integer> blocks, int slot) {
      this(pool, sequence, blocks, pool.mamba, pool.windows, slot, true);
      pool.parked++;
      for (int block : blocks) {
        pool.count(block, 0, 1);
      }
    }

    private Snapshot(
        StatePool pool,
        SequenceState sequence,
        List<Integer> blocks,
        @Nullable MambaState[] mamba,
        @Nullable WindowCache[] windows,
        int slot,
        boolean parked) {
      this.pool = pool;
      this.length = sequence.length();
      this.ropeFactors = sequence.ropeFactors();
      this.blocks = new ArrayList<>(blocks);
      this.mamba = mamba;
      this.windows = windows;
      this.slot = slot;
      this.parked = parked;
      pool.shareBlocks(blocks);
    }

    /** Tokens the sequence had. */
    public int length() {
      return length;
    }

    /** The rotary factors its keys are turned by. */
    public RopeConfig.@Nullable Factors ropeFactors() {
      return ropeFactors;
    }

    /** What it holds as a sequence to be read from: not to be fed or closed. */
    SequenceState asSequence() {
      checkOpen();
      if (!parked) {
        throw new IllegalStateException("only a parked snapshot lies where sequences do");
      }
      SequenceState view = new SequenceState(pool, slot);
      view.blocks.addAll(blocks);
      view.reset(length, ropeFactors);
      return view;
    }

    /** Memory held beside the shared blocks. */
    public long bytes() {
      return parked ? pool.slotBytes() : StatePool.bytes(mamba, windows);
    }

    private void checkOpen() {
      if (closed) {
        throw new IllegalStateException("the snapshot is closed");
      }
    }

    @Override
    public void close() {
      if (closed) {
        return;
      }
      closed = true;
      if (parked) {
        for (int block : blocks) {
          pool.count(block, 0, -1);
        }
        pool.parked--;
        pool.freeSlots.push(slot);
      } else {
        tensors(mamba, windows).forEach(tensor -> tensor.storage().close());
      }
      pool.releaseBlocks(blocks);
    }
  }
}
