package io.sambay4j.runtime;

import io.sambay4j.model.RopeConfig;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.StatePool;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Gives jobs their sequences, with as much of their prompts as somebody has read before, and keeps
 * states that will be useful to others. Of the scheduler's thread alone.
 */
final class Sequences {
  /** Tokens of a prompt after which its state is kept again. */
  private static final int KEEP_EVERY = 1024;

  private final SambayModel model;
  private final StatePool states;
  private final @Nullable PrefixCache prefixes;
  private final WorthKeeping worth;

  /**
   * @param prefixes null: nothing is kept
   */
  Sequences(SambayModel model, @Nullable PrefixCache prefixes) {
    this.model = model;
    this.states = model.states();
    this.prefixes = prefixes;
    this.worth = WorthKeeping.of(model);
  }

  private @Nullable PrefixCache prefixes(Job job) {
    return job.terms().prefixCache() ? prefixes : null;
  }

  /**
   * Whether the growing cache has room for the longest that a job's sequence may get, beside what
   * those that run may still take.
   */
  boolean haveRoomFor(Job job, List<Job> running) {
    long promised = blocksToCome(job);
    for (Job other : running) {
      promised += blocksToCome(other);
    }
    return promised <= (long) states.freeBlocks() + states.spareBlocks();
  }

  private int blocksToCome(Job job) {
    return states.blocksToCome(job.stateOrNull(), job.longest());
  }

  /** Whether a job needs more than the cache has when nobody runs. */
  boolean areTooSmallFor(Job job) {
    return blocksToCome(job) > states.blocks();
  }

  /** What to tell a job that will never have room. */
  IllegalStateException noRoom(Job job) {
    return new IllegalStateException(
        "the key/value cache is full: %d blocks of %d tokens are needed, and of %d all but %d are held by open sessions; close some, ask for fewer tokens, or open the model with a larger cache"
            .formatted(
                blocksToCome(job),
                StatePool.BLOCK_TOKENS,
                states.blocks(),
                states.freeBlocks() + states.spareBlocks()));
  }

  /**
   * Whether a job had better wait, because the state that it begins from is being read from a file.
   */
  boolean waitsForFile(Job job) {
    PrefixCache cache = prefixes(job);
    Branches branches = job.terms().branches();
    return cache != null
        && job.needsSequence()
        && (branches == null || !branches.isRead())
        && cache.waitsForFile(job, job.neededFactors(model), job.promptTokens() - 1);
  }

  /** A job that may have waited for a file does so no more. */
  void stopWaiting(Job job) {
    PrefixCache cache = prefixes(job);
    if (cache != null) {
      cache.stopWaiting(job);
    }
  }

  /** Lets a job begin. One that needs a sequence gets it; there must be a free slot. */
  void start(Job job) {
    if (!job.needsSequence()) {
      job.admit(null);
      return;
    }
    SequenceState sequence = states.acquire();
    try {
      RopeConfig.Factors factors = job.neededFactors(model);
      Branches branches = job.terms().branches();
      int last = job.promptTokens() - 1; // at least one token must be left to feed
      if (branches != null && branches.start(job, states, sequence, factors)) {
        job.admit(sequence);
        return;
      }
      PrefixCache cache = prefixes(job);
      int shared = 0;
      if (cache != null) {
        shared = cache.begin(sequence, factors, job.tokens(job.promptTokens()), last);
      }
      job.admit(sequence);
      job.cutAt(cuts(job, sequence.length(), Math.min(shared, last), last));
      keepState(job);
    } catch (RuntimeException | Error e) {
      sequence.close();
      throw e;
    } finally {
      stopWaiting(job);
    }
  }

  /** Where a prompt is cut because its state there is worth keeping. */
  private int[] cuts(Job job, int start, int shared, int last) {
    boolean keeps = prefixes(job) != null;
    List<Integer> cuts = new ArrayList<>();
    int kept = start;
    if (keeps && shared - start >= worth.seenAgain() && shared < last) {
      cuts.add(shared); // somebody else went another way from here
      kept = shared;
    }
    int worthIt = shared == last ? worth.seenAgain() : worth.seenOnce();
    if (job.terms().branches() != null || (keeps && last - kept >= worthIt)) {
      cuts.add(last); // the same prompt may come again
    }
    return cuts.stream().mapToInt(cut -> cut).toArray();
  }

  /** Keeps a running job's state where it will be useful to others. */
  void keepState(Job job) {
    Branches branches = job.terms().branches();
    if (branches != null && job.fedTokens() == job.promptTokens() - 1) {
      branches.read(job, states);
    }
    PrefixCache cache = prefixes(job);
    if (cache == null || !job.readsPrompt()) {
      return;
    }
    if (job.readSinceKept() > 0 && (job.isAtCut() || job.readSinceKept() >= KEEP_EVERY)) {
      cache.keep(job.tokens(job.fedTokens()), job.state());
      job.wasKept();
    }
  }

  /** Keeps the state of a job that has ended, whose own sequence is closed next. */
  void keepLast(Job job) {
    PrefixCache cache = prefixes(job);
    if (cache != null && job.ownsSequence()) {
      cache.keepLast(job.tokens(job.fedTokens()), job.state());
    }
  }

  /** Keeps the prefix cache to its limit. */
  void trim() {
    if (prefixes != null) {
      prefixes.trim();
    }
  }

  /** Blocks and states of the prefix cache go back. */
  void close() {
    if (prefixes != null) {
      prefixes.close();
    }
  }

  EngineCounters.Prefixes counters() {
    return prefixes == null ? EngineCounters.Prefixes.NONE : prefixes.counters();
  }
}
