package io.sambay4j.backend;

/** How one number is stored. Sums are accumulated in {@link #F32} whatever the storage. */
public enum DType {
  /** IEEE single precision. */
  F32(4),
  /** IEEE half precision. */
  F16(2),
  /** The upper half of an {@link #F32}: 8 exponent bits, 7 mantissa bits. */
  BF16(2);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes per element. */
  public int bytes() {
    return bytes;
  }
}
