package io.sambay4j.backend;

import java.util.List;

/** How one number is stored. Sums are accumulated in {@link #F32} whatever the storage. */
public enum DType {
  /** IEEE single precision. */
  F32(4, 1),
  /** IEEE half precision. */
  F16(2, 1),
  /** The upper half of an {@link #F32}: 8 exponent bits, 7 mantissa bits. */
  BF16(2, 1),
  /** Weights only: a group of 32 columns is an F16 scale times codes -127 to 127 of 8 bits. */
  INT8(34, DType.GROUP),
  /** Weights only: a group of 32 columns is an F16 scale times codes -8 to 7 of 4 bits. */
  INT4(18, DType.GROUP);

  /** Columns that share a scale in {@link #INT8} and {@link #INT4}. */
  public static final int GROUP = 32;

  private final int bytes;
  private final int numbers;

  DType(int bytes, int numbers) {
    this.bytes = bytes;
    this.numbers = numbers;
  }

  /** The types that tensors are kept in; weights may be quantised besides. */
  public static List<DType> ofTensors() {
    return List.of(F32, F16, BF16);
  }

  /** Whether it is {@link #INT8} or {@link #INT4}, which only weights are kept in. */
  public boolean isQuantized() {
    return numbers > 1;
  }

  /**
   * Bytes per element.
   *
   * @throws IllegalStateException for quantised types, whose elements have no bytes of their own
   */
  public int bytes() {
    if (isQuantized()) {
      throw new IllegalStateException(this + " has no whole bytes per element");
    }
    return bytes;
  }

  /** Bytes of so many elements, whole groups of quantised types. */
  public long bytes(long elements) {
    return Math.multiplyExact(elements / numbers, (long) bytes);
  }

  /** Bytes that the codes of so many elements of a quantised type take; the scales come on top. */
  public long codeBytes(long elements) {
    return switch (this) {
      case INT8 -> elements;
      case INT4 -> elements / 2;
      case F32, F16, BF16 -> throw new IllegalStateException(this + " has no codes");
    };
  }

  /** Bytes that the scales of so many elements of a quantised type take. */
  public static long scaleBytes(long elements) {
    return elements / GROUP * Short.BYTES;
  }
}
