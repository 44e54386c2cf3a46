package io.sambay4j.model;

import io.sambay4j.backend.DType;
import org.jspecify.annotations.Nullable;

/**
 * How a model is held and how much it may keep.
 *
 * @param weights how weight matrices are kept in memory; null: as they are stored in the files
 * @param activations how activations, windows and shared keys and values are kept: F32 or BF16
 * @param contextLimit tokens a sequence may have
 * @param sequences how many sequences are held at once
 * @param stepTokens rows of the widest step: the size of a prompt's chunks
 * @param cacheTokens tokens of all sequences together in the shared key/value cache
 */
public record LoadOptions(
    @Nullable DType weights,
    DType activations,
    int contextLimit,
    int sequences,
    int stepTokens,
    int cacheTokens) {
  public LoadOptions {
    if (activations == DType.F16) {
      throw new IllegalArgumentException("activations must be f32 or bf16, not f16");
    }
    check("contextLimit", contextLimit);
    check("sequences", sequences);
    check("stepTokens", stepTokens);
    check("cacheTokens", cacheTokens);
    if (sequences > stepTokens) {
      throw new IllegalArgumentException(
          "%d sequences do not fit into steps of %d tokens".formatted(sequences, stepTokens));
    }
  }

  private static void check(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " must be at least 1 but was " + value);
    }
  }
}
