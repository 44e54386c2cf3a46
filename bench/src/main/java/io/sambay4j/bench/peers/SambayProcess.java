package io.sambay4j.bench.peers;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.NativeBackend;
import io.sambay4j.bench.model.ModelTimes;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.ModelSource;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.StatePool;
import io.sambay4j.model.WeightFormat;
import io.sambay4j.weights.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Times this engine in a process of its own, as the programs of {@code bench/peers} time the
 * others, and prints one line of JSON.
 *
 * <p>Arguments: {@code MODEL decode|prefill TOKENS CONTEXT THREADS WEIGHTS ACTIVATIONS}, weights
 * {@code stored} or a type; or {@code limits SECONDS THREADS}, which measures what the machine
 * reads at best.
 */
final class SambayProcess {
  private static final int STEP_TOKENS = 512;
  private static final int WARM_UP_PROMPT = 8;

  private SambayProcess() {}

  public static void main(String[] args) throws IOException {
    ObjectNode result =
        args[0].equals("limits")
            ? limits(Double.parseDouble(args[1]), Integer.parseInt(args[2]))
            : model(args);
    System.out.println(new ObjectMapper().writeValueAsString(result));
  }

  private static ObjectNode limits(double seconds, int threads) {
    try (Backend backend = Backends.open("cpu", null, threads)) {
      return new ObjectMapper()
          .createObjectNode()
          .put("read", ((NativeBackend) backend).measureLimits(seconds).readBytes())
          .put("about", ((NativeBackend) backend).description());
    }
  }

  private static ObjectNode model(String[] args) throws IOException {
    boolean decode = args[1].equals("decode");
    int tokens = Integer.parseInt(args[2]);
    int context = Integer.parseInt(args[3]);
    int limit = decode ? context + tokens + 64 : tokens + WARM_UP_PROMPT;
    WeightFormat weights = args[5].equals("stored") ? null : WeightFormat.of(dtype(args[5]));
    long began = System.nanoTime();
    try (SambayModel model =
        open(Path.of(args[0]), weights, dtype(args[6]), limit, Integer.parseInt(args[4]))) {
      double load = (System.nanoTime() - began) / 1e9;
      ModelTimes times = new ModelTimes(model);
      double[] seconds;
      if (decode) {
        seconds = times.decode(1, Math.max(1, context), tokens);
      } else {
        times.prompt(WARM_UP_PROMPT);
        seconds = new double[] {times.prompt(tokens)};
      }
      return result(load, seconds, model.backend().description());
    }
  }

  private static SambayModel open(
      Path path, @Nullable WeightFormat weights, DType activations, int context, int threads) {
    ModelSource source = ModelSource.open(path);
    LoadOptions options =
        new LoadOptions(
            weights, activations, context, 1, STEP_TOKENS, StatePool.cacheTokens(1, context, 0));
    try (Checkpoint checkpoint = source.openCheckpoint()) {
      return ModelLoader.load(
          Backends.open("cpu", null, threads),
          source.config(),
          checkpoint,
          options,
          (done, all) -> {});
    }
  }

  private static DType dtype(String name) {
    return DType.valueOf(name.toUpperCase(Locale.ROOT));
  }

  private static ObjectNode result(double load, double[] seconds, String about) throws IOException {
    ObjectNode result = new ObjectMapper().createObjectNode().put("load", load);
    ArrayNode all = result.putArray("seconds");
    for (double s : seconds) {
      all.add(s);
    }
    return result
        .put("resident", status("VmRSS"))
        .put("peak", status("VmHWM"))
        .put("anonymous", status("RssAnon"))
        .put("about", about);
  }

  private static long status(String key) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith(key + ":")) {
        return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IOException("/proc/self/status has no " + key);
  }
}
