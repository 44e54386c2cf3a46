package io.sambay4j.runtime;

import io.sambay4j.model.RopeConfig.Factors;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.StatePool;
import io.sambay4j.model.StatePool.Snapshot;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

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
  /** A state for fewer tokens more than another is not worth its copy, nor a cut of the prompt. */
  static final int WORTH_KEEPING = 32;

  private final StatePool states;
  private final long limit;
  private final Map<Factors, PrefixTree<Entry>> trees = new EnumMap<>(Factors.class);
  private final Set<Entry> entries = new HashSet<>();
  private double clock; // the value of what was dropped last
  private long hits;
  private long misses;
  private long tokensSaved;
  private long evictions;

  private static final class Entry {
    final PrefixTree<Entry> tree;
    final PrefixTree.Node<Entry> node;
    final Snapshot snapshot;
    double usedAt; // the clock then

    Entry(PrefixTree<Entry> tree, PrefixTree.Node<Entry> node, Snapshot snapshot, double usedAt) {
      this.tree = tree;
      this.node = node;
      this.snapshot = snapshot;
      this.usedAt = usedAt;
    }
  }

  /**
   * @param limit bytes of states and of the blocks that they alone hold
   */
  PrefixCache(StatePool states, long limit) {
    this.states = states;
    this.limit = limit;
    for (Factors factors : Factors.values()) {
      trees.put(factors, new PrefixTree<>());
    }
    states.reclaimFrom(this::evict);
  }

  private PrefixTree<Entry> tree(Factors factors) {
    return Objects.requireNonNull(trees.get(factors));
  }

  /**
   * Gives an empty sequence the longest state there is for a prompt.
   *
   * @param most tokens the state may have: one must be left to feed
   * @return tokens at the prompt's beginning that some earlier sequence had too
   */
  int begin(SequenceState sequence, Factors factors, int[] prompt, int most) {
    PrefixTree.Match<Entry> match = tree(factors).match(prompt, most);
    Entry entry = match.node() == null ? null : match.node().value();
    if (entry == null) {
      misses++;
      return match.common();
    }
    states.restore(sequence, entry.snapshot);
    entry.usedAt = clock;
    hits++;
    tokensSaved += match.length();
    return match.common();
  }

  /** Keeps a sequence's state, if there is room for it and it is new. */
  void keep(int[] tokens, SequenceState sequence) {
    PrefixTree.@Nullable Node<Entry> node = place(tokens, sequence, 1);
    if (node != null) {
      add(sequence, node, states.park(sequence));
    }
  }

  /** As {@link #keep} for a sequence that has ended; it may be closed by that. */
  void keepLast(int[] tokens, SequenceState sequence) {
    PrefixTree.@Nullable Node<Entry> node = place(tokens, sequence, WORTH_KEEPING);
    if (node != null) {
      add(sequence, node, states.retire(sequence));
    }
    trim();
  }

  private void add(SequenceState sequence, PrefixTree.Node<Entry> node, Snapshot snapshot) {
    PrefixTree<Entry> tree = tree(factors(sequence));
    Entry entry = new Entry(tree, node, snapshot, clock);
    tree.setValue(node, entry);
    entries.add(entry);
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
    PrefixTree.Match<Entry> known = tree.match(tokens, length);
    Entry nearest = known.node() == null ? null : known.node().value();
    if (nearest != null && length - known.length() < worthKeeping) {
      nearest.usedAt = clock;
      return null;
    }
    while (states.freeParkingPlaces() == 0 || bytes() + states.slotBytes() > limit) {
      if (!evict()) {
        return null;
      }
    }
    return tree.node(tokens, length);
  }

  /** Keeps to the limit; blocks may have become the cache's alone since. */
  void trim() {
    while (bytes() > limit && evict()) {}
  }

  /** Drops the state that is worth least; false if there is none. */
  private boolean evict() {
    Entry least = null;
    double leastValue = Double.MAX_VALUE;
    for (Entry entry : entries) {
      double value = value(entry);
      if (value < leastValue) {
        least = entry;
        leastValue = value;
      }
    }
    if (least == null) {
      return false;
    }
    clock = Math.max(clock, leastValue);
    evictions++;
    drop(least);
    return true;
  }

  /** Tokens saved for each byte, and more the later it was used. */
  private double value(Entry entry) {
    int gap = entry.node.gap();
    double bytes = Math.max(1, states.slotBytes() + gap * (double) states.cacheBytesPerToken());
    return entry.usedAt + gap / bytes;
  }

  private void drop(Entry entry) {
    entries.remove(entry);
    entry.tree.remove(entry.node);
    entry.snapshot.close();
  }

  /** Memory of all states, and of the blocks that nobody else holds. */
  long bytes() {
    return entries.size() * states.slotBytes()
        + (long) states.spareBlocks() * StatePool.BLOCK_TOKENS * states.cacheBytesPerToken();
  }

  /** Fills in what the cache knows of itself. */
  EngineCounters.Prefixes counters() {
    return new EngineCounters.Prefixes(
        hits, misses, tokensSaved, entries.size(), bytes(), limit, evictions, 0);
  }

  /** Whether a prompt's tokens are all forgotten: for tests of what is left behind. */
  boolean isEmpty() {
    return entries.isEmpty() && trees.values().stream().allMatch(PrefixTree::isEmpty);
  }

  /** Drops everything. */
  @Override
  public void close() {
    for (Entry entry : Set.copyOf(entries)) {
      drop(entry);
    }
  }
}
