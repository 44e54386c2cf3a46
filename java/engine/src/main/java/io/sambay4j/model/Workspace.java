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
 * @param wanted [tokens, hidden] f32: the rows of it that go on above the border
 * @param normed [tokens, hidden]
 * @param xz [tokens, 2 * inner]
 * @param conv [tokens, inner]
 * @param dbc [tokens, rank + 2 * state]
 * @param delta [tokens, inner]
 * @param scan [tokens, inner]
 * @param memory [tokens, inner]; null in models without gated memory units
 * @param wantedMemory the rows of it that go on into the cross-decoder
 * @param qkv [tokens, (heads + 2 * kvHeads) * headDim]
 * @param attention [tokens, heads * headDim]
 * @param gateUp [tokens, 2 * intermediate]
 * @param mlp [tokens, intermediate]
 * @param logits [LOGIT_ROWS, vocabulary] f32
 */
record Workspace(
    Tensor residual,
    Tensor wanted,
    Tensor normed,
    Tensor xz,
    Tensor conv,
    Tensor dbc,
    Tensor delta,
    Tensor scan,
    @Nullable Tensor memory,
    @Nullable Tensor wantedMemory,
    Tensor qkv,
    Tensor attention,
    Tensor gateUp,
    Tensor mlp,
    Tensor logits)
    implements AutoCloseable {

  /**
   * Rows of logits made at once: the head is read once for this many, and 200,064 columns are wide.
   */
  static final int LOGIT_ROWS = 16;

  static Workspace create(Backend backend, ModelConfig config, DType activations, int tokens) {
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
        backend.allocate(activations, tokens, hidden),
        backend.allocate(activations, tokens, atLeastOne(2 * inner)),
        backend.allocate(activations, tokens, atLeastOne(inner)),
        backend.allocate(
            activations, tokens, atLeastOne(config.mambaDtRank() + 2 * config.mambaState())),
        backend.allocate(activations, tokens, atLeastOne(inner)),
        backend.allocate(activations, tokens, atLeastOne(inner)),
        remembers ? backend.allocate(activations, tokens, inner) : null,
        remembers ? backend.allocate(activations, tokens, inner) : null,
        backend.allocate(activations, tokens, atLeastOne(queryCols + 2 * kvCols)),
        backend.allocate(activations, tokens, atLeastOne(queryCols)),
        backend.allocate(activations, tokens, atLeastOne(2 * intermediate)),
        backend.allocate(activations, tokens, atLeastOne(intermediate)),
        backend.allocate(DType.F32, Math.min(LOGIT_ROWS, tokens), config.vocabSize()));
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
          normed,
          xz,
          conv,
          dbc,
          delta,
          scan,
          memory,
          wantedMemory,
          qkv,
          attention,
          gateUp,
          mlp,
          logits
        }) {
      if (tensor != null) {
        tensor.storage().close();
      }
    }
  }
}
