package io.sambay4j.runtime;

import java.time.Duration;

/**
 * What the scheduler counts, as of its last step.
 *
 * @param running jobs that take part in steps
 * @param slotsUsed sequences held
 * @param blocksUsed blocks of the key/value cache held
 * @param blocks blocks of it
 * @param jobs jobs that have ended
 * @param promptTokens tokens of prompts read
 * @param cachedTokens tokens of prompts that were not read, because their state was there
 * @param generatedTokens tokens chosen
 * @param steps steps run
 * @param uptime since the start
 * @param prefixes of the prefix cache; all zero without one
 */
public record EngineCounters(
    int running,
    int slotsUsed,
    int blocksUsed,
    int blocks,
    long jobs,
    long promptTokens,
    long cachedTokens,
    long generatedTokens,
    long steps,
    Duration uptime,
    Prefixes prefixes) {

  /**
   * What the prefix cache counts.
   *
   * @param hits prompts whose beginning was there
   * @param misses prompts looked for in vain
   * @param tokensSaved tokens that hits spared
   * @param entries states in memory
   * @param bytes they take
   * @param limitBytes they may take
   * @param evictions states dropped for others
   * @param files states in files
   */
  public record Prefixes(
      long hits,
      long misses,
      long tokensSaved,
      int entries,
      long bytes,
      long limitBytes,
      long evictions,
      int files) {
    static final Prefixes NONE = new Prefixes(0, 0, 0, 0, 0, 0, 0, 0);
  }
}
