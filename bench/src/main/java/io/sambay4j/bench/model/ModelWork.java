package io.sambay4j.bench.model;

import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.model.LayerKind;
import io.sambay4j.model.MemoryEstimate;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelTensors;

/**
 * What a step of a model cannot avoid: bytes counted once, and the multiplications and additions of
 * its equations. Of a prompt only the last token goes above the border of the two decoders.
 *
 * @param bytes weights, states, keys and values, each read once
 * @param flops of matrix products and attention
 */
record ModelWork(double bytes, double flops) {

  /** A decode step of so many sequences, each with so many tokens behind it. */
  static ModelWork decode(ModelConfig config, MemoryEstimate memory, int batch, int context) {
    double bytes =
        memory.weights()
            + batch * ((double) memory.slot() + (double) memory.cachePerToken() * context);
    double flops = 0;
    for (int layer = 0; layer < config.layers().size(); layer++) {
      flops += layerFlops(config, layer) + attentionFlops(config, layer, context);
    }
    return new ModelWork(bytes, batch * (flops + headFlops(config)));
  }

  /** A prompt of so many tokens from nothing, logits of the last alone, in chunks. */
  static ModelWork prefill(ModelConfig config, MemoryEstimate memory, int tokens, int chunk) {
    int border = config.layers().lastIndexOf(LayerKind.FULL);
    double all = 0; // flops of every token
    double last = headFlops(config);
    for (int layer = 0; layer < config.layers().size(); layer++) {
      double products = layerFlops(config, layer);
      if (border < 0 || layer < border) {
        all += products * tokens;
        for (int t = 0; t < tokens; t++) {
          all += attentionFlops(config, layer, t + 1);
        }
      } else {
        last += products + attentionFlops(config, layer, tokens);
        if (layer == border) {
          all += 2.0 * 2 * config.kvWidth() * config.hiddenSize() * tokens;
        }
      }
    }
    double chunks = Math.ceil((double) tokens / chunk);
    return new ModelWork(memory.weights() * chunks, all + last);
  }

  private static double layerFlops(ModelConfig config, int layer) {
    return 2.0 * ModelTensors.of(config).parametersOfLayer(layer);
  }

  private static double headFlops(ModelConfig config) {
    return 2.0 * config.vocabSize() * config.hiddenSize();
  }

  /** Scores and weighted values of one query over the keys it sees. */
  private static double attentionFlops(ModelConfig config, int layer, int context) {
    int keys =
        switch (config.layers().get(layer)) {
          case SWA -> Math.min(context, config.slidingWindow());
          case FULL, CROSS -> context;
          case MAMBA, MAMBA_MEMORY, GMU -> 0;
        };
    int values = config.differentialAttention() ? 2 : 1; // a pair of heads shares two heads' values
    return 2.0 * config.heads() * config.headDim() * (1 + values) * keys;
  }

  /** Seconds that a device with these limits needs at least. */
  double floor(DeviceLimits limits) {
    double rate = limits.bf16Flops() > 0 ? limits.bf16Flops() : limits.f32Flops();
    return Math.max(bytes / limits.readBytes(), flops / rate);
  }
}
