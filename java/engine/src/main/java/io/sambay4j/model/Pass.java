package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.KeyValueView;

/**
 * What flows through the layers now: the rows of a batch, with the memory they may use. A step
 * makes one pass with all its rows up to the border and one, mostly narrower, above it.
 *
 * @param batch rows, slots, positions
 * @param rotaryBatch the same rows, positions as rows of the {@link Rotary} tables
 * @param blocks where the batch's sequences keep what grows
 */
record Pass(
    Backend backend,
    Workspace work,
    StatePool states,
    Batch batch,
    Batch rotaryBatch,
    StatePool.BlockTable blocks) {

  /** What the batch's sequences keep of an attention layer. */
  KeyValueView cache(int layer) {
    return states.cache(layer, blocks, batch);
  }
}
