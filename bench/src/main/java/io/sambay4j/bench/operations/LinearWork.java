package io.sambay4j.bench.operations;

import io.sambay4j.backend.DType;

/** The work of a matrix product. */
final class LinearWork {
  private LinearWork() {}

  /** The weight comes from memory; activations are small beside it and in a cache. */
  static Work of(int rows, int outputs, int inputs, DType weights, DType activations) {
    double flops = 2.0 * rows * outputs * inputs;
    boolean bf16 = weights == DType.BF16 && activations == DType.BF16;
    double bytes = weights.bytes((long) outputs * inputs);
    if (weights.isQuantized()) {
      return new Work(bytes, 0, 0, flops, 0);
    }
    return new Work(bytes, bf16 ? 0 : flops, bf16 ? flops : 0, 0);
  }
}
