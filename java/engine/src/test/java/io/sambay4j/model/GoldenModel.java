package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.SafeTensors;
import io.sambay4j.weights.TensorInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A small random model with values computed in float64 by an independent implementation; see
 * native/tests/goldens.
 *
 * @param name directory
 * @param cases one for each prompt
 */
record GoldenModel(String name, List<Case> cases) {
  /** Relative to the largest wanted number of a tensor; from the goldens' README. */
  static final double F32_TOLERANCE = 2e-4;

  private static final Path GOLDENS =
      Path.of(System.getProperty("sambay.root", "."), "native", "tests", "goldens");

  /** An array of the file. */
  @SuppressWarnings("ArrayRecordComponent")
  record Array(long[] shape, float[] values) {
    int rows() {
      return (int) shape[0];
    }

    int cols() {
      return values.length / rows();
    }

    float[] row(int i) {
      return Arrays.copyOfRange(values, i * cols(), (i + 1) * cols());
    }
  }

  /**
   * One prompt.
   *
   * @param prefix "c0." and so on
   * @param arrays by name, without the prefix
   */
  @SuppressWarnings("ArrayRecordComponent")
  record Case(String prefix, int[] inputIds, int[] greedyIds, Map<String, Array> arrays) {
    Array greedyLogits() {
      return array("greedy_logits");
    }

    Array array(String name) {
      Array array = arrays.get(name);
      if (array == null) {
        throw new AssertionError("no " + prefix + name + " in the golden");
      }
      return array;
    }
  }

  /** Directories of all models. */
  static Stream<String> names() {
    try (Stream<Path> directories = Files.list(GOLDENS)) {
      List<String> names =
          directories
              .map(directory -> directory.getFileName().toString())
              .filter(name -> Files.exists(GOLDENS.resolve(name).resolve(ModelConfig.FILE)))
              .sorted()
              .toList();
      if (names.isEmpty()) {
        throw new AssertionError("no goldens in " + GOLDENS);
      }
      return names.stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static GoldenModel read(String name) {
    Map<String, Map<String, Array>> cases = new TreeMap<>();
    Map<String, Map<String, int[]>> ids = new TreeMap<>();
    try (SafeTensors file =
        SafeTensors.open(GOLDENS.resolve(name).resolve("expected.safetensors"))) {
      for (TensorInfo info : file.tensors().values()) {
        int dot = info.name().indexOf('.');
        String prefix = info.name().substring(0, dot + 1);
        String rest = info.name().substring(dot + 1);
        if (rest.endsWith("_ids")) {
          int[] values = Arrays.stream(file.readLongs(info)).mapToInt(Math::toIntExact).toArray();
          ids.computeIfAbsent(prefix, key -> new TreeMap<>()).put(rest, values);
        } else {
          cases
              .computeIfAbsent(prefix, key -> new TreeMap<>())
              .put(rest, new Array(info.shape(), file.readFloats(info)));
        }
      }
    }
    List<Case> all = new ArrayList<>();
    cases.forEach(
        (prefix, arrays) ->
            all.add(
                new Case(
                    prefix,
                    ids(ids, prefix, "input_ids"),
                    ids(ids, prefix, "greedy_ids"),
                    arrays)));
    return new GoldenModel(name, all);
  }

  private static int[] ids(Map<String, Map<String, int[]>> ids, String prefix, String name) {
    return Objects.requireNonNull(
        Objects.requireNonNull(ids.get(prefix), prefix).get(name), prefix + name);
  }

  /**
   * Loads the model's weights, for sequences of up to 1024 tokens. The model closes the backend.
   */
  SambayModel load(Backend backend, DType activations) {
    Path directory = GOLDENS.resolve(name);
    ModelConfig config = ModelConfig.read(directory.resolve(ModelConfig.FILE));
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      return ModelLoader.load(
          backend,
          config,
          checkpoint,
          new LoadOptions(null, activations, 1024, cases.size() + 1, 1200, 4096),
          (done, total) -> {});
    }
  }

  /** Fails unless |got - want| <= tolerance * max|want| everywhere. */
  static void assertClose(String what, float[] want, float[] got, double tolerance) {
    if (want.length != got.length) {
      throw new AssertionError(
          "%s has %d numbers, expected %d".formatted(what, got.length, want.length));
    }
    double max = 0;
    for (float w : want) {
      max = Math.max(max, Math.abs(w));
    }
    for (int i = 0; i < want.length; i++) {
      double difference = Math.abs((double) want[i] - got[i]);
      if (!(difference <= tolerance * max)) {
        throw new AssertionError(
            "%s[%d] is %s, expected %s: off by %.2e of the largest, %s"
                .formatted(what, i, got[i], want[i], difference / max, max));
      }
    }
  }
}
