package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.TestFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Small models, and the plain way of running them that everything cleverer is compared with. */
public final class TestModels {
  private static final Path ROOT = Path.of(System.getProperty("sambay.root", "."));

  /** A trained model: window 24, context 4096. */
  public static final Path TINY_REASONER = ROOT.resolve("models/tiny-reasoner");

  private TestModels() {}

  /** A model of random weights from the goldens. */
  static Path golden(String name) {
    return ROOT.resolve("native/tests/goldens").resolve(name);
  }

  /**
   * The dense golden with plain rotary embedding, which does not care how long a sequence becomes.
   *
   * @param directory made if it does not exist
   * @param window of every layer, or null for full attention
   */
  static Path dense(Path directory, @Nullable Integer window) {
    Path golden = golden("phi4mini-tiny");
    String config = TestFiles.text(golden.resolve(ModelConfig.FILE));
    config = ModelConfigTest.set(config, "rope_scaling", "null");
    config = ModelConfigTest.set(config, "sliding_window", String.valueOf(window));
    try {
      if (Files.notExists(directory)) {
        Files.createDirectories(directory);
        TestFiles.write(directory.resolve(ModelConfig.FILE), config);
        Files.copy(
            golden.resolve(Checkpoint.SINGLE_FILE), directory.resolve(Checkpoint.SINGLE_FILE));
      }
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Loads a model onto the best device here. */
  public static SambayModel load(
      Path directory, int sequences, int contextLimit, int stepTokens, int cacheTokens) {
    return load(directory, sequences, contextLimit, stepTokens, cacheTokens, 0);
  }

  /** The same with a prefix cache. */
  public static SambayModel load(
      Path directory,
      int sequences,
      int contextLimit,
      int stepTokens,
      int cacheTokens,
      long prefixCacheBytes) {
    ModelConfig config = ModelConfig.read(directory.resolve(ModelConfig.FILE));
    Backend backend = Backends.open("auto", null, 0);
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      LoadOptions options =
          new LoadOptions(null, DType.F32, contextLimit, sequences, stepTokens, cacheTokens)
              .withPrefixCache(prefixCacheBytes);
      return ModelLoader.load(backend, config, checkpoint, options, (done, total) -> {});
    }
  }

  /** Tokens at random. */
  static int[] tokens(Random random, SambayModel model, int count) {
    return random.ints(count, 0, model.config().vocabSize()).toArray();
  }

  /** Feeds tokens as one chunk; the logits after the last. */
  static float[] feed(SambayModel model, SequenceState sequence, int... ids) {
    float[][] last = new float[1][];
    model.forward(
        List.of(new Chunk(sequence, ids, Wanted.LAST)),
        (chunk, token, logits) -> last[0] = logits.clone());
    return last[0];
  }

  /** Feeds tokens in chunks of a given size; the logits after each. */
  static List<float[]> feedAll(
      SambayModel model, SequenceState sequence, int[] ids, int chunkSize) {
    List<float[]> rows = new ArrayList<>();
    for (int from = 0; from < ids.length; from += chunkSize) {
      int to = Math.min(ids.length, from + chunkSize);
      int[] part = java.util.Arrays.copyOfRange(ids, from, to);
      model.forward(
          List.of(new Chunk(sequence, part, Wanted.ALL)),
          (chunk, token, logits) -> rows.add(logits.clone()));
    }
    return rows;
  }

  /** The logits after the last token, in a sequence of its own. */
  static float[] cold(SambayModel model, int... ids) {
    try (SequenceState sequence = model.states().acquire()) {
      return feed(model, sequence, ids);
    }
  }

  /** The id of the highest logit. */
  static int greedy(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }

  /**
   * Fails unless two rows of logits agree within the rule for f32, and choose alike where the
   * choice is not a tie.
   */
  static void assertSame(String what, float[] want, float[] got) {
    GoldenModel.assertClose(what, want, got, GoldenModel.F32_TOLERANCE);
    int best = greedy(want);
    int other = greedy(got);
    double max = 0;
    for (float w : want) {
      max = Math.max(max, Math.abs(w));
    }
    if (want[best] - want[other] > 2 * GoldenModel.F32_TOLERANCE * max) {
      throw new AssertionError("%s chooses %d, expected %d".formatted(what, other, best));
    }
  }

  static int[] concat(int[] first, int... second) {
    int[] all = java.util.Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }
}
