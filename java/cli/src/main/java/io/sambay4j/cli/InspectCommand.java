package io.sambay4j.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.InvalidModelException;
import io.sambay4j.backend.AvailableMemory;
import io.sambay4j.backend.DeviceMemory;
import io.sambay4j.model.AutomaticPrefixCache;
import io.sambay4j.model.LayerKind;
import io.sambay4j.model.MemoryEstimate;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelTensors;
import io.sambay4j.model.RopeConfig;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.GgufMetadata;
import io.sambay4j.weights.ModelDirectory;
import io.sambay4j.weights.QuantizationManifest;
import io.sambay4j.weights.StorageType;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "inspect",
    description =
        "Shows configuration, layers, parameters by part, formats, and the memory a model "
            + "takes for a given context and batch, and the devices here. Reads headers only; "
            + "--check and --verify read the weights as well.",
    header = "Shows what a model directory or GGUF file holds and needs.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay inspect",
      "  sambay inspect --model DIR --context 32768 --batch 8 --dtype bf16",
      "  sambay inspect --model DIR --check",
      "  sambay inspect --json | jq .memory"
    })
final class InspectCommand implements Callable<Integer> {
  private static final int STEP_TOKENS = 512;
  private static final int MAX_BATCH = STEP_TOKENS;

  private final Console console;

  @Mixin private ModelOptions model = new ModelOptions();

  @Option(
      names = "--batch",
      paramLabel = "N",
      order = 10,
      defaultValue = "1",
      description = "Sequences at once, for the memory. Default: 1.")
  private int batch;

  @Option(
      names = "--check",
      order = 11,
      description = "Read all weights and look for numbers that are not finite.")
  private boolean check;

  @Option(
      names = "--verify",
      order = 12,
      description = "Read all files of a quantised directory and compare their checksums.")
  private boolean verify;

  @Option(names = "--json", order = 41, description = "One JSON object instead of tables.")
  private boolean json;

  InspectCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (batch < 1 || batch > MAX_BATCH) {
      throw new IllegalArgumentException(
          "--batch must be 1 to %d but was %d".formatted(MAX_BATCH, batch));
    }
    ModelFiles files = ModelFiles.read(model.path());
    // A directory whose weights are missing or broken still has a configuration worth showing.
    InvalidModelException trouble = null;
    try (Checkpoint checkpoint = files.source().openCheckpoint()) {
      ModelTensors.of(files.config()).verify(checkpoint);
      show(files, checkpoint);
      int verified = verify ? verifyFiles(files.source().directory(), checkpoint) : Cli.OK;
      return Math.max(verified, check ? checkWeights(checkpoint) : Cli.OK);
    } catch (InvalidModelException e) {
      trouble = e;
    }
    show(files, null);
    throw trouble;
  }

  private void show(ModelFiles files, @Nullable Checkpoint checkpoint) {
    if (json) {
      console.out().println(Json.line(toJson(files, checkpoint)));
    } else {
      print(files, checkpoint);
    }
  }

  /** The sizes that {@link MemoryEstimate} is about; weights that are not there count as bf16. */
  private MemoryEstimate memory(ModelFiles files, @Nullable Checkpoint checkpoint) {
    int context = files.contextLimit(model.context());
    Function<String, StorageType> stored =
        tensor -> checkpoint == null ? StorageType.BF16 : checkpoint.tensor(tensor).type();
    return MemoryEstimate.of(
        files.config(), model.options(files.config(), stored, context, batch, STEP_TOKENS), stored);
  }

  // ---- for people

  private void print(ModelFiles files, @Nullable Checkpoint checkpoint) {
    ModelConfig config = files.config();
    Table table = new Table("model", files.source().path().toString());
    configuration(files).forEach(table::row);
    if (checkpoint != null) {
      table.row("stored", formats(checkpoint));
      checkpoint.quantization().ifPresent(made -> table.row("quantised", quantization(made)));
    }
    table.print(console.out());
    console.out().println();
    printLayers(config);
    console.out().println();
    printParameters(config);
    console.out().println();
    printMemory(memory(files, checkpoint));
    console.out().println();
    printDevices();
    console.out().flush();
  }

  private Map<String, String> configuration(ModelFiles files) {
    ModelConfig config = files.config();
    Map<String, String> rows = new LinkedHashMap<>();
    rows.put("format", files.source().format());
    files.source().ggufMetadata().ifPresent(gguf -> rows.put("tokenizer", tokenizer(gguf)));
    rows.put("family", config.family().modelType());
    rows.put("vocabulary", Units.count(config.vocabSize()));
    rows.put("hidden", Units.count(config.hiddenSize()));
    if (config.hasMlp()) {
      rows.put("mlp", Units.count(config.intermediateSize()));
    }
    if (config.heads() > 0) {
      rows.put(
          "attention",
          "%d heads, %d key/value heads, of %d features%s%s"
              .formatted(
                  config.heads(),
                  config.kvHeads(),
                  config.headDim(),
                  config.differentialAttention() ? ", differential" : "",
                  config.rope() == null ? ", no positions" : ""));
    }
    if (config.rope() != null) {
      rows.put("rotary", rotary(config.rope(), config.headDim()));
    }
    if (config.slidingWindow() > 0) {
      rows.put("window", config.slidingWindow() + " tokens");
    }
    if (config.mambaInner() > 0) {
      rows.put(
          "mamba",
          "%s channels of %d states, %d taps, step rank %d"
              .formatted(
                  Units.count(config.mambaInner()),
                  config.mambaState(),
                  config.mambaConv(),
                  config.mambaDtRank()));
    }
    rows.put("norm", "%s, eps %s".formatted(Names.of(config.norm()), config.normEps()));
    rows.put("head", config.tiedEmbeddings() ? "tied to the embedding" : "of its own");
    rows.put("end tokens", config.eosTokenIds().toString());
    rows.put(
        "context",
        "%s tokens, from %s"
            .formatted(
                Units.count(files.contextLimit(model.context())),
                files.contextSource(model.context())));
    return rows;
  }

  private static String tokenizer(GgufMetadata gguf) {
    List<String> tokens = gguf.optionalStrings("tokenizer.ggml.tokens");
    return tokens == null
        ? "not in the file"
        : "%s tokens, %s, pre-tokenizer %s"
            .formatted(
                Units.count(tokens.size()),
                gguf.optionalString("tokenizer.ggml.model"),
                gguf.optionalString("tokenizer.ggml.pre"));
  }

  private static String rotary(RopeConfig rope, int headDim) {
    RopeConfig.LongRope longRope = rope.longRope();
    return "%d of %d features, theta %s%s"
        .formatted(
            rope.rotated(),
            headDim,
            rope.theta(),
            longRope == null
                ? ""
                : ", LongRoPE: other factors beyond %s tokens"
                    .formatted(Units.count(longRope.originalPositions())));
  }

  private static String quantization(QuantizationManifest made) {
    return made.choice()
        + made.source().entrySet().stream()
            .map(
                file ->
                    ", from %s (SHA-256 %s…)"
                        .formatted(file.getKey(), file.getValue().sha256().substring(0, 16)))
            .collect(Collectors.joining());
  }

  private static String formats(Checkpoint checkpoint) {
    StringBuilder text = new StringBuilder();
    checkpoint
        .bytesByType()
        .forEach(
            (type, bytes) ->
                text.append(text.length() == 0 ? "" : ", ")
                    .append(type.label())
                    .append(' ')
                    .append(Units.bytes(bytes)));
    return text.toString();
  }

  private void printLayers(ModelConfig config) {
    ModelTensors tensors = ModelTensors.of(config);
    Table table = new Table(">layer", "kind", ">parameters", "keeps");
    for (int i = 0; i < config.layers().size(); i++) {
      LayerKind kind = config.layers().get(i);
      table.row(i, kind.configName(), Units.count(tensors.parametersOfLayer(i)), keeps(kind));
    }
    table.print(console.out());
  }

  private static String keeps(LayerKind kind) {
    return switch (kind) {
      case MAMBA, MAMBA_MEMORY -> "convolution tail, state";
      case SWA -> "keys and values of the window";
      case FULL -> "keys and values of every token";
      case GMU, CROSS -> "nothing";
    };
  }

  private void printParameters(ModelConfig config) {
    ModelTensors tensors = ModelTensors.of(config);
    long all = tensors.parameters();
    Table table = new Table("part", ">parameters", ">share");
    tensors
        .parametersByPart()
        .forEach(
            (part, count) ->
                table.row(
                    part.label(),
                    Units.count(count),
                    Units.format("%.1f %%", 100.0 * count / all)));
    table.row("all", Units.count(all), "");
    table.print(console.out());
  }

  private void printMemory(MemoryEstimate memory) {
    Table table =
        new Table(
            "memory for %s of %s tokens"
                .formatted(
                    memory.sequences() == 1 ? "1 sequence" : memory.sequences() + " sequences",
                    Units.count(memory.contextTokens())),
            ">bytes",
            "");
    table.row("weights", Units.bytes(memory.weights()), "");
    table.row(
        "fixed state",
        Units.bytes(memory.slot() * memory.sequences()),
        Units.bytes(memory.slot()) + " a sequence");
    table.row(
        "keys and values",
        Units.bytes(memory.cache()),
        memory.cachePerToken() == 0
            ? "none that grow"
            : Units.bytes(memory.cachePerToken()) + " a token, taken as it fills");
    table.row(
        "workspace",
        Units.bytes(memory.workspace()),
        "for steps of %d tokens".formatted(STEP_TOKENS));
    table.row("all", Units.bytes(memory.total()), "");
    AutomaticPrefixCache cache = automaticPrefixCache(memory);
    table.row(
        "prefix cache",
        Units.bytes(cache.bytes()),
        "of serve beside that, by the memory available now; %s a state of 512 tokens"
            .formatted(Units.bytes(cache.state())));
    table.print(console.out());
  }

  private static AutomaticPrefixCache automaticPrefixCache(MemoryEstimate memory) {
    return AutomaticPrefixCache.of(memory, AvailableMemory.bytes());
  }

  private void printDevices() {
    Table table = new Table("device", "", "");
    for (Devices.Device device : Devices.all()) {
      DeviceMemory memory = device.memory();
      table.row(
          device.name(),
          device.available() ? "here" : "not here",
          memory == null
              ? device.description()
              : "%s, %s of %s free"
                  .formatted(
                      device.description(),
                      Units.bytes(memory.free()),
                      Units.bytes(memory.total())));
    }
    table.print(console.out());
  }

  // ---- for programs

  private ObjectNode toJson(ModelFiles files, @Nullable Checkpoint checkpoint) {
    ModelConfig config = files.config();
    ObjectNode root = Json.object().put("directory", files.source().path().toString());
    root.put("format", files.source().format());
    putConfiguration(root.putObject("configuration"), config);
    root.putObject("context")
        .put("tokens", files.contextLimit(model.context()))
        .put("source", files.contextSource(model.context()));
    ModelTensors tensors = ModelTensors.of(config);
    ArrayNode layers = root.putArray("layers");
    for (int i = 0; i < config.layers().size(); i++) {
      layers
          .addObject()
          .put("kind", config.layers().get(i).configName())
          .put("parameters", tensors.parametersOfLayer(i));
    }
    ObjectNode parts = root.putObject("parameters");
    tensors.parametersByPart().forEach((part, count) -> parts.put(part.label(), count));
    parts.put("all", tensors.parameters());
    if (checkpoint != null) {
      ObjectNode stored = root.putObject("stored_bytes");
      checkpoint.bytesByType().forEach((type, bytes) -> stored.put(type.label(), bytes));
      checkpoint.quantization().ifPresent(made -> root.put("quantized", made.choice()));
    }
    MemoryEstimate memory = memory(files, checkpoint);
    root.putObject("memory")
        .put("sequences", memory.sequences())
        .put("context_tokens", memory.contextTokens())
        .put("weights_bytes", memory.weights())
        .put("state_bytes_per_sequence", memory.slot())
        .put("cache_bytes_per_token", memory.cachePerToken())
        .put("cache_bytes", memory.cache())
        .put("workspace_bytes", memory.workspace())
        .put("all_bytes", memory.total())
        .put("automatic_prefix_cache_bytes", automaticPrefixCache(memory).bytes());
    ArrayNode devices = root.putArray("devices");
    for (Devices.Device device : Devices.all()) {
      ObjectNode node =
          devices
              .addObject()
              .put("name", device.name())
              .put("available", device.available())
              .put("description", device.description());
      if (device.memory() != null) {
        node.put("free_bytes", device.memory().free()).put("all_bytes", device.memory().total());
      }
    }
    return root;
  }

  private static void putConfiguration(ObjectNode node, ModelConfig config) {
    node.put("family", config.family().modelType())
        .put("vocabulary", config.vocabSize())
        .put("hidden", config.hiddenSize())
        .put("intermediate", config.intermediateSize())
        .put("heads", config.heads())
        .put("kv_heads", config.kvHeads())
        .put("head_dim", config.headDim())
        .put("sliding_window", config.slidingWindow())
        .put("differential_attention", config.differentialAttention())
        .put("norm", Names.of(config.norm()))
        .put("norm_eps", config.normEps())
        .put("tied_embeddings", config.tiedEmbeddings())
        .put("rope_theta", config.rope() == null ? null : config.rope().theta())
        .put("rope_rotated", config.rope() == null ? 0 : config.rope().rotated())
        .put("rope_original_context", originalContext(config))
        .put("mamba_inner", config.mambaInner())
        .put("mamba_state", config.mambaState())
        .put("mamba_conv", config.mambaConv())
        .put("mamba_dt_rank", config.mambaDtRank())
        .put("max_positions", config.maxPositions());
    ArrayNode ends = node.putArray("eos_token_ids");
    config.eosTokenIds().forEach(ends::add);
  }

  private static @Nullable Integer originalContext(ModelConfig config) {
    return config.rope() == null || config.rope().longRope() == null
        ? null
        : config.rope().longRope().originalPositions();
  }

  // ---- weights

  private int verifyFiles(ModelDirectory directory, Checkpoint checkpoint) {
    QuantizationManifest manifest =
        checkpoint
            .quantization()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "--verify needs a quantised directory, and %s has no %s"
                            .formatted(directory.path(), QuantizationManifest.FILE)));
    List<String> differences;
    AtomicLong done = new AtomicLong();
    try (Progress progress = new Progress(console, "verifying")) {
      differences =
          manifest.differences(
              directory, bytes -> progress.update(done.addAndGet(bytes), manifest.totalBytes()));
    }
    PrintStream to = json ? console.err() : console.out();
    differences.forEach(to::println);
    to.println(
        differences.isEmpty()
            ? "all %d files are as they were written".formatted(manifest.files().size())
            : "%d files are not as they were written".formatted(differences.size()));
    return differences.isEmpty() ? Cli.OK : Cli.FAILURE;
  }

  private int checkWeights(Checkpoint checkpoint) {
    List<Checkpoint.NonFinite> bad;
    try (Progress progress = new Progress(console, "checking")) {
      bad = checkpoint.findNonFinite(done -> progress.update(done, checkpoint.totalBytes()));
    }
    PrintStream to = json ? console.err() : console.out();
    bad.forEach(to::println);
    to.println(
        bad.isEmpty()
            ? "all %s numbers are finite".formatted(Units.count(checkpoint.totalElements()))
            : "%d tensors hold numbers that are not finite".formatted(bad.size()));
    return bad.isEmpty() ? Cli.OK : Cli.FAILURE;
  }
}
