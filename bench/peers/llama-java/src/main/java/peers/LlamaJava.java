package peers;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LlamaOutput;
import de.kherud.llama.ModelParameters;
import de.kherud.llama.args.LogFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Times llama.cpp through its Java binding and prints one line of JSON.
 *
 * <p>Arguments: {@code MODEL.gguf decode|prefill TOKENS CONTEXT THREADS}, as {@code engine.mjs} beside it explains.
 * Prompts are texts here: capital letters, each a token of its own in the vocabulary of RandomCheckpoint.
 */
public final class LlamaJava {
  private static final int WARM_UP = 4;
  private static final int CHUNK = 512;
  private static final long STACK_BYTES = 1L << 28;

  private LlamaJava() {}

  /** On a thread with room: its tokenizer recurses once for each letter of a word, and our prompts are one long word. */
  public static void main(String[] args) throws InterruptedException {
    Thread measurement =
        new Thread(
            null,
            () -> {
              try {
                measure(args);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            },
            "measurement",
            STACK_BYTES);
    measurement.setUncaughtExceptionHandler(
        (thread, failure) -> {
          failure.printStackTrace();
          System.exit(1);
        });
    measurement.start();
    measurement.join();
  }

  private static void measure(String[] args) throws IOException {
    boolean decode = args[1].equals("decode");
    int tokens = Integer.parseInt(args[2]);
    int context = Integer.parseInt(args[3]);
    int threads = Integer.parseInt(args[4]);
    List<String> system = new ArrayList<>();
    LlamaModel.setLogger(
        LogFormat.TEXT,
        (level, message) -> {
          if (message.contains("system_info")) {
            system.add(message.strip());
          }
        });
    long began = System.nanoTime();
    ModelParameters parameters =
        new ModelParameters()
            .setModel(args[0])
            .setThreads(threads)
            .setThreadsBatch(threads)
            .setCtxSize((decode ? context + tokens + 2 * WARM_UP : tokens) + 64)
            .setBatchSize(CHUNK)
            .setUbatchSize(CHUNK);
    try (LlamaModel model = new LlamaModel(parameters)) {
      double load = (System.nanoTime() - began) / 1e9;
      List<Double> seconds;
      if (decode) {
        List<Long> times = generate(model, text(model, Math.max(1, context), 1), WARM_UP + tokens);
        seconds = new ArrayList<>();
        for (int i = WARM_UP; i < times.size(); i++) {
          seconds.add((times.get(i) - times.get(i - 1)) / 1e9);
        }
      } else {
        generate(model, text(model, 8, 1), 1); // the first call makes working memory
        String prompt = text(model, tokens, 2);
        long start = System.nanoTime();
        seconds = List.of((generate(model, prompt, 1).get(0) - start) / 1e9);
      }
      System.out.printf(
          Locale.ROOT,
          "{\"load\": %.3f, \"seconds\": [%s], \"resident\": %d, \"peak\": %d, \"anonymous\": %d, \"about\": \"%s\"}%n",
          load,
          seconds.stream().map(s -> String.format(Locale.ROOT, "%.6f", s)).collect(Collectors.joining(", ")),
          bytes("VmRSS"),
          bytes("VmHWM"),
          bytes("RssAnon"),
          String.join(" ", system).replace('"', '\''));
    }
    System.exit(0); // the library leaves threads behind
  }

  /** When each token came, from {@link System#nanoTime}. */
  private static List<Long> generate(LlamaModel model, String prompt, int count) {
    List<Long> times = new ArrayList<>();
    InferenceParameters parameters =
        new InferenceParameters(prompt)
            .setCachePrompt(false)
            .setNPredict(count)
            .setTemperature(0)
            .setIgnoreEos(true)
            .setRepeatPenalty(1f);
    for (LlamaOutput ignored : model.generate(parameters)) {
      times.add(System.nanoTime());
    }
    if (times.size() < count) {
      throw new IllegalStateException("only " + times.size() + " of " + count + " tokens were generated");
    }
    return times.subList(0, count);
  }

  private static String text(LlamaModel model, int tokens, int salt) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < tokens; i++) {
      text.append((char) ('A' + (i * 7 + i / 26 + salt) % 26));
    }
    int encoded = model.encode(text.toString()).length;
    if (encoded != tokens) {
      throw new IllegalStateException("the prompt has " + encoded + " tokens instead of " + tokens);
    }
    return text.toString();
  }

  private static long bytes(String key) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith(key + ":")) {
        return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    return 0;
  }
}
