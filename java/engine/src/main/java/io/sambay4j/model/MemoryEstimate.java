package io.sambay4j.model;

import io.sambay4j.backend.DType;
import io.sambay4j.model.ModelTensors.Expected;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.StorageType;
import java.util.function.Function;

/**
 * Bytes a model takes when it runs, from its configuration alone. Padding that a device adds to
 * packed weights, and the Java heap, are not in it.
 *
 * @param weights matrices in the format they are kept in, vectors and convolutions in f32, rotary
 *     tables
 * @param slot what each sequence keeps whatever its length: convolution tails, SSM states, windows
 *     of keys and values
 * @param cachePerToken what each token of each sequence adds: keys and values of the full attention
 *     layers
 * @param workspace scratch memory of the widest step
 * @param sequences sequences held at once
 * @param contextTokens tokens of each
 * @param prefixCache what the prefix cache may take
 */
public record MemoryEstimate(
    long weights,
    long slot,
    long cachePerToken,
    long workspace,
    int sequences,
    int contextTokens,
    long prefixCache) {
  /** Tokens that few sequences exceed. */
  public static final int USUAL_TOKENS = 16_384;

  /**
   * Adds up what {@link ModelLoader} allocates.
   *
   * @param stored storage of a matrix, by name
   */
  public static MemoryEstimate of(
      ModelConfig config, LoadOptions options, Function<String, StorageType> stored) {
    return new MemoryEstimate(
        weights(config, options, stored),
        slot(config, options),
        cachePerToken(config, options.activations()),
        workspace(config, options),
        options.sequences(),
        options.contextLimit(),
        options.prefixCacheBytes());
  }

  /** How the bytes of a model's prefix cache are used. */
  static PrefixCacheBudget prefixCache(ModelConfig config, LoadOptions options) {
    return PrefixCacheBudget.of(
        options.prefixCacheBytes(),
        slot(config, options),
        cachePerToken(config, options.activations()));
  }

  /**
   * As {@link #of(ModelConfig, LoadOptions, Function)}, the storage being the checkpoint's.
   *
   * @throws io.sambay4j.InvalidModelException if the checkpoint does not hold what the
   *     configuration needs
   */
  public static MemoryEstimate of(ModelConfig config, LoadOptions options, Checkpoint checkpoint) {
    ModelTensors.of(config).verify(checkpoint);
    return of(config, options, name -> checkpoint.tensor(name).type());
  }

  /** All sequences at their longest. */
  public long cache() {
    return cachePerToken * sequences * contextTokens;
  }

  public long total() {
    return weights + slot * sequences + cache() + workspace + prefixCache;
  }

  /**
   * As {@link #total}, but no sequence with more than {@link #USUAL_TOKENS}: keys and values take
   * memory as they come, and few texts are as long as a model's files allow.
   */
  public long usual() {
    return total() - cache() + cachePerToken * sequences * Math.min(contextTokens, USUAL_TOKENS);
  }

  private static long weights(
      ModelConfig config, LoadOptions options, Function<String, StorageType> stored) {
    long bytes = 0;
    for (Expected tensor : ModelTensors.of(config).tensors()) {
      if (tensor.name().contains(".lambda_")) {
        continue; // one number is made of them
      }
      DType kept =
          tensor.isMatrix() ? options.kept(tensor, stored.apply(tensor.name())) : DType.F32;
      bytes += kept.bytes(tensor.elements());
    }
    RopeConfig rope = config.rope();
    if (rope != null) {
      long rows = Rotary.rows(rope, options.contextLimit());
      bytes += 2 * rows * (rope.rotated() / 2) * DType.F32.bytes();
    }
    return bytes;
  }

  private static long slot(ModelConfig config, LoadOptions options) {
    long kept = options.activations().bytes();
    long mamba =
        config.mambaInner()
            * ((config.mambaConv() - 1) * kept + (long) config.mambaState() * DType.F32.bytes());
    long window =
        2L * Math.min(config.slidingWindow(), options.contextLimit()) * config.kvWidth() * kept;
    long bytes = 0;
    for (LayerKind kind : config.layers()) {
      bytes += kind.isMamba() ? mamba : kind == LayerKind.SWA ? window : 0;
    }
    return bytes;
  }

  private static long cachePerToken(ModelConfig config, DType activations) {
    return 2L * config.count(LayerKind.FULL) * config.kvWidth() * activations.bytes();
  }

  /** The tensors of {@link Workspace#create}. */
  private static long workspace(ModelConfig config, LoadOptions options) {
    boolean remembers = config.layers().contains(LayerKind.MAMBA_MEMORY);
    boolean attends = config.layers().stream().anyMatch(LayerKind::isAttention);
    long queryCols = attends ? config.attentionWidth() : 0;
    long kvCols = attends ? config.kvWidth() : 0;
    long activations =
        Math.max(1, 2L * config.mambaInner())
            + 3 * Math.max(1L, config.mambaInner())
            + (remembers ? 2L * config.mambaInner() : 0)
            + Math.max(1, config.mambaDtRank() + 2L * config.mambaState())
            + Math.max(1, queryCols + 2 * kvCols)
            + Math.max(1, queryCols)
            + Math.max(1, config.intermediateSize());
    long residual = 2L * config.hiddenSize() * DType.F32.bytes();
    long logits = (long) Workspace.logitRows(options) * config.vocabSize() * DType.F32.bytes();
    return options.stepTokens() * (activations * options.activations().bytes() + residual) + logits;
  }
}
