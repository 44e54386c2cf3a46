package io.sambay4j.backend;

/**
 * A sequence of operations, recorded once by {@link Backend#record} to be run many times.
 *
 * <p>Arrays in their arguments (batches, tables, ids, draws) are read and written anew at every
 * launch, so whoever recorded the graph changes their contents between launches; everything else
 * the arguments said is fixed, and so is how many rows each sequence has.
 */
public interface Graph extends AutoCloseable {
  /** Runs all of it, and waits for what it writes to arrays. */
  void launch();

  @Override
  void close();
}
