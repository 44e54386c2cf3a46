package io.sambay4j.weights;

import static io.sambay4j.weights.TestFiles.assertRefused;
import static io.sambay4j.weights.TestFiles.write;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sambay4j.InvalidModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {
  private static final String INDEX = "model.safetensors.index.json";
  private static final String ONE = "model-00001-of-00002.safetensors";
  private static final String TWO = "model-00002-of-00002.safetensors";

  @TempDir Path dir;

  @Test
  void singleFile() {
    TestFiles.vectors(dir.resolve("model.safetensors"), "a", "bb");
    try (Checkpoint checkpoint = Checkpoint.open(dir)) {
      assertEquals(Set.of("a", "bb"), checkpoint.names());
      assertEquals(16, checkpoint.totalBytes());
      assertEquals(4, checkpoint.totalElements());
      assertArrayEquals(new float[] {2, -1}, checkpoint.readFloats(checkpoint.tensor("bb")));
      assertEquals("1 file, 2 tensors, 4 elements: 16 bytes f32", checkpoint.describe());
    }
  }

  @Test
  void shards() {
    shardFiles();
    index("{\"a\":\"" + ONE + "\",\"b\":\"" + TWO + "\",\"cc\":\"" + TWO + "\"}", "24");
    Checkpoint checkpoint = Checkpoint.open(dir);
    assertEquals(List.of("a", "b", "cc"), List.copyOf(checkpoint.names()));
    assertArrayEquals(new float[] {2, -1}, checkpoint.readFloats(checkpoint.tensor("cc")));
    checkpoint.close();
    checkpoint.close();
    assertThrows(IllegalStateException.class, () -> checkpoint.readFloats(checkpoint.tensor("cc")));
  }

  @Test
  void missingTensorIsNamed() {
    TestFiles.vectors(dir.resolve("model.safetensors"), "a");
    try (Checkpoint checkpoint = Checkpoint.open(dir)) {
      assertRefused(
          () -> checkpoint.tensor("z"), dir.getFileName().toString(), "tensor 'z' is missing");
    }
  }

  // Missing files.

  @Test
  void missingDirectoryAndMissingWeights() {
    assertRefused(
        () -> Checkpoint.open(dir.resolve("none")),
        "none does not exist",
        "expected a model directory");
    Path file = write(dir.resolve("file"), "");
    assertRefused(() -> Checkpoint.open(file), "is a file, expected a model directory");
    assertRefused(() -> Checkpoint.open(dir), "no weights found, expected model.safetensors");
  }

  // Hostile indexes.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../model.safetensors",
        "/etc/model.safetensors",
        "sub/model.safetensors",
        "..\\\\model.safetensors",
        "C:\\\\model.safetensors",
        "./model.safetensors",
        ".safetensors",
        "..safetensors",
        "a\\u0000.safetensors",
        "a\\n.safetensors"
      })
  void shardNameThatIsNotAPlainFileName(String shard) {
    index("{\"a\":\"" + shard + "\"}", null);
    assertRefused(
        () -> Checkpoint.open(dir), "is not a plain file name", "inside the model directory");
  }

  @Test
  void shardThatIsNoSafetensorsFile() {
    write(dir.resolve("config.json"), "{}");
    index("{\"a\":\"config.json\"}", null);
    assertRefused(
        () -> Checkpoint.open(dir),
        "tensor 'a' lies in 'config.json', expected a file name ending in");
  }

  @Test
  void tensorListedTwice() {
    shardFiles();
    index("{\"a\":\"" + ONE + "\",\"a\":\"" + TWO + "\"}", null);
    assertRefused(() -> Checkpoint.open(dir), INDEX, "Duplicate field 'a'");
  }

  @Test
  void tensorInTwoShards() {
    TestFiles.vectors(dir.resolve(ONE), "a", "b");
    TestFiles.vectors(dir.resolve(TWO), "b", "cc");
    index("{\"a\":\"" + ONE + "\",\"b\":\"" + TWO + "\",\"cc\":\"" + TWO + "\"}", null);
    assertRefused(() -> Checkpoint.open(dir), "tensor 'b' is in both", ONE, TWO);
  }

  @Test
  void tensorInAMissingShard() {
    TestFiles.vectors(dir.resolve(ONE), "a");
    index("{\"a\":\"" + ONE + "\",\"b\":\"" + TWO + "\"}", null);
    assertRefused(() -> Checkpoint.open(dir), INDEX, "shard '" + TWO + "' is missing");
  }

  @Test
  void indexThatDisagreesWithTheShards() {
    shardFiles();
    index("{\"a\":\"" + TWO + "\",\"b\":\"" + TWO + "\",\"cc\":\"" + ONE + "\"}", null);
    assertRefused(
        () -> Checkpoint.open(dir), "tensor 'a' should be in " + TWO + ", found in " + ONE);
    index("{\"a\":\"" + ONE + "\",\"b\":\"" + TWO + "\"}", null);
    assertRefused(() -> Checkpoint.open(dir), "tensor 'cc' of " + TWO + " is not in the index");
    index(
        "{\"a\":\""
            + ONE
            + "\",\"b\":\""
            + TWO
            + "\",\"cc\":\""
            + TWO
            + "\",\"d\":\""
            + TWO
            + "\"}",
        null);
    assertRefused(
        () -> Checkpoint.open(dir), "tensor 'd' should be in " + TWO + ", found in no shard");
    index("{\"a\":\"" + ONE + "\",\"b\":\"" + TWO + "\",\"cc\":\"" + TWO + "\"}", "25");
    assertRefused(() -> Checkpoint.open(dir), "total_size is 25, the shards hold 24 bytes");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "null",
        "{}",
        "{\"weight_map\":[]}",
        "{\"weight_map\":{}}",
        "{\"weight_map\":{\"a\":1}}",
        "{\"weight_map\":{\"a\":\"x.safetensors\"}",
        "{\"weight_map\":{\"a\":null}}"
      })
  void malformedIndex(String json) {
    write(dir.resolve(INDEX), json);
    assertRefused(() -> Checkpoint.open(dir), INDEX);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"\"24\"", "NaN", "1e300", "-Infinity", "24.5", "true", "99999999999999999999"})
  void malformedTotalSize(String size) {
    index("{\"a\":\"x.safetensors\"}", size);
    assertRefused(
        () -> Checkpoint.open(dir), "metadata.total_size is", "expected a number of bytes");
  }

  @Test
  void indexNestedVeryDeeply() {
    write(dir.resolve(INDEX), "{\"weight_map\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}");
    assertRefused(() -> Checkpoint.open(dir), INDEX, "nesting depth");
  }

  // Links.

  @Test
  void linkOutOfTheDirectoryIsRefused() throws IOException {
    Path model = Files.createDirectory(dir.resolve("model"));
    TestFiles.vectors(dir.resolve("outside.safetensors"), "a");
    Files.createSymbolicLink(model.resolve("model.safetensors"), Path.of("../outside.safetensors"));
    assertRefused(
        () -> Checkpoint.open(model),
        "model.safetensors: a link to",
        "outside the model directory");
    Files.delete(model.resolve("model.safetensors"));
    Files.createSymbolicLink(
        model.resolve("model.safetensors"), dir.resolve("outside.safetensors").toAbsolutePath());
    assertRefused(() -> Checkpoint.open(model), "outside the model directory");
  }

  @Test
  void linkOutThroughALinkedFolderIsRefused() throws IOException {
    Path model = Files.createDirectory(dir.resolve("model"));
    Path outside = Files.createDirectory(dir.resolve("outside"));
    TestFiles.vectors(outside.resolve("a.safetensors"), "a");
    Files.createSymbolicLink(model.resolve("folder"), outside);
    Files.createSymbolicLink(model.resolve("model.safetensors"), Path.of("folder/a.safetensors"));
    assertRefused(() -> Checkpoint.open(model), "outside the model directory");
  }

  @Test
  void linkToNothingAndLinkInCircles() throws IOException {
    Files.createSymbolicLink(dir.resolve("model.safetensors"), Path.of("none"));
    assertRefused(() -> Checkpoint.open(dir), "a link to a file that does not exist");
    Files.delete(dir.resolve("model.safetensors"));
    Files.createSymbolicLink(dir.resolve("model.safetensors"), Path.of("model.safetensors"));
    assertRefused(() -> Checkpoint.open(dir), "a link to a file that does not exist");
  }

  @Test
  void linkInsideTheDirectoryAndDirectoryThatIsALink() throws IOException {
    Path model = Files.createDirectory(dir.resolve("model"));
    TestFiles.vectors(model.resolve("real.safetensors"), "a");
    Files.createSymbolicLink(model.resolve("model.safetensors"), Path.of("real.safetensors"));
    Files.createSymbolicLink(dir.resolve("alias"), Path.of("model"));
    try (Checkpoint checkpoint = Checkpoint.open(dir.resolve("alias"))) {
      assertEquals(Set.of("a"), checkpoint.names());
    }
  }

  @Test
  void hubCacheLayout() throws IOException {
    Path repository = Files.createDirectory(dir.resolve("models--org--name"));
    Path blobs = Files.createDirectory(repository.resolve("blobs"));
    Path snapshot = Files.createDirectories(repository.resolve("snapshots/0123abcd"));
    String hash = "ab".repeat(32);
    TestFiles.vectors(blobs.resolve(hash), "a");
    Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../../blobs/" + hash));
    try (Checkpoint checkpoint = Checkpoint.open(snapshot)) {
      assertEquals(Set.of("a"), checkpoint.names());
    }
  }

  @Test
  void hubCacheLayoutOfAnotherRepositoryIsRefused() throws IOException {
    Path blobs = Files.createDirectories(dir.resolve("other/blobs"));
    Path snapshot = Files.createDirectories(dir.resolve("mine/snapshots/0123abcd"));
    String hash = "ab".repeat(32);
    TestFiles.vectors(blobs.resolve(hash), "a");
    Path link = snapshot.resolve("model.safetensors");
    Files.createSymbolicLink(link, Path.of("../../../other/blobs/" + hash));
    assertRefused(() -> Checkpoint.open(snapshot), "outside the model directory");
    Files.delete(link);
    // the cache's own folder, but not a blob of it
    TestFiles.vectors(Files.createDirectories(dir.resolve("mine/blobs")).resolve("passwords"), "a");
    Files.createSymbolicLink(link, Path.of("../../blobs/passwords"));
    assertRefused(() -> Checkpoint.open(snapshot), "outside the model directory");
    Files.delete(link);
    // a blob that is itself a link out of the cache
    Files.createSymbolicLink(
        dir.resolve("mine/blobs").resolve(hash), blobs.resolve(hash).toAbsolutePath());
    Files.createSymbolicLink(link, Path.of("../../blobs/" + hash));
    assertRefused(() -> Checkpoint.open(snapshot), "outside the model directory");
  }

  @Test
  void folderInPlaceOfAFile() throws IOException {
    Files.createDirectory(dir.resolve("model.safetensors"));
    assertRefused(() -> Checkpoint.open(dir), "not a regular file");
  }

  // NaN and infinities.

  @Test
  void nonFiniteWeightsAreNamed() {
    var declarations = new ArrayList<SafeTensorsWriter.Declaration>();
    declarations.add(new SafeTensorsWriter.Declaration("good", StorageType.F32, 4));
    for (StorageType type : List.of(StorageType.F32, StorageType.BF16, StorageType.F16)) {
      declarations.add(new SafeTensorsWriter.Declaration(type.label(), type, 300_000));
    }
    declarations.add(new SafeTensorsWriter.Declaration("ids", StorageType.I64, 1));
    float[] values = new float[300_000];
    values[270_000] = Float.NEGATIVE_INFINITY;
    values[299_999] = Float.NaN;
    try (SafeTensorsWriter writer =
        SafeTensorsWriter.create(dir.resolve("model.safetensors"), declarations, Map.of())) {
      writer.writeFloats("good", new float[] {Float.MAX_VALUE, Float.MIN_VALUE, -0.0f, 0});
      writer.writeFloats("f32", values);
      writer.writeFloats("bf16", values);
      writer.writeFloats("f16", values);
      writer.writeLongs("ids", new long[] {-1});
      writer.commit();
    }
    try (Checkpoint checkpoint = Checkpoint.open(dir)) {
      List<Long> progress = new ArrayList<>();
      List<Checkpoint.NonFinite> found = checkpoint.findNonFinite(progress::add);
      assertEquals(
          List.of("f32", "bf16", "f16"), found.stream().map(Checkpoint.NonFinite::tensor).toList());
      for (Checkpoint.NonFinite nonFinite : found) {
        assertEquals(270_000, nonFinite.index());
        assertEquals(Float.NEGATIVE_INFINITY, nonFinite.value());
        assertEquals(2, nonFinite.count());
        assertTrue(nonFinite.toString().contains("has 2 values that are not finite"));
      }
      assertEquals(progress.stream().sorted().toList(), progress);
      assertEquals(checkpoint.totalBytes(), progress.get(progress.size() - 1));
    }
  }

  @Test
  void failedOpenLeavesNoFileOpen() throws IOException {
    Path open = Path.of("/proc/self/fd");
    assumeTrue(Files.isDirectory(open), "no /proc to count open files in");
    shardFiles();
    index("{\"a\":\"" + TWO + "\"}", null);
    assertThrows(InvalidModelException.class, () -> Checkpoint.open(dir));
    index("{\"a\":\"" + ONE + "\",\"b\":\"" + TWO + "\",\"d\":\"broken.safetensors\"}", null);
    write(dir.resolve("broken.safetensors"), "x");
    assertThrows(InvalidModelException.class, () -> Checkpoint.open(dir));
    try (var descriptors = Files.list(open)) {
      assertTrue(
          descriptors.noneMatch(
              fd -> {
                try {
                  return Files.readSymbolicLink(fd).startsWith(dir.toAbsolutePath());
                } catch (IOException e) {
                  return false; // closed meanwhile: the descriptor of this very listing
                }
              }));
    }
  }

  private void shardFiles() {
    TestFiles.vectors(dir.resolve(ONE), "a");
    TestFiles.vectors(dir.resolve(TWO), "b", "cc");
  }

  private void index(String weightMap, @Nullable String totalSize) {
    String metadata = totalSize == null ? "" : "\"metadata\":{\"total_size\":" + totalSize + "},";
    write(dir.resolve(INDEX), "{" + metadata + "\"weight_map\":" + weightMap + "}");
  }
}
