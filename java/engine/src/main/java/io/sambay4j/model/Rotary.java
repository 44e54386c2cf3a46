package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;

/**
 * Tables of the rotary position embedding (Su et al. 2021): the angle of feature j at position p is
 * p / theta^(2j / headDim).
 *
 * @param cos [positions, headDim / 2] f32
 * @param sin the same
 */
record Rotary(Tensor cos, Tensor sin) {
  /** Tables for positions 0 to {@code positions - 1} over all features of a head. */
  static Rotary create(Backend backend, int positions, int headDim, double theta) {
    int half = headDim / 2;
    float[] cos = new float[positions * half];
    float[] sin = new float[positions * half];
    for (int j = 0; j < half; j++) {
      double frequency = Math.pow(theta, -2.0 * j / headDim);
      for (int p = 0; p < positions; p++) {
        cos[p * half + j] = (float) Math.cos(p * frequency);
        sin[p * half + j] = (float) Math.sin(p * frequency);
      }
    }
    Tensor cosTable = backend.allocate(DType.F32, positions, half);
    Tensor sinTable = backend.allocate(DType.F32, positions, half);
    backend.upload(cos, 0, cosTable);
    backend.upload(sin, 0, sinTable);
    return new Rotary(cosTable, sinTable);
  }
}
