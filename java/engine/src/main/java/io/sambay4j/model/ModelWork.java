package io.sambay4j.model;

import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.model.ModelTensors.Expected;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.StorageType;
import java.util.function.Function;

/**
 * What steps of a model cannot avoid: the bytes they read, and the multiplications and additions of
 * its equations. Divided by what a device reaches at best they are the floor under a step's time.
 */
public final class ModelWork {
  private final ModelConfig config;
  private final LoadOptions options;
  private final MemoryEstimate memory;
  private final Products[] layers;
  private final Products head;

  /**
   * Of a model as it is loaded.
   *
   * @throws io.sambay4j.InvalidModelException if the checkpoint does not hold what the
   *     configuration needs
   */
  public static ModelWork of(ModelConfig config, LoadOptions options, Checkpoint checkpoint) {
    ModelTensors.of(config).verify(checkpoint);
    return new ModelWork(config, options, name -> checkpoint.tensor(name).type());
  }

  /**
   * Of a model as it is loaded.
   *
   * @param stored storage of a matrix, by name
   */
  public ModelWork(ModelConfig config, LoadOptions options, Function<String, StorageType> stored) {
    this.config = config;
    this.options = options;
    this.memory = MemoryEstimate.of(config, options, stored);
    layers = new Products[config.layers().size()];
    for (int layer = 0; layer < layers.length; layer++) {
      layers[layer] = products(stored, ".layers." + layer + ".");
    }
    // A tied table is the head's matrix too.
    Expected table =
        ModelTensors.of(config).tensors().stream()
            .filter(t -> t.part() == ModelPart.HEAD || t.part() == ModelPart.EMBEDDING)
            .reduce((first, second) -> second.part() == ModelPart.HEAD ? second : first)
            .orElseThrow();
    double headFlops = 2.0 * config.vocabSize() * config.hiddenSize();
    head = isQuantized(stored, table) ? new Products(headFlops, 0) : new Products(0, headFlops);
  }

  /** The bytes such a model takes. */
  public MemoryEstimate memory() {
    return memory;
  }

  /**
   * Multiplications and additions, of products of quantised weights and of all else.
   *
   * @param quantized of 8-bit integers
   * @param other of products of f32, f16 and bf16, and of attention
   */
  private record Products(double quantized, double other) {
    Products plus(Products more) {
      return new Products(quantized + more.quantized, other + more.other);
    }

    Products plusOther(double flops) {
      return new Products(quantized, other + flops);
    }

    Products times(double n) {
      return new Products(n * quantized, n * other);
    }
  }

  /**
   * Of one step, or of several.
   *
   * @param bytes weights, states, keys and values, as often as they have to be read
   * @param quantizedFlops multiplications and additions of products of quantised weights
   * @param otherFlops those of all other products and of attention
   */
  public record Step(double bytes, double quantizedFlops, double otherFlops) {
    /** Seconds that a device with these limits needs at least. */
    public double floor(DeviceLimits limits) {
      double rate = limits.bf16Flops() > 0 ? limits.bf16Flops() : limits.f32Flops();
      double integers = limits.int8Ops() > 0 ? limits.int8Ops() : rate;
      return Math.max(bytes / limits.readBytes(), quantizedFlops / integers + otherFlops / rate);
    }
  }

  /**
   * A decode step of so many sequences, each with so many tokens behind it. Every layer that
   * attends reads all keys and values it sees, also those it shares with others: weights pass
   * between the two readings, more than caches hold.
   */
  public Step decode(int batch, int context) {
    Products all = head;
    double bytes = 0;
    for (int layer = 0; layer < layers.length; layer++) {
      all = all.plus(layers[layer]).plusOther(attentionFlops(layer, context));
      if (config.layers().get(layer) != LayerKind.SWA) { // whose window is part of the slot
        bytes += 2.0 * keys(layer, context) * config.kvWidth() * options.activations().bytes();
      }
    }
    all = all.times(batch);
    return new Step(memory.weights() + batch * (memory.slot() + bytes), all.quantized, all.other);
  }

  /**
   * Prompts, logits of the last token alone, in chunks: only the last token goes above the border
   * of the two decoders.
   *
   * @param depth tokens before each prompt
   * @param chunk tokens of each prompt in one step
   */
  public Step prompt(int batch, int depth, int tokens, int chunk) {
    int border = config.layers().lastIndexOf(LayerKind.FULL);
    Products all = head; // of one prompt
    for (int layer = 0; layer < layers.length; layer++) {
      if (border < 0 || layer < border) {
        all = all.plus(layers[layer].times(tokens));
        for (int t = 0; t < tokens; t++) {
          all = all.plusOther(attentionFlops(layer, depth + t + 1));
        }
      } else {
        all = all.plus(layers[layer]).plusOther(attentionFlops(layer, depth + tokens));
        if (layer == border) {
          double keysAndValues = 2.0 * 2 * config.kvWidth() * config.hiddenSize() * tokens;
          boolean quantized = layers[layer].quantized > 0;
          all =
              all.plus(new Products(quantized ? keysAndValues : 0, quantized ? 0 : keysAndValues));
        }
      }
    }
    all = all.times(batch);
    double steps = Math.ceil((double) tokens / chunk);
    return new Step(memory.weights() * steps, all.quantized, all.other);
  }

  private Products products(Function<String, StorageType> stored, String infix) {
    Products sum = new Products(0, 0);
    for (Expected tensor : ModelTensors.of(config).tensors()) {
      if (tensor.name().contains(infix)) {
        double flops = 2.0 * tensor.elements();
        sum = isQuantized(stored, tensor) ? sum.plus(new Products(flops, 0)) : sum.plusOther(flops);
      }
    }
    return sum;
  }

  private boolean isQuantized(Function<String, StorageType> stored, Expected tensor) {
    return tensor.isMatrix() && options.kept(tensor, stored.apply(tensor.name())).isQuantized();
  }

  /** Keys that one query of a layer sees after so many tokens. */
  private int keys(int layer, int context) {
    return switch (config.layers().get(layer)) {
      case SWA -> Math.min(context, config.slidingWindow());
      case FULL, CROSS -> context;
      case MAMBA, MAMBA_MEMORY, GMU -> 0;
    };
  }

  /** Scores and weighted values of one query over the keys it sees. */
  private double attentionFlops(int layer, int context) {
    int values = config.differentialAttention() ? 2 : 1; // a pair of heads shares two heads' values
    return 2.0 * config.heads() * config.headDim() * (1 + values) * keys(layer, context);
  }
}
