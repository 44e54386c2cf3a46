package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Every scratch tensor of a step by name, allocated once for the widest step; a step uses the first
 * rows. Widths that the model's kinds of layer do not need are 1.
 *
 * @param residual [tokens, hidden] f32: the residual stream stays f32 whatever the activations are
 * @param wanted [tokens, hidden] f32: the rows of it that go on into the cross-decoder
 * @param xz [tokens, 2 * inner]
 * @param conv [tokens, inner]
 * @param dbc [tokens, rank + 2 * state]
 * @param delta [tokens, inner]
 * @param scan [tokens, inner]
 * @param memory [tokens, inner]; null in models without gated memory units
 * @param wantedMemory the rows of it that go on into the cross-decoder
 * @param qkv [tokens, (heads + 2 * kvHeads) * headDim]
 * @param attention [tokens, heads * headDim]
 * @param mlp [tokens, intermediate]
 * @param logits [logitRows, vocabulary] f32
 */
record Workspace(
    Tensor residual,
    Tensor wanted,
    Tensor xz,
    Tensor conv,
    Tensor dbc,
    Tensor delta,
    Tensor scan,
    @Nullable Tensor memory,
    @Nullable Tensor wantedMemory,
    Tensor qkv,
    Tensor attention,
    Tensor mlp,
    Tensor logits)
    implements AutoCloseable {

  static Workspace create(Backend backend, ModelConfig config, LoadOptions options) {
    DType activations = options.activations();
    int tokens = options.stepTokens();
    int hidden = config.hiddenSize();
    int inner = config.mambaInner();
    boolean remembers = config.layers().contains(LayerKind.MAMBA_MEMORY);
    boolean attends = config.layers().stream().anyMatch(LayerKind::isAttention);
    int queryCols = attends ? config.heads() * config.headDim() : 0;
    int kvCols = attends ? config.kvHeads() * config.headDim() : 0;
    int intermediate = config.intermediateSize();
    return new Workspace(
        backend.allocate(DType.F32, tokens, hidden),
        backend.allocate(DType.F32, tokens, hidden),
        backend.allocate(activations, tokens, 2 * inner),
        backend.allocate(activations, tokens, inner),
        backend.allocate(activations, tokens, config.mambaDtRank() + 2 * config.mambaState()),
        backend.allocate(activations, tokens, inner),
        backend.allocate(activations, tokens, inner),
        remembers ? backend.allocate(activations, tokens, inner) : null,
        remembers ? backend.allocate(activations, tokens, inner) : null,
        backend.allocate(activations, tokens, atLeastOne(queryCols + 2 * kvCols)),
        backend.allocate(activations, tokens, atLeastOne(queryCols)),
        backend.allocate(activations, tokens, atLeastOne(intermediate)),
        backend.allocate(DType.F32, logitRows(options), config.vocabSize()));
  }

  /**
   * Rows of logits made at once. The head, the largest matrix, is read once for this many, so a
   * decode step of all sequences should fit; but 200,064 columns are wide.
   */
  static int logitRows(LoadOptions options) {
    return Math.min(options.stepTokens(), Math.max(16, Math.min(512, options.sequences())));
  }

  private static int atLeastOne(int cols) {
    return Math.max(1, cols);
  }

  @Override
  public void close() {
    for (Tensor tensor :
        new @Nullable Tensor[] {
          residual,
          wanted,
          xz,
          conv,
          dbc,
          delta,
          scan,
          memory,
          wantedMemory,
          qkv,
          attention,
          mlp,
          logits
        }) {
      if (tensor != null) {
        tensor.storage().close();
      }
    }
  }
}
