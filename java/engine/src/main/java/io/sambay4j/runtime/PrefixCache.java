package io.sambay4j.runtime;

import io.sambay4j.model.RopeConfig.Factors;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.StateFile;
import io.sambay4j.model.StateFile.State;
import io.sambay4j.model.StatePool;
import io.sambay4j.model.StatePool.Snapshot;
import io.sambay4j.model.StateTensors;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * States of sequences by their tokens, so that a prompt that begins like an earlier one need not be
 * read from the start. A state belongs to one exact position: there are no others to start from.
 * Which positions are kept, the scheduler says.
 *
 * <p>When memory runs out, the state goes whose loss costs least: the tokens to read again for each
 * byte, and how long ago it was used (GreedyDual-Size, Cao and Irani 1997).
 *
 * <p>Of the scheduler's thread alone.
 */
final class PrefixCache implements AutoCloseable {
  /** A state for fewer tokens more than another is not worth a place of its own. */
  private static final int WORTH_A_PLACE = 8;

  /** Reading a file pays only if it spares so many tokens more than a state in memory. */
  private static final int WORTH_A_FILE = 64;

  private static final Logger log = LoggerFactory.getLogger(PrefixCache.class);

  private final SambayModel model;
  private final StatePool states;
  private final long limit;
  private final @Nullable PrefixFiles files;
  private final Map<Factors, PrefixTree<Entry>> trees = new EnumMap<>(Factors.class);
  private final TreeSet<Entry> inMemory = // the one that is worth least first
      new TreeSet<>(
          Comparator.<Entry>comparingDouble(entry -> entry.value)
              .thenComparingLong(entry -> entry.number));
  private final Map<Path, Entry> inFiles = new HashMap<>();
  private final Map<Job, Path> awaited = new HashMap<>(); // files that jobs wait for
  private double clock; // the value of what was dropped last
  private long entries; // ever made
  private long hits;
  private long misses;
  private long tokensSaved;
  private long evictions;

  /** A state: in memory, in a file, or in both. */
  private static final class Entry {
    final PrefixTree<Entry> tree;
    final PrefixTree.Node<Entry> node;
    final long number; // in the order in which they were made
    @Nullable Snapshot snapshot;
    @Nullable Path file;
    double usedAt; // the clock then
    double value; // the more the later it was used; changed only outside the ordered set

    Entry(PrefixTree<Entry> tree, PrefixTree.Node<Entry> node, long number) {
      this.tree = tree;
      this.node = node;
      this.number = number;
    }

    boolean isInMemory() {
      return snapshot != null;
    }
  }

  /**
   * @param limit bytes of states and of the blocks that they alone hold
   * @param directory where states go that memory has no room for; null: nowhere
   * @param fileLimit bytes of files there
   * @param source reads them
   * @param wake called by another thread when one has been read
   */
  PrefixCache(
      SambayModel model,
      long limit,
      @Nullable Path directory,
      long fileLimit,
      PrefixFiles.Source source,
      Runnable wake) {
    this.model = model;
    this.states = model.states();
    this.limit = limit;
    for (Factors factors : Factors.values()) {
      trees.put(factors, new PrefixTree<>());
    }
    this.files =
        directory == null
            ? null
            : new PrefixFiles(model, directory, fileLimit, this::forget, source, wake);
    states.reclaimFrom(this::evict);
    if (files != null) {
      files.scan(this::found);
    }
  }

  private void found(Path file, StateFile.Header header) {
    PrefixTree<Entry> tree = tree(header.factors());
    Entry entry = entry(tree, tree.node(header.tokens(), header.tokens().length));
    if (entry.file == null) { // two runs may have written the same
      entry.file = file;
      inFiles.put(file, entry);
    }
  }

  private Entry entry(PrefixTree<Entry> tree, PrefixTree.Node<Entry> node) {
    Entry entry = node.value();
    if (entry == null) {
      entry = new Entry(tree, node, entries++);
      tree.setValue(node, entry);
    }
    return entry;
  }

  private PrefixTree<Entry> tree(Factors factors) {
    return Objects.requireNonNull(trees.get(factors));
  }

