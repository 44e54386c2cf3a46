package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.NativeException;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.NativeLibrary;
import io.sambay4j.weights.SafeTensors;
import io.sambay4j.weights.StorageType;
import io.sambay4j.weights.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The written file against what an independent implementation computed in float64 for the golden
 * models.
 */
final class LogitsCommandTest {
  /** Relative to the largest wanted number of a tensor; from the goldens' README. */
  private static final double TOLERANCE = 2e-4;

  @TempDir private Path temporary;

  static Stream<String> goldens() throws IOException {
    try (Stream<Path> directories = Files.list(Run.GOLDENS)) {
      return directories
          .map(directory -> directory.getFileName().toString())
          .filter(name -> Files.exists(Run.GOLDENS.resolve(name).resolve("config.json")))
          .sorted()
          .toList()
          .stream();
    }
  }

  static Stream<Arguments> goldensByTarget() throws IOException {
    return goldens()
        .flatMap(
            golden ->
                Stream.of("scalar", "avx2", "avx512", "amx")
                    .map(target -> Arguments.of(golden, target)));
  }

  @ParameterizedTest
  @MethodSource("goldensByTarget")
  void reproducesTheGoldens(String golden, String target) {
    assumeRuns(target);
    compare(golden, "--target", target);
    compare(golden, "--target", target, "--chunk", "3");
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void reproducesTheGoldensOnTheReferenceBackend(String golden) {
    Assumptions.assumeFalse(golden.contains("w512"), "too slow in plain Java");
    compare(golden, "--device", "reference");
  }

  private static void assumeRuns(String target) {
    Assumptions.assumeTrue(NativeLibrary.isAvailable(), "no native library on this platform");
    try {
      Backends.open("cpu", target, 1).close();
    } catch (NativeException e) {
      Assumptions.abort(e.getMessage());
    }
  }

  private void compare(String golden, String... options) {
    Path directory = Run.GOLDENS.resolve(golden);
    Path out = temporary.resolve(golden + ".safetensors");
    try (SafeTensors want = SafeTensors.open(directory.resolve("expected.safetensors"))) {
      List<Object> args =
          new ArrayList<>(List.of("logits", "--model", directory, "--layers", "--out", out));
      int greedy = 0;
      for (int i = 0; want.tensors().containsKey("c" + i + ".input_ids"); i++) {
        args.add("--ids");
        args.add(join(longs(want, "c" + i + ".input_ids")));
        greedy = Math.max(greedy, longs(want, "c" + i + ".greedy_ids").length);
      }
      args.addAll(List.of("--greedy", greedy));
      args.addAll(List.of(options));
      Run.sambay(args.toArray()).expect(0);
      try (SafeTensors got = SafeTensors.open(out)) {
        compareTensors(golden + " " + String.join(" ", options), want, got);
      }
    }
  }

  private static void compareTensors(String what, SafeTensors want, SafeTensors got) {
    int compared = 0;
    for (TensorInfo info : want.tensors().values()) {
      String name = info.name();
      String where = what + " " + name;
      if (name.endsWith("greedy_margin")) {
        continue; // a property of greedy_logits
      }
      if (name.endsWith("last_logits")) {
        float[] all = floats(got, name.replace("last_logits", "logits"));
        float[] wanted = floats(want, name);
        assertClose(where, wanted, Arrays.copyOfRange(all, all.length - wanted.length, all.length));
      } else if (name.endsWith("_ids")) {
        long[] wanted = longs(want, name);
        assertEquals(StorageType.I64, tensor(got, name).type(), where);
        // One run takes the same number of steps for every prompt.
        assertArrayEquals(wanted, Arrays.copyOf(longs(got, name), wanted.length), where);
      } else if (name.endsWith("greedy_logits")) {
        float[] wanted = floats(want, name);
        assertClose(where, wanted, Arrays.copyOf(floats(got, name), wanted.length));
      } else {
        assertArrayEquals(info.shape(), tensor(got, name).shape(), where);
        assertEquals(info.type(), tensor(got, name).type(), where);
        assertClose(where, floats(want, name), floats(got, name));
      }
      compared++;
    }
    assertTrue(compared > 4, "hardly anything was compared");
  }

  private static TensorInfo tensor(SafeTensors file, String name) {
    TensorInfo info = file.tensors().get(name);
    if (info == null) {
      throw new AssertionError(name + " is missing from " + file.file());
    }
    return info;
  }

  private static float[] floats(SafeTensors file, String name) {
    return file.readFloats(tensor(file, name));
  }

  private static long[] longs(SafeTensors file, String name) {
    return file.readLongs(tensor(file, name));
  }

  private static String join(long[] ids) {
    return Arrays.stream(ids).mapToObj(Long::toString).collect(Collectors.joining(","));
  }

  private static void assertClose(String what, float[] want, float[] got) {
    assertEquals(want.length, got.length, what);
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < want.length; i++) {
      assertTrue(Float.isFinite(got[i]), what);
      largest = Math.max(largest, Math.abs(want[i]));
      difference = Math.max(difference, Math.abs((double) want[i] - got[i]));
    }
    assertTrue(
        difference <= TOLERANCE * largest,
        "%s is off by %.2e of its largest".formatted(what, difference / largest));
  }

