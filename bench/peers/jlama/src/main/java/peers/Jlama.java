package peers;

import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.safetensors.SafeTensorSupport;
import com.github.tjake.jlama.tensor.AbstractTensor;
import com.github.tjake.jlama.tensor.KvBufferCache;
import com.github.tjake.jlama.tensor.operations.TensorOperationsProvider;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * Times Jlama and prints one line of JSON.
 *
 * <p>Arguments: {@code DIRECTORY decode|prefill TOKENS CONTEXT THREADS TYPE}, the type of the weights {@code Q4} or {@code BF16},
 * the others as {@code ../node/engine.mjs} explains; or {@code quantize DIRECTORY NEW-DIRECTORY Q4}.
 */
public final class Jlama {
  private static final int WARM_UP = 4;
  private static final float GREEDY = 0;

  private final AbstractModel model;
  private final AbstractTensor logits;

  private Jlama(AbstractModel model) {
    this.model = model;
    this.logits = model.makeDenseTensor(model.getConfig().vocabularySize);
  }

  public static void main(String[] args) throws IOException {
    if (args[0].equals("quantize")) {
      quantize(Path.of(args[1]), Path.of(args[2]), DType.valueOf(args[3]));
    }
    boolean decode = args[1].equals("decode");
    int tokens = Integer.parseInt(args[2]);
    int context = Integer.parseInt(args[3]);
    DType type = DType.valueOf(args[5]);
    long began = System.nanoTime();
    AbstractModel model =
        ModelSupport.loadModel(
            new File(args[0]),
            new File(System.getProperty("java.io.tmpdir")),
            DType.F32, // activations
            type == DType.BF16 ? DType.BF16 : DType.I8, // activations of products
            Optional.empty(),
            Optional.of(Integer.parseInt(args[4])));
    double load = (System.nanoTime() - began) / 1e9;
    Jlama jlama = new Jlama(model);
    List<Double> seconds = decode ? jlama.decode(tokens, context) : jlama.prefill(tokens);
    System.out.printf(
        Locale.ROOT,
        "{\"load\": %.3f, \"seconds\": [%s], \"resident\": %d, \"peak\": %d, \"anonymous\": %d, \"about\": \"%s\"}%n",
        load,
        seconds.stream().map(s -> String.format(Locale.ROOT, "%.6f", s)).collect(Collectors.joining(", ")),
        bytes("VmRSS"),
        bytes("VmHWM"),
        bytes("RssAnon"),
        TensorOperationsProvider.get().name());
    System.exit(0); // its threads do not end by themselves
  }

  /** As its own command line quantises a model, but the embedding and head as well. */
  private static void quantize(Path from, Path to, DType type) throws IOException {
    SafeTensorSupport.quantizeModel(from, type, new String[] {"norm"}, null, Optional.of(to));
    System.exit(0);
  }

  private List<Double> decode(int tokens, int context) {
    KvBufferCache.KvBuffer cache = new KvBufferCache(model).getKvBuffer(UUID.randomUUID());
    int token = prompt(1, 1)[0];
    if (context > 0) {
      model.batchForward(prompt(context, 0), 0, cache);
    }
    List<Double> seconds = new ArrayList<>();
    for (int i = 0; i < WARM_UP + tokens; i++) {
      long start = System.nanoTime();
      AbstractTensor output = model.forward(token, context + i, cache, Optional.empty());
      token = model.sample(output, GREEDY, 0, logits);
      output.close();
      if (i >= WARM_UP) {
        seconds.add((System.nanoTime() - start) / 1e9);
      }
    }
    return seconds;
  }

  private List<Double> prefill(int tokens) {
    read(prompt(8, 1)); // the first call compiles
    int[] prompt = prompt(tokens, 2);
    long start = System.nanoTime();
    read(prompt);
    return List.of((System.nanoTime() - start) / 1e9);
  }

  private void read(int[] prompt) {
    KvBufferCache.KvBuffer cache = new KvBufferCache(model).getKvBuffer(UUID.randomUUID());
    AbstractTensor hidden = model.batchForward(prompt, 0, cache);
    int last = hidden.shape().first() - 1; // of its last batch: it reads 256 tokens at a time
    model.sample(hidden.slice(last), GREEDY, 0, logits);
    hidden.close();
  }

  private static int[] prompt(int count, int salt) {
    int[] ids = new int[count];
    for (int i = 0; i < count; i++) {
      ids[i] = 300 + (i * 7919 + salt * 104_729) % 190_000;
    }
    return ids;
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
