package io.sambay4j.weights;

import java.util.Locale;

/**
 * How a safetensors file stores one element; the names are those of the format's {@code dtype}
 * field.
 */
public enum StorageType {
  F64(8),
  F32(4),
  F16(2),
  BF16(2),
  F8_E4M3(1),
  F8_E5M2(1),
  I64(8),
  I32(4),
  I16(2),
  I8(1),
  U64(8),
  U32(4),
  U16(2),
  U8(1),
  BOOL(1);

  private final int bytes;

  StorageType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes per element. */
  public int bytes() {
    return bytes;
  }

  /** Whether weights may be stored so: {@link #F32}, {@link #F16} or {@link #BF16}. */
  public boolean isWeightType() {
    return this == F32 || this == F16 || this == BF16;
  }

  /** The type in lower case, as tables print it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