  /**
   * Whether a job had better wait: the longest state there is for its prompt is in a file that is
   * being read, or will be when others have been. When that is done, the scheduler is woken.
   *
   * @param most tokens the state may have
   */
  boolean waitsForFile(Job job, Factors factors, int most) {
    if (files == null) {
      return false;
    }
    Path known = awaited.get(job);
    if (known != null
        && inFiles.containsKey(known)
        && files.progress(known) == PrefixFiles.Progress.NOT_READ) {
      files.startReading(known);
      return true;
    }
    int[] prompt = job.tokens(job.promptTokens());
    int from = most;
    while (true) {
      PrefixTree.Node<Entry> node = tree(factors).match(prompt, from).node();
      Entry entry = node == null ? null : node.value();
      if (node == null || entry == null || entry.isInMemory()) {
        return false;
      }
      Path file = entry.file;
      if (file == null || !isWorthReading(entry)) {
        from = node.depth() - 1;
        continue;
      }
      switch (files.progress(file)) {
        case NOT_READ -> {
          awaitFile(job, file);
          files.startReading(file);
          return true;
        }
        case READ -> {
          awaitFile(job, file); // its state is kept until the job begins
          return false;
        }
        case UNUSABLE -> {
          forget(file);
          files.stopReading(file);
        }
      }
    }
  }

  private void awaitFile(Job job, Path file) {
    if (!file.equals(awaited.get(job))) {
      stopWaiting(job);
      awaited.put(job, file);
    }
  }

  /** A job has begun, or ended before. */
  void stopWaiting(Job job) {
    Path file = awaited.remove(job);
    if (file != null && files != null && !awaited.containsValue(file)) {
      files.stopReading(file);
    }
  }

  private static boolean isWorthReading(Entry entry) {
    return entry.node.gap(Entry::isInMemory) >= WORTH_A_FILE;
  }

  /**
   * Gives an empty sequence the longest state there is for a prompt. One in a file counts if it has
   * been read, see {@link #waitsForFile}.
   *
   * @param most tokens the state may have: one must be left to feed
   * @return tokens at the prompt's beginning that some earlier sequence had too
   */
  int begin(SequenceState sequence, Factors factors, int[] prompt, int most) {
    PrefixTree<Entry> tree = tree(factors);
    int common = tree.match(prompt, most).common();
    int from = most;
    while (true) {
      PrefixTree.Node<Entry> node = tree.match(prompt, from).node();
      Entry entry = node == null ? null : node.value();
      if (node == null || entry == null) {
        misses++;
        return common;
      }
      int length = node.depth(); // the node may go with a file that is not to be used
      if (restore(sequence, entry)) {
        touch(entry);
        hits++;
        tokensSaved += length;
        return common;
      }
      from = length - 1; // the next shorter one
    }
  }

  private boolean restore(SequenceState sequence, Entry entry) {
    if (entry.snapshot != null) {
      states.restore(sequence, entry.snapshot);
      return true;
    }
    return entry.file != null
        && isWorthReading(entry)
        && restoreFromFile(sequence, entry, entry.file);
  }

  private boolean restoreFromFile(SequenceState sequence, Entry entry, Path file) {
    State saved = Objects.requireNonNull(files).state(file);
    if (saved == null) {
      return false;
    }
    int[] tokens = entry.node.tokens();
    if (!Arrays.equals(saved.tokens(), tokens)) {
      forget(file); // the file stays: it may be somebody's
      return false;
    }
    try {
      sequence.useRopeFactors(saved.factors());
      StateTensors.restore(model, sequence, tokens.length, saved.arrays());
    } catch (IllegalArgumentException e) { // other arrays than this model's
      log.warn("{} is not used: {}", file, e.getMessage());
      states.clear(sequence);
      forget(file);
      return false;
    }
    if (hasRoom(clock + worth(tokens.length))) {
      add(entry, states.park(sequence));
    }
    return true;
  }

  /** Keeps a sequence's state, if there is room for it and it is new. */
  void keep(int[] tokens, SequenceState sequence) {
    PrefixTree.@Nullable Node<Entry> node = place(tokens, sequence, 1);
    if (node != null) {
      Entry entry = entry(tree(factors(sequence)), node);
      add(entry, states.park(sequence));
    }
  }

  /** As {@link #keep} for a sequence that has ended; it may be closed by that. */
  void keepLast(int[] tokens, SequenceState sequence) {
    PrefixTree.@Nullable Node<Entry> node = place(tokens, sequence, WORTH_A_PLACE);
    if (node != null) {
      Entry entry = entry(tree(factors(sequence)), node);
      add(entry, states.retire(sequence));
    }
  }

  private void add(Entry entry, Snapshot snapshot) {
    entry.snapshot = snapshot;
    touch(entry);
    entry.node.nearestBelow(Entry::isInMemory, this::revalue); // they save less beside this one
  }

  /** A state is used now. */
  private void touch(Entry entry) {
    entry.usedAt = clock;
    if (entry.isInMemory()) {
      revalue(entry);
    }
  }

