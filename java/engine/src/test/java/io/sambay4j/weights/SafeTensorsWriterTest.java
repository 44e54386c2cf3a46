package io.sambay4j.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sambay4j.weights.SafeTensorsWriter.Declaration;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafeTensorsWriterTest {
  private static final List<Declaration> TWO =
      List.of(new Declaration("a", StorageType.F32, 2), new Declaration("b", StorageType.I64, 1));

  @TempDir Path dir;

  @Test
  void roundTripOfOddNames() {
    Path file = dir.resolve("x.safetensors");
    String name = "ü \"\\ \u0001 \uD83D\uDE00";
    var declarations = List.of(new Declaration(name, StorageType.U8, 3));
    try (SafeTensorsWriter writer =
        SafeTensorsWriter.create(file, declarations, Map.of(name, name))) {
      writer.write(name, ByteBuffer.wrap(new byte[] {1, 2}));
      writer.write(name, ByteBuffer.wrap(new byte[] {3}));
      writer.commit();
    }
    try (SafeTensors open = SafeTensors.open(file)) {
      assertEquals(Map.of(name, name), open.metadata());
      ByteBuffer bytes = ByteBuffer.allocate(3);
      open.read(open.tensor(name), 0, bytes);
      assertArrayEquals(new byte[] {1, 2, 3}, bytes.array());
      assertEquals(0, open.tensor(name).offset() % 8, "data begins aligned");
    }
  }

  @Test
  void withoutCommitTheOldFileStays() throws IOException {
    Path file = TestFiles.write(dir.resolve("x.safetensors"), "old");
    try (SafeTensorsWriter writer = SafeTensorsWriter.create(file, TWO, Map.of())) {
      writer.writeFloats("a", new float[2]);
    }
    assertEquals("old", TestFiles.text(file));
    assertEquals(List.of(file), filesLeft());
  }

  @Test
  void commitReplacesTheOldFile() throws IOException {
    Path file = TestFiles.write(dir.resolve("x.safetensors"), "old");
    TestFiles.vectors(file, "new");
    try (SafeTensors open = SafeTensors.open(file)) {
      assertEquals(List.of("new"), List.copyOf(open.tensors().keySet()));
    }
    assertEquals(List.of(file), filesLeft());
  }

  @Test
  void dataMustComeCompleteAndInOrder() {
    try (SafeTensorsWriter writer = SafeTensorsWriter.create(dir.resolve("x"), TWO, Map.of())) {
      assertThrows(IllegalStateException.class, () -> writer.writeLongs("b", new long[1]));
      assertThrows(IllegalStateException.class, () -> writer.writeFloats("a", new float[3]));
      assertThrows(IllegalArgumentException.class, () -> writer.writeLongs("a", new long[1]));
      writer.writeFloats("a", new float[1]);
      assertThrows(IllegalStateException.class, writer::commit);
      writer.writeFloats("a", new float[1]);
      assertThrows(IllegalArgumentException.class, () -> writer.writeFloats("b", new float[1]));
      writer.writeLongs("b", new long[1]);
      assertThrows(IllegalStateException.class, () -> writer.writeLongs("b", new long[1]));
      writer.commit();
      assertThrows(IllegalStateException.class, () -> writer.writeLongs("b", new long[1]));
    }
  }

  @Test
  void badDeclarations() {
    var twice = List.of(TWO.get(0), TWO.get(0));
    assertThrows(
        IllegalArgumentException.class,
        () -> SafeTensorsWriter.create(dir.resolve("x"), twice, Map.of()));
    assertThrows(IllegalArgumentException.class, () -> new Declaration("a", StorageType.F32, 2, 0));
    assertThrows(IllegalArgumentException.class, () -> new Declaration("", StorageType.F32, 2));
    assertThrows(
        IllegalArgumentException.class, () -> new Declaration("__metadata__", StorageType.F32, 2));
    assertThrows(
        UncheckedIOException.class,
        () -> SafeTensorsWriter.create(dir.resolve("none/x"), TWO, Map.of()));
  }

  private List<Path> filesLeft() throws IOException {
    try (var files = Files.list(dir)) {
      return files.toList();
    }
  }
}
