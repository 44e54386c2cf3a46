package io.sambay4j.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Blocks against a NumPy decoder written from the layouts alone: gguf/make_cases.py. */
final class BlockCodecTest {
  private static JsonNode cases(StorageType type) throws IOException {
    return new ObjectMapper()
        .readTree(TestFiles.gguf().resolve("blocks.json").toFile())
        .get(type.name());
  }

  private static float[] floats(JsonNode list) {
    float[] values = new float[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = list.get(i).floatValue();
    }
    return values;
  }

  private static ByteBuffer buffer(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q6_K"})
  void decodesWhatNumPyDecodes(StorageType type) throws IOException {
    byte[] bytes = HexFormat.of().parseHex(cases(type).get("bytes").textValue());
    float[] want = floats(cases(type).get("values"));
    float[] got = new float[want.length];
    BlockCodec.decode(type, bytes, got, 0, got.length);
    assertEquals(4 * type.blockElements(), want.length);
    for (int i = 0; i < want.length; i++) { // Q6_K's two factors may be multiplied either way
      assertEquals(want[i], got[i], Math.ulp(want[i]), type + " element " + i);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0"})
  void encodesWhatNumPyEncodes(StorageType type) throws IOException {
    float[] numbers = floats(cases(type).get("numbers"));
    ByteBuffer got = buffer(new byte[(int) type.bytes(numbers.length)]);
    BlockCodec.encode(type, numbers, 0, numbers.length, got);
    assertEquals(cases(type).get("encoded").textValue(), HexFormat.of().formatHex(got.array()));
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0"})
  void encodedIsWithinHalfAStepOfTheNumber(StorageType type) {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    float[] numbers = new float[32 * 50];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) (random.nextGaussian() * Math.pow(10, i / 32 % 5 - 2));
    }
    ByteBuffer bytes = buffer(new byte[(int) type.bytes(numbers.length)]);
    BlockCodec.encode(type, numbers, 0, numbers.length, bytes);
    float[] decoded = new float[numbers.length];
    BlockCodec.decode(type, bytes.array(), decoded, 0, decoded.length);
    for (int block = 0; block < numbers.length; block += 32) {
      float max = 0;
      for (int i = block; i < block + 32; i++) {
        max = Math.max(max, Math.abs(numbers[i]));
      }
      // Half a step; the scale is rounded to f16. Q4_0 reaches 7 steps up and 8 down.
      double step = type == StorageType.Q8_0 ? max / 127 : max / 8;
      double allowed = (type == StorageType.Q8_0 ? 0.5 : 1) * step + max / 1024;
      for (int i = block; i < block + 32; i++) {
        assertTrue(
            Math.abs(numbers[i] - decoded[i]) <= allowed,
            "seed %d, element %d: %s became %s".formatted(seed, i, numbers[i], decoded[i]));
      }
    }
  }

  /** Codes and scales as a device keeps them stand for the same numbers. */
  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0"})
  void takenApartTheyAreTheSameNumbers(StorageType type) throws IOException {
    byte[] bytes = HexFormat.of().parseHex(cases(type).get("encoded").textValue());
    float[] want = new float[128];
    BlockCodec.decode(type, bytes, want, 0, want.length);
    boolean wide = type == StorageType.Q8_0;
    byte[] codes = new byte[wide ? 128 : 64];
    byte[] scales = new byte[8];
    assertTrue(BlockCodec.split(type, bytes.length / type.blockBytes(), bytes, codes, scales));
    for (int i = 0; i < want.length; i++) {
      int both = codes[wide ? i : i / 2];
      int code = wide ? both : (both >> (i % 2 * 4) & 15) - 8;
      float scale = HalfPrecision.fromF16(buffer(scales).getShort(i / 32 * 2));
      assertEquals(want[i], code * scale, type + " element " + i);
    }
  }

  @Test
  void aCodeThatTheFormatHasNotIsNoticed() {
    byte[] block = new byte[StorageType.Q8_0.blockBytes()];
    block[20] = Byte.MIN_VALUE;
    assertFalse(BlockCodec.split(StorageType.Q8_0, 1, block, new byte[32], new byte[2]));
  }

  @Test
  void zerosStayZeros() {
    for (StorageType type : new StorageType[] {StorageType.Q8_0, StorageType.Q4_0}) {
      ByteBuffer bytes = buffer(new byte[type.blockBytes()]);
      BlockCodec.encode(type, new float[32], 0, 32, bytes);
      float[] decoded = new float[32];
      BlockCodec.decode(type, bytes.array(), decoded, 0, 32);
      assertArrayEquals(new float[32], decoded, 0f);
    }
  }

  @Test
  void anElementOfABlockHasNoBytes() {
    assertThrows(IllegalStateException.class, StorageType.Q4_0::bytes);
    assertEquals(36, StorageType.Q4_0.bytes(64));
    assertEquals(420, StorageType.Q6_K.bytes(512));
    assertThrows(ArithmeticException.class, () -> StorageType.Q8_0.bytes(Long.MAX_VALUE));
  }
}
