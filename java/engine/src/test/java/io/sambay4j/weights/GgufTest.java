package io.sambay4j.weights;

import static io.sambay4j.weights.TestFiles.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.model.GgufModel;
import io.sambay4j.weights.GgufWriter.Declaration;
import io.sambay4j.weights.GgufWriter.Metadata;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** GGUF files as they should be, and as somebody who means harm would make them. */
final class GgufTest {
  @TempDir Path dir;

  // ---- files as they should be

  /** Written by NumPy from the published layout, see make_cases.py. */
  @Test
  void readsAFileOfAnotherWriter() throws IOException {
    JsonNode expected =
        new ObjectMapper().readTree(TestFiles.gguf().resolve("dense.json").toFile());
    int compared = 0;
    try (Gguf file = Gguf.open(TestFiles.gguf().resolve("dense.gguf"))) {
      assertEquals(3, file.version());
      assertEquals("phi3", file.metadata().string("general.architecture"));
      assertEquals(6, file.metadata().integer("phi3.attention.head_count", 1, 100));
      assertEquals(
          1e-5, file.metadata().number("phi3.attention.layer_norm_rms_epsilon", 0, 0, 1), 1e-9);
      assertEquals(320, file.metadata().optionalStrings("tokenizer.ggml.tokens").size());
      assertEquals(8, file.metadata().optionalStrings("tokenizer.ggml.merges").size());
      assertEquals(3, file.metadata().optionalIntegers("tokenizer.ggml.token_type")[264]);
      assertEquals(false, file.metadata().bool("tokenizer.ggml.add_bos_token", true));
      assertNull(file.metadata().optionalString("no.such.key"));
      try (Checkpoint checkpoint = GgufModel.checkpoint(file)) {
        for (String name : checkpoint.names()) {
          JsonNode want = expected.get(name);
          TensorInfo tensor = checkpoint.tensor(name);
          assertEquals(want.get("type").textValue(), tensor.type().name(), name);
          float[] values = checkpoint.readFloats(tensor);
          double sum = 0;
          for (float value : values) {
            sum += value;
          }
          assertEquals(want.get("sum").doubleValue(), sum, 1e-9 * values.length, name);
          for (int i = 0; i < want.get("at").size(); i++) {
            float element = values[want.get("at").get(i).intValue()];
            assertEquals(want.get("values").get(i).doubleValue(), element, name);
          }
          compared++;
        }
        assertEquals(List.of(), checkpoint.findNonFinite(bytes -> {}));
      }
    }
    assertEquals(expected.size(), compared);
  }

