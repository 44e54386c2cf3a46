package io.sambay4j.bench;

import io.sambay4j.model.ModelTensors;
import io.sambay4j.weights.HalfPrecision;
import io.sambay4j.weights.StorageType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Random values of a tensor, scaled as at the start of training so that activations and logits stay
 * finite.
 *
 * <p>Element by element a function of seed, tensor and position alone: any part can be made in any
 * order on any number of threads and comes out the same. Normal values are drawn from a table of
 * 65,536, one 64-bit hash for four of them.
 */
final class RandomWeights {
  private static final int TABLE_SIZE = 1 << 16;
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private final ModelTensors.Expected tensor;
  private final StorageType type;
  private final long key;
  private final ByteBuffer
      table; // encoded values, one per 16-bit draw; empty where the value is fixed by position

  RandomWeights(ModelTensors.Expected tensor, StorageType type, long seed) {
    this.tensor = tensor;
    this.type = type;
    this.key = mix(seed ^ mix(tensor.name().hashCode()));
    this.table = table(tensor, type);
  }

  /** Fills a buffer with the encoded elements from {@code firstElement} on, in parallel. */
  void fill(ByteBuffer buffer, long firstElement) {
    int elements = buffer.remaining() / type.bytes();
    int start = buffer.position();
    int block = 1 << 16; // a multiple of the four elements of a hash
    IntStream.range(0, (elements + block - 1) / block)
        .parallel()
        .forEach(
            b -> {
              int from = b * block;
              int count = Math.min(block, elements - from);
              ByteBuffer part =
                  buffer
                      .duplicate()
                      .order(ByteOrder.LITTLE_ENDIAN)
                      .position(start + from * type.bytes());
              fillBlock(part, firstElement + from, count);
            });
  }

  private void fillBlock(ByteBuffer out, long first, int count) {
    if (table.capacity() == 0) {
      int columns = (int) tensor.shape()[tensor.shape().length - 1];
      for (int i = 0; i < count; i++) { // A_log: log of 1, 2, … along each row
        encode(out, (float) Math.log(1.0 + (first + i) % columns));
      }
      return;
    }
    long hash = 0;
    for (int i = 0; i < count; i++) {
      long element = first + i;
      if (i == 0 || (element & 3) == 0) {
        hash = mix(key + (element >> 2) * GOLDEN_GAMMA);
      }
      int draw = (int) (hash >>> ((element & 3) * 16)) & (TABLE_SIZE - 1);
      if (type == StorageType.F32) {
        out.putInt(table.getInt(draw * 4));
      } else {
        out.putShort(table.getShort(draw * 2));
      }
    }
  }

  private ByteBuffer table(ModelTensors.Expected tensor, StorageType type) {
    if (tensor.name().endsWith("A_log")) {
      return ByteBuffer.allocate(0);
    }
    ByteBuffer values =
        ByteBuffer.allocate(TABLE_SIZE * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    Random random = new Random(1); // its algorithm is fixed by its specification
    for (int i = 0; i < TABLE_SIZE; i++) {
      encode(values, value(tensor, random));
    }
    return values;
  }

  /** One draw of the distribution that a tensor of this name has at the start of training. */
  private static float value(ModelTensors.Expected tensor, Random random) {
    String name = tensor.name();
    long[] shape = tensor.shape();
    if (name.endsWith(".D")
        || name.endsWith("norm.weight")
        || name.endsWith("norm_f.weight")
        || name.endsWith("subln.weight")) {
      return 1;
    }
    if (name.endsWith("norm.bias")) {
      return 0;
    }
    if (name.endsWith(
        "dt_proj.bias")) { // softplus of it is log-uniform in 0.001..0.1 (Gu and Dao 2023, section
      // 3.6)
      double dt = Math.exp(Math.log(0.001) + random.nextDouble() * Math.log(100));
      return (float) (dt + Math.log(-Math.expm1(-dt)));
    }
    if (name.endsWith("conv1d.weight")
        || name.endsWith("dt_proj.weight")) { // uniform within 1 / sqrt(inputs)
      return (float) ((2 * random.nextDouble() - 1) / Math.sqrt((double) shape[shape.length - 1]));
    }
    double deviation = name.contains("lambda_") ? 0.1 : 0.02;
    return (float) (deviation * random.nextGaussian());
  }

  private void encode(ByteBuffer out, float value) {
    switch (type) {
      case BF16 -> out.putShort(HalfPrecision.toBf16(value));
      case F16 -> out.putShort(HalfPrecision.toF16(value));
      default -> out.putFloat(value);
    }
  }

  /** The finaliser of SplitMix64 (Steele et al. 2014): every input bit reaches every output bit. */
  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
