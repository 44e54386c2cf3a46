package io.sambay4j;

import static io.sambay4j.TinyModel.endless;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.DType;
import io.sambay4j.model.RopeConfig;
import io.sambay4j.model.StateFile;
import io.sambay4j.model.StateFile.State;
import io.sambay4j.model.StateTensors.Named;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** States of the prefix cache in files: found again, and never believed. */
@Timeout(300)
final class PrefixCacheFilesTest {
  @TempDir private Path directory;

  private TextModel.Builder builder(long bytes) {
    return TextModel.builder(TinyModel.DIRECTORY)
        .sequences(2)
        .deterministic(true)
        .prefixCacheBytes(bytes)
        .prefixCacheDirectory(directory.resolve("states"));
  }

  private static Generation ask(TextModel model, int[] prompt) {
    return model.generate(endless(10, prompt).build());
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.list(directory.resolve("states"))) {
      return all.sorted().toList();
    }
  }

  private static int[] prompt(int seed) {
    return TinyModel.tokens(new Random(seed), 300);
  }

  @Test
  void whatMemoryHasNoRoomForComesBackFromAFile() {
    long one;
    try (TextModel model = TinyModel.open(1)) {
      one = model.model().states().slotBytes();
    }
    try (TextModel model = builder(3 * one + 100_000).open();
        TextModel cold =
            TextModel.builder(TinyModel.DIRECTORY).sequences(1).deterministic(true).open()) {
      for (int i = 0; i < 6; i++) {
        ask(model, prompt(i));
      }
      assertTrue(model.statistics().prefixCacheEvictions() > 0);
      assertTrue(model.statistics().prefixCacheFiles() > 0);
      for (int i = 0; i < 6; i++) {
        Generation again = ask(model, prompt(i));
        assertArrayEquals(ask(cold, prompt(i)).tokenIds(), again.tokenIds(), "prompt " + i);
      }
      assertTrue(model.statistics().prefixCacheTokensSaved() >= 3 * 299);
    }
  }

  @Test
  void anotherRunFindsThemAndAnotherModelDoesNot() throws IOException {
    int[] want;
    try (TextModel model = builder(64 << 20).open()) {
      want = ask(model, prompt(1)).tokenIds();
    }
    assertTrue(files().size() > 0);
    try (TextModel model = builder(64 << 20).open()) {
      Generation again = ask(model, prompt(1));
      assertEquals(299, again.usage().cachedTokens());
      assertArrayEquals(want, again.tokenIds());
    }
    try (TextModel other = builder(64 << 20).weights(DType.INT8).open()) {
      assertEquals(0, ask(other, prompt(1)).usage().cachedTokens());
    }
  }

  /**
   * Every byte matters: a file with one changed is not used, and the answer is that of a cold run.
   */
  @Test
  void damagedAndHostileFilesAreIgnored() throws IOException {
    int[] want;
    try (TextModel model = builder(64 << 20).open()) {
      want = ask(model, prompt(1)).tokenIds();
    }
    Path states = directory.resolve("states");
    Path good = directory.resolve("good");
    Files.createDirectories(good);
    for (Path file : files()) {
      Files.move(file, good.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
    }
    Random random = new Random(11);
    for (int round = 0; round < 12; round++) {
      for (Path file : files()) {
        Files.delete(file);
      }
      try (Stream<Path> all = Files.list(good)) {
        for (Path file : all.toList()) {
          byte[] bytes = Files.readAllBytes(file);
          if (round == 0) {
            bytes = Arrays.copyOf(bytes, bytes.length - 1000);
          } else if (round == 1) {
            bytes = new byte[] {1, 2, 3};
          } else {
            int at =
                round % 2 == 0
                    ? bytes.length - 1 - random.nextInt(bytes.length / 2)
                    : random.nextInt(2000);
            bytes[at] ^= (byte) (1 << random.nextInt(8));
          }
          Files.write(states.resolve(file.getFileName()), bytes);
        }
      }
      Files.write(states.resolve("prefix-x.safetensors"), new byte[0]);
      Files.writeString(states.resolve("other.txt"), "not ours");
      try (TextModel model = builder(64 << 20).open()) {
        Generation cold = ask(model, prompt(1));
        assertArrayEquals(want, cold.tokenIds(), "round " + round);
        assertEquals(0, cold.usage().cachedTokens(), "round " + round);
      }
      assertTrue(Files.exists(states.resolve("other.txt")));
    }
  }

  /** Checksums are right, and what they are of is not. */
  @Test
  void wellMadeFilesOfWrongArraysAreIgnored() throws IOException {
    int[] prompt = prompt(1);
    int[] want;
    String fingerprint;
    RopeConfig.Factors factors;
    Map<String, Named> arrays;
    try (TextModel model = builder(64 << 20).open()) {
      want = ask(model, prompt).tokenIds();
    }
    try (TextModel model = builder(64 << 20).open()) {
      fingerprint = model.model().fingerprint();
      State state = StateFile.read(files().get(0), model.model());
      factors = state.factors();
      arrays = state.arrays();
    }
    Map<String, Named> missing = new LinkedHashMap<>(arrays);
    missing.remove(arrays.keySet().iterator().next());
    Map<String, Named> reshaped = new LinkedHashMap<>(arrays);
    Map<String, Named> notFinite = new LinkedHashMap<>(arrays);
    arrays.forEach(
        (name, array) -> {
          reshaped.put(name, new Named(new long[] {array.values().length}, array.values()));
          float[] values = array.values().clone();
          values[values.length / 2] = Float.NaN;
          notFinite.put(name, new Named(array.shape(), values));
        });
    for (Map<String, Named> wrong : List.of(missing, reshaped, notFinite)) {
      for (Path file : files()) {
        Files.delete(file);
      }
      int[] tokens = Arrays.copyOf(prompt, 299);
      Path file = directory.resolve("states").resolve("prefix-wrong.safetensors");
      StateFile.write(file, fingerprint, new State(tokens, factors, wrong));
      try (TextModel model = builder(64 << 20).open()) {
        assertEquals(1, model.statistics().prefixCacheFiles(), "its header is right");
        Generation cold = ask(model, prompt);
        assertArrayEquals(want, cold.tokenIds());
        assertEquals(0, cold.usage().cachedTokens());
      }
    }
  }

  @Test
  void filesKeepToTheirLimit() throws IOException {
    long one;
    try (TextModel model = builder(64 << 20).open()) {
      ask(model, prompt(1));
    }
    one = Files.size(files().get(0));
    try (TextModel model = builder(64 << 20).prefixCacheFileBytes(3 * one).open()) {
      for (int i = 2; i < 10; i++) {
        ask(model, prompt(i));
      }
    }
    long bytes = 0;
    for (Path file : files()) {
      bytes += Files.size(file);
    }
    assertTrue(bytes <= 4 * one, "%d bytes, one has %d".formatted(bytes, one));
  }
}
