package io.sambay4j.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged headers, indexes and settings: refused or read, nothing else. {@code
 * -Dsambay.fuzz.factor} makes the rounds more.
 */
@Timeout(300)
class WeightsFuzzTest {
  private static final long MEGABYTE = 1 << 20;

  @TempDir Path dir;

  /** Bytes anywhere in the file, its length field included. */
  @Test
  void safetensorsFile() throws IOException {
    byte[] valid = Files.readAllBytes(TestFiles.golden("kernels/rope.safetensors"));
    Fuzz.run(valid, 400, 4 * MEGABYTE, this::openAndRead);
  }

  /** The header alone, with a length field that fits, so that the damage is seen by the parser. */
  @Test
  void safetensorsHeader() throws IOException {
    byte[] file = Files.readAllBytes(TestFiles.golden("kernels/rope.safetensors"));
    int headerBytes = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
    byte[] header = Arrays.copyOfRange(file, 8, 8 + headerBytes);
    int dataBytes = file.length - 8 - headerBytes;
    Fuzz.run(
        header,
        800,
        4 * MEGABYTE,
        damaged -> openAndRead(TestFiles.safeTensorsBytes(damaged.length, damaged, dataBytes)));
  }

  @Test
  void shardIndex() {
    TestFiles.vectors(dir.resolve("one.safetensors"), "a", "b");
    TestFiles.vectors(dir.resolve("two.safetensors"), "c");
    String index =
        "{\"metadata\":{\"total_size\":24},\"weight_map\":"
            + "{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\",\"c\":\"two.safetensors\"}}";
    Fuzz.run(
        index.getBytes(StandardCharsets.UTF_8),
        250,
        4 * MEGABYTE,
        damaged -> {
          TestFiles.write(dir.resolve(ShardIndex.FILE), damaged);
          try (Checkpoint checkpoint = Checkpoint.open(dir)) {
            checkpoint.findNonFinite(bytes -> {});
          }
        });
  }

  @Test
  void settings() throws IOException {
    byte[] generation = Files.readAllBytes(TestFiles.realModel().resolve("generation_config.json"));
    Fuzz.run(
        generation,
        250,
        4 * MEGABYTE,
        damaged -> GenerationConfig.read(TestFiles.write(dir.resolve("g"), damaged)));
    byte[] tokenizer = Files.readAllBytes(TestFiles.realModel().resolve("tokenizer_config.json"));
    Fuzz.run(
        tokenizer,
        250,
        4 * MEGABYTE,
        damaged -> TokenizerConfig.read(TestFiles.write(dir.resolve("t"), damaged)));
  }

  private void openAndRead(byte[] file) {
    try (SafeTensors open = SafeTensors.open(TestFiles.write(dir.resolve("x"), file))) {
      for (TensorInfo tensor : open.tensors().values()) {
        open.read(tensor, 0, ByteBuffer.allocate((int) tensor.bytes()));
      }
    }
  }
}