  @Test
  void everyPromptHasEveryTensor() {
    Path out = temporary.resolve("all.safetensors");
    Run run =
        Run.sambay(
                "logits",
                "--model",
                Run.GOLDENS.resolve("flash-tiny-bf16"),
                "--ids",
                "5,9,2",
                "--ids",
                "7",
                "--greedy",
                "4",
                "--layers",
                "--out",
                out)
            .expect(0);
    assertEquals("", run.out());
    assertTrue(run.err().contains("tensors of 2 prompts are in"), run.err());
    try (SafeTensors file = SafeTensors.open(out)) {
      Map<String, String> shapes = new TreeMap<>();
      file.tensors()
          .values()
          .forEach(info -> shapes.put(info.name(), Arrays.toString(info.shape())));
      for (String prefix : List.of("c0.", "c1.")) {
        for (String name :
            List.of(
                "input_ids",
                "logits",
                "hidden.0",
                "hidden.8",
                "memory",
                "final_norm",
                "state.0.conv",
                "state.0.ssm",
                "state.1.k",
                "state.5.v",
                "greedy_ids")) {
          assertTrue(shapes.containsKey(prefix + name), prefix + name);
        }
      }
      assertEquals("[3, 256]", shapes.get("c0.logits"));
      assertEquals("[5, 256]", shapes.get("c1.greedy_logits"));
      assertEquals("[1, 2, 16]", shapes.get("c1.state.1.k"));
    }
  }

  @Test
  void withoutOptionsOnlyTheLogits() {
    Path out = temporary.resolve("few.safetensors");
    Run.sambay("logits", "--ids", "5, 9 2", "--out", out).expect(0);
    try (SafeTensors file = SafeTensors.open(out)) {
      assertEquals(List.of("c0.input_ids", "c0.logits"), List.copyOf(file.tensors().keySet()));
    }
  }

  @Test
  void promptsFromAFileAndLongerThanAStep() throws IOException {
    String thousand =
        Stream.iterate(1, id -> id * 31 % 453)
            .limit(1000)
            .map(String::valueOf)
            .collect(Collectors.joining(" "));
    Path ids = Files.writeString(temporary.resolve("ids.txt"), thousand + "\n\n7,8\n");
    Path inSteps = temporary.resolve("steps.safetensors");
    Path inChunks = temporary.resolve("chunks.safetensors");
    Run.sambay("logits", "--ids-file", ids, "--ids", "3", "--out", inSteps).expect(0);
    Run.sambay("logits", "--ids-file", ids, "--ids", "3", "--chunk", "97", "--out", inChunks)
        .expect(0);
    try (SafeTensors steps = SafeTensors.open(inSteps);
        SafeTensors chunks = SafeTensors.open(inChunks)) {
      assertArrayEquals(new long[] {3}, longs(steps, "c0.input_ids"));
      assertEquals(1000, longs(steps, "c1.input_ids").length);
      assertArrayEquals(new long[] {7, 8}, longs(steps, "c2.input_ids"));
      for (String name : List.of("c0.logits", "c1.logits", "c2.logits")) {
        assertClose(name, floats(steps, name), floats(chunks, name));
      }
    }
  }

  @Test
  void bf16ActivationsAreCloseButNotEqual() {
    Path exact = temporary.resolve("f32.safetensors");
    Path rounded = temporary.resolve("bf16.safetensors");
    Run.sambay("logits", "--ids", "49,55,43,50,53", "--out", exact).expect(0);
    Run.sambay("logits", "--ids", "49,55,43,50,53", "--activations", "bf16", "--out", rounded)
        .expect(0);
    try (SafeTensors f32 = SafeTensors.open(exact);
        SafeTensors bf16 = SafeTensors.open(rounded)) {
      float[] want = floats(f32, "c0.logits");
      float[] got = floats(bf16, "c0.logits");
      double error = 0;
      double norm = 0;
      for (int i = 0; i < want.length; i++) {
        error += Math.pow((double) want[i] - got[i], 2);
        norm += Math.pow(want[i], 2);
      }
      double relative = Math.sqrt(error / norm);
      assertTrue(relative > 1e-5 && relative < 0.06, "relative L2 " + relative);
    }
  }

  @Test
  void anExistingFileIsReplacedOnlyByAWholeOne() throws IOException {
    Path out = Files.writeString(temporary.resolve("kept"), "before");
    Run.sambay("logits", "--ids", "454", "--out", out).expect(2);
    assertEquals("before", Files.readString(out));
    Run.sambay("logits", "--ids", "453", "--out", out).expect(0);
    assertTrue(Files.size(out) > 454 * 4);
    try (Stream<Path> files = Files.list(temporary)) {
      assertEquals(1, files.count(), "something was left behind");
    }
  }
}
