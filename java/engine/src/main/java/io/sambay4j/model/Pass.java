package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.KeyValueView;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What flows through the layers now: the rows of a batch, with the memory they may use. A step
 * makes one pass with all its rows through the self-decoder and one, mostly narrower, through the
 * cross-decoder.
 *
 * @param batch rows, slots, positions
 * @param shared where the batch's sequences keep the shared keys and values; null in models without
 *     full attention
 */
record Pass(
    Backend backend, Workspace work, StatePool states, Batch batch, @Nullable KeyValueView shared) {
  KeyValueView sharedCache() {
    return Objects.requireNonNull(shared);
  }
}
