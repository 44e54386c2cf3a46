package io.sambay4j.bench.quantization;

import io.sambay4j.backend.DType;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.WeightFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * How far quantised weights drift from the stored ones over a long generated text: a model
 * generates once, then every format reads the same tokens and its logits are compared position by
 * position.
 *
 * <pre>
 * Drift --model DIR --work DIR --out FILE.csv [--tokens N] [--every N] [--seed N] [--formats A,B,...]
 * </pre>
 *
 * The text is generated with int4 weights. {@code --work} keeps it and the reference logits of
 * every {@code --every}-th position: a stopped run goes on where it was. {@code --out} grows by the
 * rows of each format.
 */
public final class Drift {
  private static final int CHUNK = 256;

  /** The formats whose text is compared, in the order of the tables. */
  private record Format(WeightFormat weights, DType activations) {}

  private static final Map<String, Format> FORMATS = new LinkedHashMap<>();

  static {
    FORMATS.put("bf16-activations", new Format(WeightFormat.all(DType.BF16), DType.BF16));
    FORMATS.put("int8", new Format(WeightFormat.INT8, DType.F32));
    FORMATS.put("mixed", new Format(WeightFormat.MIXED, DType.F32));
    FORMATS.put("int4", new Format(WeightFormat.INT4, DType.F32));
    FORMATS.put(
        "int4-head-int4", new Format(WeightFormat.INT4.withEmbedding(DType.INT4), DType.F32));
  }

  private Path model = Path.of("models", "tiny-reasoner");
  private Path work = Path.of(System.getProperty("java.io.tmpdir"), "sambay-drift");
  private Path out = Path.of("drift.csv");
  private int tokens = 8192;
  private int every = 4;
  private long seed = 1;
  private List<String> formats = new ArrayList<>(FORMATS.keySet());

  private Drift() {}

  public static void main(String[] args) throws IOException {
    Drift drift = new Drift();
    try {
      drift.parse(args);
    } catch (IllegalArgumentException e) {
      System.err.println("drift: " + e.getMessage());
      System.exit(2);
    }
    drift.run();
  }

  private void parse(String[] args) {
    if (args.length % 2 != 0) {
      throw new IllegalArgumentException("every option has a value");
    }
    for (int i = 0; i < args.length; i += 2) {
      String value = args[i + 1];
      switch (args[i]) {
        case "--model" -> model = Path.of(value);
        case "--work" -> work = Path.of(value);
        case "--out" -> out = Path.of(value);
        case "--tokens" -> tokens = Integer.parseInt(value);
        case "--every" -> every = Integer.parseInt(value);
        case "--seed" -> seed = Long.parseLong(value);
        case "--formats" -> formats = Arrays.asList(value.split(",", -1));
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
    if (tokens < 1 || every < 1 || !FORMATS.keySet().containsAll(formats)) {
      throw new IllegalArgumentException(
          "--tokens and --every are 1 or more, --formats are of " + FORMATS.keySet());
    }
  }

  private void run() throws IOException {
    Files.createDirectories(work);
    int[] text = text();
    Path reference = work.resolve("reference-%d-%d-%d".formatted(seed, tokens, every));
    if (!DriftReference.isComplete(reference)) {
      System.err.println("reading the text with the weights as stored");
      try (SambayModel stored = open(new Format(WeightFormat.all(DType.BF16), DType.F32))) {
        DriftReference.write(reference, stored, text, every);
      }
    }
    if (!Files.exists(out)) {
      Files.writeString(out, DriftScores.HEADER);
    }
    for (String name : formats) {
      System.err.println("reading the text with " + name);
      try (SambayModel quantised = open(Objects.requireNonNull(FORMATS.get(name)));
          DriftReference expected = DriftReference.open(reference)) {
        DriftScores scores = DriftScores.of(expected, quantised, text, every);
        Files.writeString(out, Files.readString(out) + scores.csv(name));
      }
    }
  }

  /** The start token and the generated ones but the last, which nothing follows. */
  private int[] text() throws IOException {
    GeneratedText text = new GeneratedText(work.resolve("text-%d.txt".formatted(seed)), seed);
    Integer first = ModelConfig.read(model.resolve(ModelConfig.FILE)).bosTokenId();
    int start = first == null ? 0 : first;
    if (text.read().length < tokens) {
      System.err.println("generating with int4 weights");
      try (SambayModel generator = open(new Format(WeightFormat.INT4, DType.F32))) {
        text.extend(generator, start, tokens);
      }
    }
    int[] ids = new int[tokens];
    ids[0] = start;
    System.arraycopy(text.read(), 0, ids, 1, tokens - 1);
    return ids;
  }

  private SambayModel open(Format format) {
    return RunnableModel.open(model, format.weights, format.activations, tokens + CHUNK, CHUNK);
  }
}
