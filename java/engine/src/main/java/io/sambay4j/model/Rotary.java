package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import io.sambay4j.model.RopeConfig.Factors;
import io.sambay4j.model.RopeConfig.LongRope;
import java.util.Collections;
import java.util.List;

/**
 * Tables of a {@link RopeConfig}. The rows of the long factors follow those of the short ones, so
 * that sequences of both kinds turn in one call: each looks up its own rows.
 *
 * @param cos [rows, rotated / 2] f32
 * @param sin the same
 * @param longStart row of position 0 under the long factors
 */
record Rotary(Tensor cos, Tensor sin, int longStart) {
  /** Positions computed at a time, so that a long context needs no long array. */
  private static final int ROWS = 4096;

  /** Tables for sequences of up to {@code positions} tokens. */
  static Rotary create(Backend backend, RopeConfig rope, int positions) {
    int half = rope.rotated() / 2;
    int rows = rows(rope, positions);
    Tensor cos = backend.allocate(DType.F32, rows, half);
    Tensor sin = backend.allocate(DType.F32, rows, half);
    LongRope longRope = rope.longRope();
    int shortRows = shortRows(rope, positions);
    if (longRope == null) {
      fill(backend, cos, sin, rope, Collections.nCopies(half, 1.0), 1);
    } else {
      double scale = longRope.scale();
      Tensor shortCos = cos.rows(0, shortRows);
      fill(backend, shortCos, sin.rows(0, shortRows), rope, longRope.shortFactors(), scale);
      if (rows > shortRows) {
        Tensor longCos = cos.rows(shortRows, rows);
        fill(backend, longCos, sin.rows(shortRows, rows), rope, longRope.longFactors(), scale);
      }
    }
    return new Rotary(cos, sin, shortRows);
  }

  /** Rows of the tables together. */
  static int rows(RopeConfig rope, int positions) {
    int shortRows = shortRows(rope, positions);
    return shortRows < positions ? shortRows + positions : positions;
  }

  private static int shortRows(RopeConfig rope, int positions) {
    LongRope longRope = rope.longRope();
    return longRope == null ? positions : Math.min(positions, longRope.originalPositions());
  }

  /** Row of a sequence's position. */
  int row(int position, Factors factors) {
    return factors == Factors.LONG ? longStart + position : position;
  }

  private static void fill(
      Backend backend,
      Tensor cosTable,
      Tensor sinTable,
      RopeConfig rope,
      List<Double> factors,
      double scale) {
    int positions = cosTable.rows();
    int half = rope.rotated() / 2;
    float[] cos = new float[Math.min(ROWS, positions) * half];
    float[] sin = new float[cos.length];
    for (int first = 0; first < positions; first += ROWS) {
      int rows = Math.min(ROWS, positions - first);
      for (int j = 0; j < half; j++) {
        double frequency = Math.pow(rope.theta(), -2.0 * j / rope.rotated()) / factors.get(j);
        for (int r = 0; r < rows; r++) {
          cos[r * half + j] = (float) (scale * Math.cos((first + r) * frequency));
          sin[r * half + j] = (float) (scale * Math.sin((first + r) * frequency));
        }
      }
      backend.upload(cos, 0, cosTable.rows(first, first + rows));
      backend.upload(sin, 0, sinTable.rows(first, first + rows));
    }
  }
}