  @ParameterizedTest
  @ValueSource(strings = {"F32", "F16", "BF16", "Q8_0", "Q4_0"})
  void whatIsWrittenIsRead(StorageType type) {
    float[] numbers = new float[3 * 64];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (i * 37 % 101 - 50) / 8f;
    }
    Path file = dir.resolve("x.gguf");
    List<Declaration> tensors =
        List.of(
            new Declaration("a", StorageType.F32, 5), // 20 bytes: what follows is padded
            new Declaration("b", type, 3, 64),
            new Declaration("c", StorageType.F32, 1));
    Metadata metadata =
        new Metadata()
            .put("text", "Grüße")
            .put("n", 7)
            .put("x", 0.5f)
            .put("yes", true)
            .put("words", List.of("", "b"))
            .put("numbers", -1, 2);
    try (GgufWriter writer = GgufWriter.create(file, metadata, tensors)) {
      writer.writeFloats("a", new float[] {1, 2, 3, 4, 5});
      writer.writeFloats("b", Arrays.copyOf(numbers, 64));
      writer.writeFloats("b", Arrays.copyOfRange(numbers, 64, 192));
      writer.writeFloats("c", new float[] {-1});
      writer.commit();
    }
    try (Gguf read = Gguf.open(file)) {
      GgufMetadata m = read.metadata();
      assertEquals("Grüße", m.string("text"));
      assertEquals(7, m.integer("n", 0, 10));
      assertEquals(0.5, m.number("x", 0, 0, 1));
      assertTrue(m.bool("yes", false));
      assertEquals(List.of("", "b"), m.optionalStrings("words"));
      assertArrayEquals(new long[] {-1, 2}, m.optionalIntegers("numbers"));
      assertEquals(List.of("a", "b", "c"), List.copyOf(read.tensors().keySet()));
      TensorInfo b = read.tensor("b");
      assertArrayEquals(new long[] {3, 64}, b.shape());
      assertEquals(192, b.elements());
      float[] got = new float[192];
      read.readFloats(b, 0, got, 0, 192);
      float[] row = new float[64];
      read.readFloats(b, 64, row, 0, 64);
      assertArrayEquals(Arrays.copyOfRange(got, 64, 128), row);
      double tolerance = type == StorageType.Q4_0 ? 0.8 : type == StorageType.Q8_0 ? 0.03 : 0.02;
      for (int i = 0; i < 192; i++) {
        assertEquals(numbers[i], got[i], type == StorageType.F32 ? 0 : tolerance, "element " + i);
      }
      float[] last = new float[1];
      read.readFloats(read.tensor("c"), 0, last, 0, 1);
      assertEquals(-1, last[0]);
    }
  }

  @Test
  void blocksAreReadWhole() {
    Path file = dir.resolve("x.gguf");
    try (GgufWriter writer =
        GgufWriter.create(
            file, new Metadata(), List.of(new Declaration("a", StorageType.Q8_0, 2, 32)))) {
      assertThrows(IllegalArgumentException.class, () -> writer.writeFloats("a", new float[33]));
      writer.writeFloats("a", new float[64]);
      writer.commit();
    }
    try (Gguf read = Gguf.open(file)) {
      TensorInfo a = read.tensor("a");
      float[] into = new float[64];
      assertThrows(IllegalArgumentException.class, () -> read.readFloats(a, 16, into, 0, 32));
      assertThrows(IllegalArgumentException.class, () -> read.readFloats(a, 0, into, 0, 16));
      assertThrows(IllegalArgumentException.class, () -> read.readFloats(a, 32, into, 0, 64));
      read.close();
      assertThrows(IllegalStateException.class, () -> read.readFloats(a, 0, into, 0, 32));
    }
  }

  @Test
  void whatCannotBeWrittenIsRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> new Declaration("a", StorageType.Q6_K, 1, 256));
    assertThrows(
        IllegalArgumentException.class, () -> new Declaration("a", StorageType.Q4_0, 2, 48));
    assertThrows(IllegalArgumentException.class, () -> new Declaration("a", StorageType.F32));
    assertThrows(IllegalArgumentException.class, () -> new Declaration("a", StorageType.BOOL, 1));
    assertThrows(
        IllegalArgumentException.class, () -> new Metadata().put("a", 1).put("a", "again"));
    Declaration twice = new Declaration("a", StorageType.F32, 1);
    assertThrows(
        IllegalArgumentException.class,
        () -> GgufWriter.create(dir.resolve("x.gguf"), new Metadata(), List.of(twice, twice)));
  }

  @Test
  void aWriterThatStoppedHalfWayLeavesNothing() throws IOException {
    Path file = dir.resolve("x.gguf");
    try (GgufWriter writer =
        GgufWriter.create(
            file, new Metadata(), List.of(new Declaration("a", StorageType.F32, 2)))) {
      writer.writeFloats("a", new float[1]);
      assertThrows(IllegalStateException.class, writer::commit);
    }
    try (var left = Files.list(dir)) {
      assertEquals(0, left.count());
    }
  }

  // ---- files of somebody who means harm

  /** A header, byte by byte. */
  private static final class Bytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Bytes i32(long value) {
      out.writeBytes(
          ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) value).array());
      return this;
    }

    Bytes i64(long value) {
      out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
      return this;
    }

    Bytes raw(int... bytes) {
      Arrays.stream(bytes).forEach(out::write);
      return this;
    }

    Bytes text(String text) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      i64(bytes.length);
      out.writeBytes(bytes);
      return this;
    }

    /** Magic, version, and the two counts. */
    static Bytes header(long tensors, long pairs) {
      return new Bytes().i32(0x46554747).i32(3).i64(tensors).i64(pairs);
    }

    /** The description of a tensor, dimensions as in the file: the innermost first. */
    Bytes tensor(String name, int type, long offset, long... dimensions) {
      text(name).i32(dimensions.length);
      Arrays.stream(dimensions).forEach(this::i64);
      return i32(type).i64(offset);
    }

    /** The bytes so far, and nothing after them. */
    byte[] cut() {
      return out.toByteArray();
    }

    /** Zeros up to the data, and then so many bytes of data. */
    byte[] data(int bytes) {
      while (out.size() % 32 != 0) {
        out.write(0);
      }
      out.writeBytes(new byte[bytes]);
      return out.toByteArray();
    }
  }

  private void refused(byte[] bytes, String... parts) {
    Path file = TestFiles.write(dir.resolve("x.gguf"), bytes);
    List<String> all = new ArrayList<>(List.of(parts));
    all.add(file.toString());
    assertRefused(() -> Gguf.open(file).close(), all.toArray(String[]::new));
  }

  @Test
  void theSmallestFileIsValid() {
    Path file = TestFiles.write(dir.resolve("x.gguf"), Bytes.header(0, 0).data(0));
    try (Gguf read = Gguf.open(file)) {
      assertTrue(read.tensors().isEmpty());
    }
  }

  @Test
  void noHeader() {
    refused(new byte[0], "24 bytes are needed at byte 0, and the file has 0");
    refused(new byte[23], "24 bytes are needed");
    refused(new byte[100], "does not begin with the letters GGUF");
    refused("{\"a\": 1, \"b\": [2, 3, 4, 5, 6, 7]}".getBytes(StandardCharsets.UTF_8), "GGUF");
    assertRefused(() -> Gguf.open(dir.resolve("none.gguf")), "no such file");
    assertRefused(() -> Gguf.open(dir), "not a regular one");
  }

  @ParameterizedTest
  @CsvSource({
    "1, '1, expected 2 or 3'",
    "4, '4, expected'",
    "50331648, big-endian",
    "-1, 4294967295"
  })
  void otherVersions(int version, String part) {
    refused(new Bytes().i32(0x46554747).i32(version).i64(0).i64(0).data(0), "version", part);
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 100_001, 1L << 32})
  void countsOfThingsThatAreNotThere(long count) {
    refused(Bytes.header(count, 0).data(0), "number of tensors", "at most 100000");
    refused(Bytes.header(0, count).data(0), "number of key-value pairs", "at most 100000");
  }

  @Test
  void fewerThingsThanCounted() {
    refused(Bytes.header(0, 100_000).cut(), "key 0", "8 bytes are needed");
    refused(Bytes.header(0, 100_000).data(0), "key 0", "it is empty");
    refused(Bytes.header(100_000, 0).cut(), "name of tensor 0", "8 bytes are needed");
    refused(Bytes.header(100_000, 0).data(0), "tensor 0", "its name is empty");
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MAX_VALUE, 1L << 40, 1001})
  void longKeysAndNames(long length) {
    refused(Bytes.header(0, 1).i64(length).data(100), "key 0", "a string of", "at most 1000");
    refused(Bytes.header(1, 0).i64(length).data(100), "name of tensor 0", "at most 1000");
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MAX_VALUE, (1 << 24) + 1})
  void longStrings(long length) {
    refused(Bytes.header(0, 1).text("k").i32(8).i64(length).data(100), "'k'", "at most 16777216");
  }

  @Test
  void aStringLongerThanTheFile() {
    refused(Bytes.header(0, 1).text("k").i32(8).i64(1 << 24).data(10), "16777216 bytes are needed");
  }

  @Test
  void aStringThatIsNotText() {
    refused(Bytes.header(0, 1).text("k").i32(8).i64(2).raw(0xC3, 0x28).data(0), "'k'", "not UTF-8");
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MAX_VALUE, (1 << 22) + 1, 1000})
  void longLists(long length) {
    for (int type : new int[] {0, 4, 7, 8, 12}) {
      refused(
          Bytes.header(0, 1).text("k").i32(9).i32(type).i64(length).data(0),
          "'k'",
          "it is a list of",
          "elements, expected at most");
    }
  }

  @Test
  void listsOfLists() {
    refused(
        Bytes.header(0, 1).text("k").i32(9).i32(9).i64(1).i32(4).i64(0).data(0), "list of lists");
  }

  @ParameterizedTest
  @ValueSource(ints = {13, -1, Integer.MAX_VALUE})
  void unknownValueTypes(int type) {
    refused(Bytes.header(0, 1).text("k").i32(type).data(100), "'k'", "expected 0 to 12");
    refused(Bytes.header(0, 1).text("k").i32(9).i32(type).i64(0).data(100), "expected 0 to 12");
  }

  @Test
  void valuesThatAreNone() {
    refused(Bytes.header(0, 1).text("k").i32(7).raw(2).data(0), "its byte is 2, expected 0 or 1");
    refused(Bytes.header(0, 1).text("k").i32(10).i64(-1).data(0), "18446744073709551615");
    refused(
        Bytes.header(0, 2).text("k").i32(4).i32(1).text("k").i32(4).i32(1).data(0), "there twice");
    refused(Bytes.header(0, 1).text("k").i32(12).cut(), "8 bytes are needed");
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 3, 48, 1 << 21, 0xFFFFFFFFL})
  void alignment(long alignment) {
    refused(
        Bytes.header(0, 1).text("general.alignment").i32(4).i32(alignment).data(0),
        "general.alignment");
    refused(
        Bytes.header(0, 1).text("general.alignment").i32(8).text("32").data(0),
        "general.alignment",
        "an integer");
  }

  @Test
  void partsOfAModel() {
    refused(Bytes.header(0, 1).text("split.count").i32(2).raw(3, 0).data(0), "cut into 3 files");
  }

  @ParameterizedTest
  @CsvSource({
    "3, Q4_1",
    "6, Q5_0",
    "12, Q4_K",
    "24, I8",
    "39, MXFP4",
    "4, '4,'",
    "99, '99,'",
    "-1, 4294967295"
  })
  void tensorTypesThatAreNotRead(int type, String part) {
    refused(
        Bytes.header(1, 0).tensor("w", type, 0, 256).data(4096),
        "tensor 'w'",
        part,
        "expected F32, F16, BF16, Q8_0, Q4_0 or Q6_K");
  }

  @Test
  void shapes() {
    refused(Bytes.header(1, 0).tensor("w", 0, 0).data(0), "it has 0 dimensions");
    refused(Bytes.header(1, 0).tensor("w", 0, 0, 1, 1, 1, 1, 1).data(64), "it has 5 dimensions");
    refused(Bytes.header(1, 0).text("w").i32(-1).data(64), "4294967295 dimensions");
    refused(Bytes.header(1, 0).tensor("w", 0, 0, 4, 0).data(0), "at least 1");
    refused(Bytes.header(1, 0).tensor("w", 0, 0, -4, 4).data(0), "at least 1");
    long big = 1L << 32;
    refused(Bytes.header(1, 0).tensor("w", 0, 0, big, big).data(0), "overflows 64 bits");
    refused(Bytes.header(1, 0).tensor("w", 0, 0, big, 1L << 30).data(0), "overflows 64 bits");
    refused(Bytes.header(1, 0).tensor("w", 8, 0, 48).data(64), "a multiple of 32, a block of Q8_0");
    refused(Bytes.header(1, 0).tensor("w", 14, 0, 128).data(256), "a multiple of 256");
    refused(Bytes.header(1, 0).tensor("", 0, 0, 1).data(64), "its name is empty");
  }

  @Test
  void placesOfData() {
    refused(Bytes.header(1, 0).tensor("w", 0, 0, 9).data(32), "its data ends 4 bytes after");
    refused(Bytes.header(1, 0).tensor("w", 0, 0, 1L << 40).data(32), "its data ends");
    refused(Bytes.header(1, 0).tensor("w", 0, 4, 1).data(32), "a multiple of 32");
    refused(Bytes.header(1, 0).tensor("w", 0, -32, 1).data(32), "a multiple of 32");
    refused(Bytes.header(1, 0).tensor("w", 0, 32, 1).data(64), "begins at 32, expected 0");
    refused(Bytes.header(1, 0).tensor("w", 0, Long.MAX_VALUE - 31, 1).data(64), "expected 0");
    refused(
        Bytes.header(2, 0).tensor("v", 0, 0, 8).tensor("w", 0, 0, 8).data(64),
        "begins at 0, expected 32");
    refused(Bytes.header(2, 0).tensor("w", 0, 0, 1).tensor("w", 0, 32, 1).data(64), "there twice");
    refused(Bytes.header(1, 0).tensor("w", 0, 0, 8).data(64), "32 bytes follow the last tensor");
    refused(Bytes.header(0, 0).data(64), "bytes follow the last tensor");
  }

  @Test
  void aFileCutAnywhereIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(TestFiles.gguf().resolve("dense.gguf"));
    for (int length = 0; length < whole.length; length += length < 20_000 ? 97 : 24_001) {
      int cut = length;
      Path file = TestFiles.write(dir.resolve("cut.gguf"), Arrays.copyOf(whole, cut));
      assertRefused(() -> Gguf.open(file).close(), file.toString());
    }
  }

  @Test
  void aFileShortenedWhileOpenIsAnExceptionAndNoCrash() throws IOException {
    Path file = dir.resolve("x.gguf");
    Files.copy(TestFiles.gguf().resolve("dense.gguf"), file);
    try (Gguf read = Gguf.open(file);
        RandomAccessFile shorter = new RandomAccessFile(file.toFile(), "rw")) {
      shorter.setLength(200_000);
      TensorInfo last = read.tensor("output_norm.weight");
      float[] into = new float[(int) last.elements()];
      assertRefused(
          () -> read.readFloats(last, 0, into, 0, into.length), "shortened after being opened");
    }
  }
}