  private void revalue(Entry entry) {
    inMemory.remove(entry);
    entry.value = entry.usedAt + worth(entry.node.gap(Entry::isInMemory));
    inMemory.add(entry);
  }

  private static Factors factors(SequenceState sequence) {
    Factors factors = sequence.ropeFactors();
    if (factors == null) {
      throw new IllegalStateException("a sequence without tokens has no state to keep");
    }
    return factors;
  }

  /** Where a new state belongs, room being made for it; null: it is not worth it. */
  private PrefixTree.@Nullable Node<Entry> place(
      int[] tokens, SequenceState sequence, int worthKeeping) {
    int length = sequence.length();
    if (length == 0 || sequence.isTorn()) {
      return null;
    }
    PrefixTree<Entry> tree = tree(factors(sequence));
    PrefixTree.Node<Entry> known = tree.match(tokens, length).node();
    Entry nearest = known == null ? null : known.value();
    if (known != null && nearest != null && length - known.depth() < worthKeeping) {
      touch(nearest);
      if (nearest.snapshot != null || known.depth() < length) {
        return null;
      }
    }
    int gap = length - (known == null ? 0 : known.depth());
    return hasRoom(clock + worth(gap)) ? tree.node(tokens, length) : null;
  }

  /**
   * Makes room for one more state, but not at the cost of one that is worth more. Such a one loses
   * by it, too: one that is never used does not stay for ever.
   */
  private boolean hasRoom(double value) {
    while (states.freeParkingPlaces() == 0 || bytes() + states.slotBytes() > limit) {
      if (inMemory.isEmpty()) {
        return false;
      }
      if (inMemory.first().value > value) {
        clock = value;
        return false;
      }
      evict();
    }
    return true;
  }

  /** Keeps to the limit: blocks become the cache's alone when a sequence that shared them ends. */
  void trim() {
    while (bytes() > limit && evict()) {}
  }

  /** Drops the state that is worth least; false if there is none. */
  private boolean evict() {
    if (inMemory.isEmpty()) {
      return false;
    }
    Entry least = inMemory.first();
    clock = Math.max(clock, least.value);
    evictions++;
    save(least, false);
    drop(least);
    return true;
  }

  /** Tokens saved for each byte by a state so many tokens after another. */
  private double worth(int gap) {
    return gap / Math.max(1, states.slotBytes() + gap * (double) states.cacheBytesPerToken());
  }

  /** Writes a state to a file that is in none. */
  private void save(Entry entry, boolean atEnd) {
    Snapshot snapshot = entry.snapshot;
    if (files == null
        || entry.file != null
        || snapshot == null
        || entry.node.gap(other -> other.file != null) < WORTH_A_FILE) {
      return;
    }
    Factors factors = Objects.requireNonNull(snapshot.ropeFactors());
    State state = new State(entry.node.tokens(), factors, StateTensors.export(model, snapshot));
    Path file = files.write(state, atEnd);
    if (file != null) {
      entry.file = file;
      inFiles.put(file, entry);
    }
  }

  /** Gives a state's memory back. */
  private void drop(Entry entry) {
    inMemory.remove(entry);
    if (entry.snapshot != null) {
      entry.snapshot.close();
      entry.snapshot = null;
      entry.node.nearestBelow(Entry::isInMemory, this::revalue); // they save more without it
    }
    removeIfNowhere(entry);
  }

  /** A file is not there any more, or not to be used. */
  private void forget(Path file) {
    Entry entry = inFiles.remove(file);
    if (entry != null) {
      entry.file = null;
      removeIfNowhere(entry);
    }
  }

  private static void removeIfNowhere(Entry entry) {
    if (entry.snapshot == null && entry.file == null) {
      entry.tree.remove(entry.node);
    }
  }

  /** Memory of all states, and of the blocks that nobody else holds. */
  long bytes() {
    return inMemory.size() * states.slotBytes()
        + (long) states.spareBlocks() * StatePool.BLOCK_TOKENS * states.cacheBytesPerToken();
  }

  /** Fills in what the cache knows of itself. */
  EngineCounters.Prefixes counters() {
    return new EngineCounters.Prefixes(
        hits, misses, tokensSaved, inMemory.size(), bytes(), limit, evictions, inFiles.size());
  }

  /** Writes what is in memory only, where there is a directory, and gives everything back. */
  @Override
  public void close() {
    for (Entry entry : List.copyOf(inMemory)) {
      try {
        save(entry, true);
      } catch (RuntimeException e) {
        log.warn("a state of the prefix cache could not be kept", e);
      }
      drop(entry);
    }
    if (files != null) {
      files.close();
    }
  }
}
