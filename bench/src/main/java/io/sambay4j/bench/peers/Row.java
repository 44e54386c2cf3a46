package io.sambay4j.bench.peers;

import io.sambay4j.bench.peers.Engine.Test;
import java.nio.file.Path;
import java.util.Map;

/**
 * A line of the comparison: one test in every engine.
 *
 * @param id names it in the samples
 * @param what is measured, for people
 * @param weights for people
 * @param context tokens before the first that counts
 * @param entries what each engine does; one without an entry has nothing to do here
 */
record Row(
    String id, String what, String weights, Test test, int context, Map<Engine, Entry> entries) {

  /**
   * One engine's part.
   *
   * @param model file or directory; not made yet
   * @param type of the weights, as the engine calls it
   * @param tokens decoded, or of the prompt
   * @param reason why it is not run; empty if it is
   */
  record Entry(Path model, String type, int tokens, String reason) {}
}
