package io.sambay4j.weights;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * How a file stores the elements of a tensor. The plain types are named as in the {@code dtype}
 * field of safetensors; the block types store a group of neighbours together.
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
  BOOL(1),
  /** 32 elements: an F16 scale and codes of 8 bits, in tensors of their own. */
  INT8(34, 32),
  /** 32 elements: an F16 scale and codes of 4 bits, in tensors of their own. */
  INT4(18, 32);

  private final int blockBytes;
  private final int blockElements;

  StorageType(int bytes) {
    this(bytes, 1);
  }

  StorageType(int blockBytes, int blockElements) {
    this.blockBytes = blockBytes;
    this.blockElements = blockElements;
  }

  /** The types of safetensors. */
  static List<StorageType> plain() {
    return Arrays.stream(values()).filter(type -> !type.isBlock()).toList();
  }

  /** Whether elements are stored in blocks, none of them by itself. */
  public boolean isBlock() {
    return blockElements > 1;
  }

  /** Elements that are stored together; 1 in plain types. */
  public int blockElements() {
    return blockElements;
  }

  /** Bytes of a block; of an element in plain types. */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * Bytes per element.
   *
   * @throws IllegalStateException for block types, where an element has no bytes of its own
   */
  public int bytes() {
    if (isBlock()) {
      throw new IllegalStateException(this + " stores blocks of " + blockElements + " elements");
    }
    return blockBytes;
  }

  /**
   * Bytes of so many elements: whole blocks.
   *
   * @throws ArithmeticException if they overflow 64 bits
   */
  public long bytes(long elements) {
    return Math.multiplyExact(elements / blockElements, (long) blockBytes);
  }

  /** Whether it is one of {@link #F32}, {@link #F16} and {@link #BF16}, or a block of numbers. */
  public boolean isWeightType() {
    return this == F32 || this == F16 || this == BF16 || isBlock();
  }

  /** The type in lower case, as tables print it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
