package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import io.sambay4j.backend.Weight;
import io.sambay4j.weights.HalfPrecision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;

/** Operands filled with numbers between -1 and 1, the same in every run. */
final class Operands {
  private static final int BLOCK = 1 << 20;
  private static final long SEED = 1;

  private Operands() {}

  /** [rows, cols]. */
  static Tensor tensor(Backend backend, DType dtype, int rows, int cols) {
    Tensor tensor = backend.allocate(dtype, rows, cols);
    int rowsPerBlock = Math.max(1, BLOCK / cols);
    float[] block = random(Math.min(rows, rowsPerBlock) * cols);
    for (int row = 0; row < rows; row += rowsPerBlock) {
      backend.upload(block, 0, tensor.rows(row, Math.min(rows, row + rowsPerBlock)));
    }
    return tensor;
  }

  /** [1, cols] f32. */
  static Tensor vector(Backend backend, int cols) {
    return tensor(backend, DType.F32, 1, cols);
  }

  /** [rows, cols] = [outputs, inputs]. */
  static Weight weight(Backend backend, DType dtype, int rows, int cols) {
    Weight weight = backend.weight(rows, cols, dtype);
    int rowsPerBlock = Math.min(rows, Math.max(1, BLOCK / cols));
    ByteBuffer block =
        ByteBuffer.allocateDirect(rowsPerBlock * cols * DType.BF16.bytes())
            .order(ByteOrder.LITTLE_ENDIAN);
    for (float value : random(rowsPerBlock * cols)) {
      block.putShort(HalfPrecision.toBf16(value));
    }
    block.flip();
    for (int row = 0; row < rows; row += rowsPerBlock) {
      int count = Math.min(rowsPerBlock, rows - row);
      weight.setRows(row, block.limit(count * cols * DType.BF16.bytes()), DType.BF16);
    }
    return weight;
  }

  /** One sequence: {@code rows} tokens that stand at {@code position}, state in {@code slot}. */
  static Batch sequence(int rows, int position, int slot) {
    return new Batch(new int[] {0, rows}, new int[] {slot}, new int[] {position});
  }

  static float[] random(int count) {
    SplittableRandom random = new SplittableRandom(SEED);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextDouble(-1, 1);
    }
    return values;
  }
}
