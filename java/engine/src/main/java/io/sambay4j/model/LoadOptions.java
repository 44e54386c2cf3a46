package io.sambay4j.model;

import io.sambay4j.backend.DType;
import io.sambay4j.model.ModelTensors.Expected;
import io.sambay4j.weights.StorageType;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How a model is held and how much it may keep.
 *
 * @param weights how weight matrices are kept in memory; null: as they are stored in the files, see
 *     {@link #kept}
 * @param activations how activations, windows and shared keys and values are kept: F32 or BF16
 * @param contextLimit tokens a sequence may have, in [1, {@value #MAX_CONTEXT}]
 * @param sequences how many sequences are held at once, in [1, stepTokens]
 * @param stepTokens rows of the widest step: the size of a prompt's chunks, in [1, {@value
 *     #MAX_STEP_TOKENS}]
 * @param cacheTokens tokens of all sequences together in the shared key/value cache, at least 1;
 *     see {@link StatePool#cacheTokens}
 * @param prefixCacheBytes memory for states kept beside those of sequences, see {@link
 *     StatePool#park}, and for keys and values that only they hold; 0: none
 * @param deterministic whether a row's arithmetic must not depend on which rows come with it, see
 *     {@link Pass#parts}
 */
public record LoadOptions(
    @Nullable WeightFormat weights,
    DType activations,
    int contextLimit,
    int sequences,
    int stepTokens,
    int cacheTokens,
    long prefixCacheBytes,
    boolean deterministic) {
  /** The largest {@code contextLimit}. */
  public static final int MAX_CONTEXT = 1 << 24;

  /** The largest {@code stepTokens}. */
  public static final int MAX_STEP_TOKENS = 1 << 16;

  /** Elements; a model with fewer fits into caches, and its keys and values are few. */
  private static final long SMALL_MODEL = 1L << 27;

  public LoadOptions {
    if (activations != DType.F32 && activations != DType.BF16) {
      throw new IllegalArgumentException(
          "activations must be f32 or bf16, not " + activations.name().toLowerCase(Locale.ROOT));
    }
    check("contextLimit", contextLimit, MAX_CONTEXT);
    check("stepTokens", stepTokens, MAX_STEP_TOKENS);
    if (sequences < 1 || sequences > stepTokens) {
      throw new IllegalArgumentException(
          "sequences must be in [1, stepTokens = %d], a row of a step for each, but was %d"
              .formatted(stepTokens, sequences));
    }
    check("cacheTokens", cacheTokens, Integer.MAX_VALUE);
    if (prefixCacheBytes < 0) {
      throw new IllegalArgumentException(
          "prefixCacheBytes must be 0 or more but was " + prefixCacheBytes);
    }
  }

  /** Without a prefix cache, and not deterministic. */
  public LoadOptions(
      @Nullable WeightFormat weights,
      DType activations,
      int contextLimit,
      int sequences,
      int stepTokens,
      int cacheTokens) {
    this(weights, activations, contextLimit, sequences, stepTokens, cacheTokens, 0, false);
  }

  /** How a weight matrix is kept that is stored so. */
  public DType kept(Expected tensor, StorageType stored) {
    return weights == null ? WeightFormat.storedAs(stored) : weights.kept(tensor, stored);
  }

  /**
   * How activations are kept where nobody says: BF16, as published code computes, where matrices
   * have fewer than 32 bits; but F32 in small models, which would gain nothing.
   *
   * @param weights as of {@link #weights}
   * @param stored storage of a matrix, by name
   */
  public static DType usualActivations(
      ModelConfig config, @Nullable WeightFormat weights, Function<String, StorageType> stored) {
    LoadOptions options = new LoadOptions(weights, DType.F32, 1, 1, 1, 1);
    long narrow = 0; // elements of fewer than 32 bits
    for (Expected tensor : ModelTensors.of(config).tensors()) {
      if (tensor.isMatrix() && options.kept(tensor, stored.apply(tensor.name())) != DType.F32) {
        narrow += tensor.elements();
      }
    }
    return narrow < SMALL_MODEL ? DType.F32 : DType.BF16;
  }

  /** The same with weights kept otherwise. */
  public LoadOptions withWeights(@Nullable WeightFormat format) {
    return new LoadOptions(
        format,
        activations,
        contextLimit,
        sequences,
        stepTokens,
        cacheTokens,
        prefixCacheBytes,
        deterministic);
  }

  /** The same with activations kept otherwise. */
  public LoadOptions withActivations(DType type) {
    return new LoadOptions(
        weights,
        type,
        contextLimit,
        sequences,
        stepTokens,
        cacheTokens,
        prefixCacheBytes,
        deterministic);
  }

  /** The same with a prefix cache of so many bytes. */
  public LoadOptions withPrefixCache(long bytes) {
    return new LoadOptions(
        weights,
        activations,
        contextLimit,
        sequences,
        stepTokens,
        cacheTokens,
        bytes,
        deterministic);
  }

  private static void check(String name, int value, int max) {
    if (value < 1 || value > max) {
      throw new IllegalArgumentException(
          "%s must be in [1, %d] but was %d".formatted(name, max, value));
    }
  }
}
