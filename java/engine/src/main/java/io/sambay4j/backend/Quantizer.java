package io.sambay4j.backend;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.stream.IntStream;

/**
 * Rounds weights to codes and scales, {@link DType#INT8} or {@link DType#INT4}, by the rule of
 * {@code docs/quantization.md}: the same bits on every machine and with every backend.
 */
public final class Quantizer {
  private static final int ROWS_AT_ONCE = 16;

  private Quantizer() {}

  /** Rows of codes and scales, as {@link Weight#setQuantizedRows} takes them. */
  public record Rows(ByteBuffer codes, ByteBuffer scales) {
    /** Direct memory for so many rows. */
    public static Rows allocate(DType dtype, int rows, int cols) {
      long elements = (long) rows * cols;
      return new Rows(direct(dtype.codeBytes(elements)), direct(DType.scaleBytes(elements)));
    }

    private static ByteBuffer direct(long bytes) {
      return ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    }
  }

  /**
   * Quantises rows of numbers on all cores.
   *
   * @param from {@code n * cols} numbers, little endian, row-major, from position to limit; not
   *     moved; direct memory
   * @param fromDtype how they are stored
   * @param cols a multiple of 32
   * @param dtype of the codes
   * @param to filled from its start; from {@link Rows#allocate}
   * @throws IllegalArgumentException naming row and column of a number that is not finite or too
   *     large for an F16 scale
   */
  public static void quantize(ByteBuffer from, DType fromDtype, int cols, DType dtype, Rows to) {
    int n = Checks.quantize(from, fromDtype, cols, dtype, to);
    boolean isNative = NativeLibrary.isAvailable();
    int rowBytes = cols * fromDtype.bytes();
    int codeBytes = (int) dtype.codeBytes(cols);
    int scaleBytes = (int) DType.scaleBytes(cols);
    IntStream.range(0, (n + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE)
        .parallel()
        .forEach(
            task -> {
              int row = task * ROWS_AT_ONCE;
              int rows = Math.min(ROWS_AT_ONCE, n - row);
              ByteBuffer numbers = from.slice(from.position() + row * rowBytes, rows * rowBytes);
              Rows part =
                  new Rows(
                      to.codes.slice(row * codeBytes, rows * codeBytes),
                      to.scales.slice(row * scaleBytes, rows * scaleBytes));
              if (isNative) {
                NativeQuantizer.quantize(numbers, fromDtype, rows, cols, row, dtype, part);
              } else {
                ReferenceQuantizer.quantize(numbers, fromDtype, rows, cols, row, dtype, part);
              }
            });
  }
}
