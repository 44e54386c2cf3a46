package io.sambay4j.weights;

import static io.sambay4j.weights.TestFiles.assertRefused;
import static io.sambay4j.weights.TestFiles.safeTensors;
import static io.sambay4j.weights.TestFiles.safeTensorsBytes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafeTensorsTest {
  private static final String A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
  private static final String B = "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}";

  @TempDir Path dir;

  // What a file says is what is read.

  @Test
  void readsTensorsAndMetadata() {
    Path file =
        safeTensors(
            dir.resolve("x.safetensors"),
            "{\"__metadata__\":{\"k\":\"v\"}," + B + "," + A + "}  ",
            12);
    try (SafeTensors open = SafeTensors.open(file)) {
      assertEquals(Map.of("k", "v"), open.metadata());
      assertEquals(
          List.of("a", "b"), List.copyOf(open.tensors().keySet()), "in the order of the data");
      TensorInfo a = open.tensor("a");
      assertEquals(8, a.bytes());
      assertEquals(2, a.elements());
      assertArrayEquals(new float[2], open.readFloats(a));
    }
  }

  @Test
  void readsPartsInAnyPosition() {
    float[] values = new float[300_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = i - 150_000;
    }
    Path file = dir.resolve("x.safetensors");
    var declarations =
        List.of(
            new SafeTensorsWriter.Declaration("f32", StorageType.F32, 3, 100_000),
            new SafeTensorsWriter.Declaration("bf16", StorageType.BF16, 300_000),
            new SafeTensorsWriter.Declaration("f16", StorageType.F16, 300_000),
            new SafeTensorsWriter.Declaration("ids", StorageType.I64, 2),
            new SafeTensorsWriter.Declaration("scalar", StorageType.F32));
    try (SafeTensorsWriter writer = SafeTensorsWriter.create(file, declarations, Map.of())) {
      writer.writeFloats("f32", values);
      writer.writeFloats("bf16", values);
      writer.writeFloats("f16", values);
      writer.writeLongs("ids", new long[] {Long.MAX_VALUE, -1});
      writer.writeFloats("scalar", new float[] {3});
      writer.commit();
    }
    try (SafeTensors open = SafeTensors.open(file)) {
      TensorInfo f32 = open.tensor("f32");
      assertArrayEquals(new long[] {3, 100_000}, f32.shape());
      assertArrayEquals(values, open.readFloats(f32));
      float[] part = new float[5];
      open.readFloats(f32, 299_997, part, 1, 3);
      assertArrayEquals(new float[] {0, 149_997, 149_998, 149_999, 0}, part);
      float[] bf16 = open.readFloats(open.tensor("bf16"));
      float[] f16 = open.readFloats(open.tensor("f16"));
      for (int i = 0; i < values.length; i++) {
        assertEquals(HalfPrecision.fromBf16(HalfPrecision.toBf16(values[i])), bf16[i]);
        assertEquals(HalfPrecision.fromF16(HalfPrecision.toF16(values[i])), f16[i]);
      }
      assertArrayEquals(new long[] {Long.MAX_VALUE, -1}, open.readLongs(open.tensor("ids")));
      assertArrayEquals(new float[] {3}, open.readFloats(open.tensor("scalar")));
      assertArrayEquals(new long[0], open.tensor("scalar").shape());

      ByteBuffer bytes = ByteBuffer.allocate(12).position(2).limit(10);
      open.read(f32, 4, bytes);
      assertEquals(10, bytes.position());
      assertEquals(10, bytes.limit());
    }
  }

  @Test
  void readsFromManyThreads() throws Exception {
    Path file = TestFiles.golden("flash-tiny-f32").resolve("model.safetensors");
    ExecutorService pool = Executors.newFixedThreadPool(4);
    try (SafeTensors open = SafeTensors.open(file)) {
      TensorInfo tensor = open.tensor("model.embed_tokens.weight");
      float[] expected = open.readFloats(tensor);
      List<Future<float[]>> results =
          pool.invokeAll(Collections.nCopies(32, () -> open.readFloats(tensor)));
      for (Future<float[]> result : results) {
        assertArrayEquals(expected, result.get());
      }
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void readsBeyondTwoGigabytes() throws Exception {
    // Sparse: only the header and the last value take room on the disk.
    long elements = 3L << 28;
    String header =
        "{\"big\":{\"dtype\":\"F32\",\"shape\":[3,268435456],\"data_offsets\":[0,"
            + elements * 4
            + "]}}";
    byte[] head = safeTensorsBytes(header.length(), header.getBytes(StandardCharsets.UTF_8), 0);
    Path file = dir.resolve("big.safetensors");
    try (RandomAccessFile raf = new RandomAccessFile(file.toFile(), "rw")) {
      raf.write(head);
      raf.setLength(head.length + elements * 4);
      raf.seek(head.length + elements * 4 - 4);
      raf.writeInt(Integer.reverseBytes(Float.floatToIntBits(7)));
    }
    try (SafeTensors open = SafeTensors.open(file)) {
      float[] last = new float[2];
      open.readFloats(open.tensor("big"), elements - 2, last, 0, 2);
      assertArrayEquals(new float[] {0, 7}, last);
      assertThrows(IllegalArgumentException.class, () -> open.readFloats(open.tensor("big")));
    }
  }

  // A caller's mistakes.

  @Test
  void readAfterCloseIsIllegalState() {
    Path file = safeTensors(dir.resolve("x.safetensors"), "{" + A + "}", 8);
    SafeTensors open = SafeTensors.open(file);
    TensorInfo a = open.tensor("a");
    open.close();
    open.close();
    assertThrows(IllegalStateException.class, () -> open.readFloats(a));
  }

  @Test
  void readOutsideTheTensorIsRefused() {
    Path file = safeTensors(dir.resolve("x.safetensors"), "{" + A + "," + B + "}", 12);
    try (SafeTensors open = SafeTensors.open(file)) {
      TensorInfo a = open.tensor("a");
      ByteBuffer two = ByteBuffer.allocate(2);
      assertThrows(IllegalArgumentException.class, () -> open.read(a, 7, two));
      assertThrows(IllegalArgumentException.class, () -> open.read(a, -1, two));
      assertThrows(IllegalArgumentException.class, () -> open.read(a, Long.MAX_VALUE, two));
      assertThrows(IllegalArgumentException.class, () -> open.readFloats(a, 1, new float[2], 0, 2));
      assertThrows(IllegalArgumentException.class, () -> open.readLongs(a));
      TensorInfo forged = new TensorInfo("a", StorageType.F32, new long[] {2}, 0, 8);
      assertThrows(IllegalArgumentException.class, () -> open.readFloats(forged));
    }
  }

  // Hostile headers; each is refused by its own sentence.

  @ParameterizedTest
  @ValueSource(
      longs = {0, 1, 3, 100, 100_000_001, Integer.MAX_VALUE, Long.MAX_VALUE, -1, Long.MIN_VALUE})
  void headerLengthMustFitTheFile(long length) {
    Path file =
        TestFiles.write(dir.resolve("x"), safeTensorsBytes(length, new byte[] {'{', '}'}, 0));
    assertRefused(
        () -> SafeTensors.open(file),
        file.toString(),
        "header length is " + Long.toUnsignedString(length));
  }

  @Test
  void headerOfMoreThanHundredMegabytesIsRefusedUnread() throws Exception {
    Path file = dir.resolve("x");
    try (RandomAccessFile raf = new RandomAccessFile(file.toFile(), "rw")) {
      raf.writeLong(Long.reverseBytes(SafeTensors.MAX_HEADER_BYTES + 1));
      raf.setLength(SafeTensors.MAX_HEADER_BYTES + 100L);
    }
    assertRefused(() -> SafeTensors.open(file), "header length is 100000001");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7, 8, 9})
  void fileTooShortForAHeader(int bytes) {
    Path file = TestFiles.write(dir.resolve("x"), new byte[bytes]);
    assertRefused(() -> SafeTensors.open(file), bytes + " bytes long, too short");
  }

  @ParameterizedTest
  @ValueSource(strings = {" {}", "[]", "\"a\"", "\n{}", "\uFEFF{}"})
  void headerMustStartWithABrace(String header) {
    assertRefused(() -> open(header, 0), "expected '{'");
  }

  @Test
  void headerMustBeUtf8() {
    byte[] invalid = {'{', '"', (byte) 0xC3, '(', '"', ':', '1', '}'};
    byte[] overlong = {'{', '"', (byte) 0xC0, (byte) 0xAF, '"', ':', '1', '}'};
    byte[] surrogate = {'{', '"', (byte) 0xED, (byte) 0xA0, (byte) 0x80, '"', ':', '1', '}'};
    for (byte[] header : List.of(invalid, overlong, surrogate)) {
      Path file = safeTensors(dir.resolve("x"), header, 0);
      assertRefused(() -> SafeTensors.open(file), "not valid UTF-8");
    }
    Path utf16 = safeTensors(dir.resolve("x"), "{}".getBytes(StandardCharsets.UTF_16LE), 0);
    assertRefused(() -> SafeTensors.open(utf16), "not acceptable JSON");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"a\"",
        "{\"a\":}",
        "{,}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,0]",
        "{}x",
        "{'a':{}}",
        "{\"a\":{\"dtype\":\"F32\",}}",
        "{\u0000}",
        "{/**/}"
      })
  void headerMustBeJson(String header) {
    assertRefused(() -> open(header, 0), "header: not acceptable JSON");
  }

  @Test
  void headerWithASecondValue() {
    assertRefused(() -> open("{} {}", 0), "header has more than one JSON value");
  }

  @Test
  void headerNestedVeryDeeply() {
    assertRefused(() -> open("{\"a\":" + "[".repeat(1_000_000), 0), "tensor 'a'");
    assertRefused(() -> open("{\"a\":{\"shape\":" + "[".repeat(1_000_000), 0), "tensor 'a' shape");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{" + A + "," + A + "}",
        "{\"__metadata__\":{},\"__metadata__\":{}}",
        "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}",
        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"
      })
  void duplicateKeys(String header) {
    assertRefused(() -> open(header, 8), "Duplicate");
  }

  @ParameterizedTest
  @ValueSource(strings = {"F31", "f32", "", "FLOAT", "BF16 ", "I128"})
  void unknownDtype(String dtype) {
    assertRefused(
        () -> open(tensor(dtype, "[2]", "[0,8]"), 8),
        "tensor 'a': dtype is '" + dtype + "'",
        "F32",
        "BF16");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[9223372036854775807,2]",
        "[4294967296,4294967296]",
        "[4611686018427387904,1]",
        "[2147483648,2147483648,2]"
      })
  void shapeProductOverflows(String shape) {
    assertRefused(() -> open(tensor("F32", shape, "[0,8]"), 8), "overflows 64 bits");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[-2]", "[-1,-2]", "[0]", "[2,0]", "[0,9223372036854775807]"})
  void emptyAndNegativeExtents(String shape) {
    assertRefused(
        () -> open(tensor("F32", shape, "[0,8]"), 8), "tensor 'a': shape is", "at least 1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[9223372036854775808]",
        "[1e3]",
        "[2.0]",
        "[\"2\"]",
        "[null]",
        "[true]",
        "2",
        "{}",
        "[[2]]",
        "[NaN]"
      })
  void shapeMustBeAListOfIntegers(String shape) {
    assertRefused(() -> open(tensor("F32", shape, "[0,8]"), 8), "tensor 'a' shape");
  }

  @Test
  void tooManyDimensions() {
    assertRefused(
        () -> open(tensor("F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8), "more than 8 entries");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {"F32;[3];12", "F32;[1];4", "BF16;[2];4", "F64;[2];16", "U8;[7];7"})
  void shapeTimesDtypeMustEqualTheByteRange(String dtype, String shape, int takes) {
    assertRefused(
        () -> open(tensor(dtype, shape, "[0,8]"), 8), "takes " + takes + " bytes", "hold 8");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[-8,0]",
        "[8,0]",
        "[0,16]",
        "[0,9223372036854775807]",
        "[-9223372036854775808,9223372036854775807]",
        "[0]",
        "[]"
      })
  void offsetsNegativeReversedOrPastTheEnd(String offsets) {
    assertRefused(
        () -> open(tensor("F32", "[2]", offsets), 8),
        "tensor 'a': data_offsets are " + offsets.replace(",", ", "));
  }

  @Test
  void offsetsOverlap() {
    String overlapping = "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}";
    assertRefused(
        () -> open("{" + A + "," + overlapping + "}", 12),
        "tensor 'b': its data begins at 4, expected 8");
    String same = "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
    assertRefused(() -> open("{" + A + "," + same + "}", 8), "its data begins at 0, expected 8");
  }

  @Test
  void offsetsLeaveAHole() {
    String later = "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}";
    assertRefused(
        () -> open("{" + A + "," + later + "}", 16),
        "tensor 'b': its data begins at 12, expected 8");
    assertRefused(() -> open("{" + B + "}", 12), "tensor 'b': its data begins at 8, expected 0");
  }

  @Test
  void dataLeftOverOrTruncated() {
    assertRefused(() -> open("{" + A + "}", 9), "the tensors take 8 bytes, the file has 9");
    assertRefused(
        () -> open("{" + A + "," + B + "}", 11), "tensor 'b': data_offsets are [8, 12]", "<= 11");
    assertRefused(() -> open("{}", 1), "the tensors take 0 bytes");
  }

  @Test
  void zeroSizeTensorsSharingOffsets() {
    String empty = "{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
    assertRefused(
        () -> open("{\"a\":" + empty + ",\"b\":" + empty + "}", 0), "tensor 'a': shape is [0]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"a\":1}",
        "{\"a\":null}",
        "{\"a\":[]}",
        "{\"a\":{}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}",
        "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":5,\"shape\":[2],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"extra\":1}}",
        "{\"\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"
      })
  void tensorEntryOfTheWrongForm(String header) {
    assertRefused(() -> open(header, 8), "tensor '");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "[]", "\"x\"", "{\"k\":1}", "{\"k\":null}", "{\"k\":{}}"})
  void metadataMustBeStrings(String metadata) {
    assertRefused(() -> open("{\"__metadata__\":" + metadata + "," + A + "}", 8), "__metadata__");
  }

  @Test
  void namesInMessagesAreBoundedAndPrintable() {
    String name = "x".repeat(500) + "\\u0000\\n\\u202e";
    assertRefused(() -> open("{\"\\n\\u001b[31m\":1}", 0), "tensor '\\u000a\\u001b[31m'");
    assertRefused(() -> open("{\"" + name + "\":1}", 0), "x…'");
    assertRefused(() -> open("{\"" + "x".repeat(1001) + "\":{}}", 0), "1001 characters");
  }

  @Test
  void notARegularFile() {
    assertRefused(() -> SafeTensors.open(dir), "not a regular one");
    assertRefused(() -> SafeTensors.open(dir.resolve("none")), "no such file");
  }

  // A file that shrinks.

  @Test
  void fileThatShrinksIsAnException() throws Exception {
    Path file = safeTensors(dir.resolve("x.safetensors"), "{" + A + "," + B + "}", 12);
    try (SafeTensors open = SafeTensors.open(file);
        FileChannel other = FileChannel.open(file, StandardOpenOption.WRITE)) {
      other.truncate(Files.size(file) - 2);
      assertArrayEquals(
          new float[2], open.readFloats(open.tensor("a")), "what is still there can be read");
      assertRefused(
          () -> open.readFloats(open.tensor("b")),
          file.toString(),
          "tensor 'b'",
          "shortened after being opened");
      other.truncate(0);
      assertRefused(() -> open.readFloats(open.tensor("a")), "tensor 'a'", "shortened");
    }
  }

  @Test
  void fileReplacedAtomicallyStaysReadable() {
    Path file = dir.resolve("x.safetensors");
    TestFiles.vectors(file, "one");
    try (SafeTensors open = SafeTensors.open(file)) {
      TestFiles.vectors(file, "replaced");
      assertArrayEquals(new float[] {3, -1}, open.readFloats(open.tensor("one")));
    }
    try (SafeTensors open = SafeTensors.open(file)) {
      assertFalse(open.tensors().containsKey("one"));
    }
  }

  private SafeTensors open(String header, int dataBytes) {
    return SafeTensors.open(safeTensors(dir.resolve("x.safetensors"), header, dataBytes));
  }

  private static String tensor(String dtype, String shape, String offsets) {
    return "{\"a\":{\"dtype\":\""
        + dtype
        + "\",\"shape\":"
        + shape
        + ",\"data_offsets\":"
        + offsets
        + "}}";
  }
}
