package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Weight;
import java.util.List;

/**
 * The loaded weights of a model, in the order of the forward pass.
 *
 * @param owned everything that must be closed with the model
 * @param head the embedding again where it is tied
 */
record ModelParts(
    ModelConfig config,
    Backend backend,
    Weight embedding,
    List<DecoderLayer> layers,
    Norm finalNorm,
    Linear head,
    List<AutoCloseable> owned) {}
