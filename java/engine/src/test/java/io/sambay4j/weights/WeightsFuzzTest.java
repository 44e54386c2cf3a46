package io.sambay4j.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
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

  /** Bytes anywhere, most of them in the header: settings, vocabulary, places of tensors. */
  @Test
  void gguf() throws IOException {
    Path small = dir.resolve("small.gguf");
    GgufWriter.Metadata metadata =
        new GgufWriter.Metadata()
            .put("general.architecture", "phi3")
            .put("phi3.block_count", 3)
            .put("phi3.rope.freq_base", 10_000f)
            .put("tokenizer.ggml.tokens", List.of("a", "b", "<|end|>"))
            .put("tokenizer.ggml.token_type", 1, 1, 3);
    List<GgufWriter.Declaration> tensors =
        List.of(
            new GgufWriter.Declaration("token_embd.weight", StorageType.Q8_0, 3, 32),
            new GgufWriter.Declaration("output_norm.weight", StorageType.F32, 32),
            new GgufWriter.Declaration("blk.0.attn_qkv.weight", StorageType.Q4_0, 2, 64));
    try (GgufWriter writer = GgufWriter.create(small, metadata, tensors)) {
      writer.writeFloats("token_embd.weight", new float[96]);
      writer.writeFloats("output_norm.weight", new float[32]);
      writer.writeFloats("blk.0.attn_qkv.weight", new float[128]);
      writer.commit();
    }
    Fuzz.run(
        Files.readAllBytes(small),
        1500,
        4 * MEGABYTE,
        damaged -> {
          try (Gguf open = Gguf.open(TestFiles.write(dir.resolve("x"), damaged))) {
            for (TensorInfo tensor : open.tensors().values()) {
              open.readFloats(
                  tensor, 0, new float[(int) tensor.elements()], 0, (int) tensor.elements());
            }
          }
        });
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
