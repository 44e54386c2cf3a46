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
  /** Positions computed at a time, so that a long context needs no long array. */
  private static final int ROWS = 4096;

  /** Tables for positions 0 to {@code positions - 1} over all features of a head. */
  static Rotary create(Backend backend, int positions, int headDim, double theta) {
    int half = headDim / 2;
    Tensor cosTable = backend.allocate(DType.F32, positions, half);
    Tensor sinTable = backend.allocate(DType.F32, positions, half);
    float[] cos = new float[Math.min(ROWS, positions) * half];
    float[] sin = new float[cos.length];
    for (int first = 0; first < positions; first += ROWS) {
      int rows = Math.min(ROWS, positions - first);
      for (int j = 0; j < half; j++) {
        double frequency = Math.pow(theta, -2.0 * j / headDim);
        for (int r = 0; r < rows; r++) {
          cos[r * half + j] = (float) Math.cos((first + r) * frequency);
          sin[r * half + j] = (float) Math.sin((first + r) * frequency);
        }
      }
      backend.upload(cos, 0, cosTable.rows(first, first + rows));
      backend.upload(sin, 0, sinTable.rows(first, first + rows));
    }
    return new Rotary(cosTable, sinTable);
  }
}
