package io.sambay4j.weights;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * The block types of GGUF: groups of neighbouring elements of a row, quantised together. Layouts,
 * byte by byte, are those of {@code ggml-common.h}:
 *
 * <pre>
 * Q8_0   d f16, q[32] signed         x_j = d · q_j
 * Q4_0   d f16, n[16]                x_j = d · (low half of n_j − 8), x_{j+16} = d · (high half of n_j − 8)
 * Q6_K   l[128], h[64], s[16] signed, d f16
 *                                    x_j = d · s_{j/16} · (six bits of j − 32)
 * </pre>
 *
 * The six bits of a Q6_K element: in each half of 128 elements, element e = 32·k + i (k of 4, i of
 * 32) has its lower four in byte l[32·(k mod 2) + i], in the low half for k below 2, and its upper
 * two in byte h[i] at bit 2·k.
 */
final class BlockCodec {
  /** Blocks that one thread takes at a time. */
  private static final int PART = 1 << 12;

  private BlockCodec() {}

  /**
   * Decodes whole blocks.
   *
   * @param blocks from their start
   * @param count elements, a multiple of the type's block
   */
  static void decode(StorageType type, byte[] blocks, float[] into, int start, int count) {
    int bytes = type.blockBytes();
    int elements = type.blockElements();
    forEach(
        count / elements,
        b -> {
          switch (type) {
            case Q8_0 -> decodeQ8(blocks, b * bytes, into, start + b * elements);
            case Q4_0 -> decodeQ4(blocks, b * bytes, into, start + b * elements);
            case Q6_K -> decodeQ6(blocks, b * bytes, into, start + b * elements);
            default -> throw new IllegalArgumentException(type + " is not a type of GGUF blocks");
          }
        });
  }

  /** Does something with each of so many blocks, in parallel where they are many. */
  private static void forEach(int blocks, IntConsumer action) {
    IntStream.range(0, (blocks + PART - 1) / PART)
        .parallel()
        .forEach(
            part -> {
              int end = Math.min(blocks, (part + 1) * PART);
              for (int b = part * PART; b < end; b++) {
                action.accept(b);
              }
            });
  }

  private static void decodeQ8(byte[] from, int block, float[] into, int at) {
    float d = f16(from, block);
    for (int j = 0; j < 32; j++) {
      into[at + j] = d * from[block + 2 + j];
    }
  }

  private static void decodeQ4(byte[] from, int block, float[] into, int at) {
    float d = f16(from, block);
    for (int j = 0; j < 16; j++) {
      into[at + j] = d * ((from[block + 2 + j] & 0xF) - 8);
      into[at + 16 + j] = d * ((from[block + 2 + j] >> 4 & 0xF) - 8);
    }
  }

  private static void decodeQ6(byte[] from, int block, float[] into, int at) {
    float d = f16(from, block + 208);
    for (int half = 0; half < 2; half++) {
      for (int e = 0; e < 128; e++) {
        int k = e / 32;
        int i = e % 32;
        int low = from[block + 64 * half + 32 * (k % 2) + i] >> (k < 2 ? 0 : 4) & 0xF;
        int high = from[block + 128 + 32 * half + i] >> (2 * k) & 3;
        int scale = from[block + 192 + 8 * half + e / 16];
        into[at + 128 * half + e] = d * scale * ((low | high << 4) - 32);
      }
    }
  }

  private static float f16(byte[] from, int at) {
    return HalfPrecision.fromF16((short) ((from[at] & 0xFF) | (from[at + 1] << 8)));
  }

  /**
   * Takes blocks of Q8_0 or Q4_0 apart, for a device that keeps codes and scales by themselves.
   *
   * @param count blocks
   * @param blocks they, from the array's start
   * @param codes of each block 32 signed bytes, or 16 bytes with columns 2j and 2j + 1 as the low
   *     and the high half of one
   * @param scales of each block two bytes
   * @return false if a code is -128, which Q8_0 does not use
   */
  static boolean split(StorageType type, int count, byte[] blocks, byte[] codes, byte[] scales) {
    int bytes = type.blockBytes();
    AtomicBoolean valid = new AtomicBoolean(true);
    forEach(
        count,
        b -> {
          int block = b * bytes;
          scales[2 * b] = blocks[block];
          scales[2 * b + 1] = blocks[block + 1];
          boolean fits =
              type == StorageType.Q8_0
                  ? splitQ8(blocks, block + 2, codes, 32 * b)
                  : splitQ4(blocks, block + 2, codes, 16 * b);
          if (!fits) {
            valid.set(false);
          }
        });
    return valid.get();
  }

  private static boolean splitQ8(byte[] from, int at, byte[] codes, int to) {
    boolean fits = true;
    for (int j = 0; j < 32; j++) {
      codes[to + j] = from[at + j];
      fits &= from[at + j] != Byte.MIN_VALUE;
    }
    return fits;
  }

  /** Low halves are columns 0 to 15, high ones 16 to 31. */
  private static boolean splitQ4(byte[] from, int at, byte[] codes, int to) {
    for (int j = 0; j < 8; j++) {
      int even = from[at + 2 * j];
      int odd = from[at + 2 * j + 1];
      codes[to + j] = (byte) ((even & 15) | (odd & 15) << 4);
      codes[to + 8 + j] = (byte) ((even >> 4 & 15) | (odd & 0xF0));
    }
    return true;
  }

  /**
   * Quantises whole blocks as the format's own tools do.
   *
   * @param type {@link StorageType#Q8_0} or {@link StorageType#Q4_0}
   * @param count elements, a multiple of the type's block
   * @param blocks little endian, written from its position
   */
  static void encode(StorageType type, float[] from, int start, int count, ByteBuffer blocks) {
    for (int at = start; at < start + count; at += type.blockElements()) {
      switch (type) {
        case Q8_0 -> encodeQ8(from, at, blocks);
        case Q4_0 -> encodeQ4(from, at, blocks);
        default -> throw new IllegalArgumentException(type + " is not written");
      }
    }
  }

  /** The largest magnitude becomes 127. */
  private static void encodeQ8(float[] from, int at, ByteBuffer blocks) {
    float max = 0;
    for (int j = 0; j < 32; j++) {
      max = Math.max(max, Math.abs(from[at + j]));
    }
    float d = max / 127;
    float inverse = d == 0 ? 0 : 1 / d;
    blocks.putShort(HalfPrecision.toF16(d));
    for (int j = 0; j < 32; j++) {
      int magnitude = Math.round(Math.abs(from[at + j] * inverse)); // halves away from 0
      blocks.put((byte) (from[at + j] < 0 ? -magnitude : magnitude));
    }
  }

  /** The number of largest magnitude, whatever its sign, becomes -8. */
  private static void encodeQ4(float[] from, int at, ByteBuffer blocks) {
    float extreme = 0;
    for (int j = 0; j < 32; j++) {
      if (Math.abs(from[at + j]) > Math.abs(extreme)) {
        extreme = from[at + j];
      }
    }
    float d = extreme / -8;
    float inverse = d == 0 ? 0 : 1 / d;
    blocks.putShort(HalfPrecision.toF16(d));
    for (int j = 0; j < 16; j++) {
      int low = Math.min(15, (int) (from[at + j] * inverse + 8.5f));
      int high = Math.min(15, (int) (from[at + 16 + j] * inverse + 8.5f));
      blocks.put((byte) (low | high << 4));
    }
  }
}
