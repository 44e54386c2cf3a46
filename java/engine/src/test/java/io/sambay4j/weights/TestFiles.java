package io.sambay4j.weights;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.InvalidModelException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.function.Executable;

/** Files that tests read and files that tests damage. */
public final class TestFiles {
  private TestFiles() {}

  /** The root of the repository. */
  public static Path root() {
    return Path.of(System.getProperty("sambay.root", "../.."));
  }

  /** A directory of golden model files. */
  public static Path golden(String name) {
    return root().resolve("native/tests/goldens").resolve(name);
  }

  /** The published files of the real model, weights excepted. */
  public static Path realModel() {
    return root().resolve("java/engine/src/test/resources/phi-4-mini-flash-reasoning");
  }

  /** The configuration of Phi-4-mini, the dense sibling. */
  public static Path phi4Mini() {
    return root().resolve("java/engine/src/test/resources/phi-4-mini-instruct");
  }

  /** GGUF files and blocks made by another program, see make_cases.py there. */
  public static Path gguf() {
    return root().resolve("java/engine/src/test/resources/gguf");
  }

  /** A safetensors file of the given header text and so many zero bytes of data. */
  public static Path safeTensors(Path file, String header, int dataBytes) {
    return safeTensors(file, header.getBytes(StandardCharsets.UTF_8), dataBytes);
  }

  /** As above, from header bytes. */
  static Path safeTensors(Path file, byte[] header, int dataBytes) {
    return write(file, safeTensorsBytes(header.length, header, dataBytes));
  }

  /** The bytes of such a file, with any number in the length field. */
  static byte[] safeTensorsBytes(long length, byte[] header, int dataBytes) {
    return ByteBuffer.allocate(8 + header.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(header)
        .array();
  }

  /** A checkpoint file with F32 vectors of one value each. */
  static void vectors(Path file, String... names) {
    List<SafeTensorsWriter.Declaration> tensors =
        Arrays.stream(names)
            .map(n -> new SafeTensorsWriter.Declaration(n, StorageType.F32, 2))
            .toList();
    try (SafeTensorsWriter writer =
        SafeTensorsWriter.create(file, tensors, Map.of("format", "pt"))) {
      for (String name : names) {
        writer.writeFloats(name, new float[] {name.length(), -1});
      }
      writer.commit();
    }
  }

  /** Writes a text file. */
  public static Path write(Path file, String text) {
    return write(file, text.getBytes(StandardCharsets.UTF_8));
  }

  static Path write(Path file, byte[] bytes) {
    try {
      Files.deleteIfExists(
          file); // a new file is cheaper: some file systems flush one that is rewritten
      return Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The text of a file. */
  public static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Copies the plain files of a directory into an existing one. */
  public static void copy(Path from, Path to) throws IOException {
    try (var files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  /** Expects a refusal whose sentence has all the given parts. */
  public static void assertRefused(Executable action, String... parts) {
    String message = String.valueOf(assertThrows(InvalidModelException.class, action).getMessage());
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "expected '" + part + "' in: " + message);
    }
    assertTrue(message.lines().count() == 1, () -> "more than one line: " + message);
  }
}
