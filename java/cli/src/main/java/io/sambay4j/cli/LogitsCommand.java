package io.sambay4j.cli;

import io.sambay4j.weights.SafeTensorsWriter;
import io.sambay4j.weights.SafeTensorsWriter.Declaration;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "logits",
    description = {
      "Runs token ids through a model, all prompts as one batch. In the safetensors file prompt i has the"
          + " prefix c<i>.:",
      "",
      "  input_ids [T], logits [T, vocabulary]              always",
      "  greedy_ids [N], greedy_logits [N + 1, vocabulary]  with --greedy N; row 0 follows the prompt",
      "  hidden.<i> [T, hidden], memory, final_norm         with --layers; hidden.0 is the embedding",
      "  state.<i>.conv, .ssm, .k, .v                       with --layers; after the prompt",
      "",
      "No tokenizer is needed. End tokens do not stop anything."
    },
    header = "Writes logits, and what leads to them, to a file.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay logits --model DIR --ids 5,9,2 --ids 7 --out logits.safetensors",
      "  sambay logits --model DIR --ids 5,9,2 --greedy 20 --layers --target avx2 --out all.safetensors",
      "  sambay logits --model DIR --ids-file prompts.txt --chunk 64 --activations bf16 --out out.safetensors"
    })
final class LogitsCommand implements Callable<Integer> {
  private static final int MAX_STEP_TOKENS = 512;
  private static final int MAX_GREEDY = 1 << 20;
  private static final int MAX_PROMPTS = 1 << 12;

  private final Console console;

  @Mixin private ModelOptions model = new ModelOptions();
  @Mixin private DeviceOptions device = new DeviceOptions();

  @Option(
      names = "--ids",
      paramLabel = "ID,ID,…",
      order = 10,
      description = "Token ids of a prompt; once for each prompt.")
  private List<String> ids = new ArrayList<>();

  @Option(
      names = "--ids-file",
      paramLabel = "FILE",
      order = 11,
      description = "More prompts, one a line, after those of --ids.")
  private @Nullable Path idsFile;

  @Option(
      names = "--greedy",
      paramLabel = "N",
      order = 12,
      description = "Then take the most probable token N times.")
  private @Nullable Integer greedy;

  @Option(
      names = "--layers",
      order = 13,
      description = "Also write what each layer leaves, and the state after the prompt.")
  private boolean layers;

  @Option(
      names = "--chunk",
      paramLabel = "K",
      order = 14,
      description = "Read prompts K tokens at a time. Default: as many as fit into a step of 512.")
  private @Nullable Integer chunk;

  @Option(
      names = {"-o", "--out"},
      paramLabel = "FILE",
      required = true,
      order = 15,
      description = "The file to write; replaced if it exists.")
  @SuppressWarnings("NullAway.Init")
  private Path out;

  LogitsCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    checkNumbers();
    ModelFiles files = ModelFiles.read(model.path());
    List<TracedPrompt> prompts = prompts();
    prompts.forEach(prompt -> files.checkIds(prompt.ids()));
    checkWritable();

    int steps = greedy == null ? 0 : greedy;
    int longest = prompts.stream().mapToInt(p -> p.ids().length).max().orElseThrow();
    int all = prompts.stream().mapToInt(p -> p.ids().length).reduce(0, Math::addExact);
    int stepTokens = Math.max(prompts.size(), Math.min(all, MAX_STEP_TOKENS));
    try (ModelOptions.OpenedModel opened =
        model.openModel(
            console,
            device,
            files,
            prompts.size(),
            Math.addExact(longest, steps),
            stepTokens,
            ModelOptions.WeightType.STORED)) {
      try (TracedRun run = new TracedRun(opened.model(), prompts, layers)) {
        run.readPrompts(chunk == null ? Integer.MAX_VALUE : chunk);
        if (greedy != null) {
          run.continueGreedily(greedy);
        }
      }
    }
    int tensors = write(prompts);
    console.note(
        "%d tensors of %d %s are in %s"
            .formatted(tensors, prompts.size(), prompts.size() == 1 ? "prompt" : "prompts", out));
    return Cli.OK;
  }

  private void checkNumbers() {
    if (greedy != null && (greedy < 1 || greedy > MAX_GREEDY)) {
      throw new IllegalArgumentException(
          "--greedy must be 1 to %d but was %d".formatted(MAX_GREEDY, greedy));
    }
    if (chunk != null && chunk < 1) {
      throw new IllegalArgumentException("--chunk must be at least 1 but was " + chunk);
    }
  }

  private List<TracedPrompt> prompts() {
    List<TracedPrompt> prompts = new ArrayList<>();
    ids.forEach(text -> prompts.add(new TracedPrompt(parse("--ids", text))));
    if (idsFile != null) {
      int number = 1;
      for (String line : lines(idsFile)) {
        if (!line.isBlank()) {
          prompts.add(new TracedPrompt(parse(idsFile + " line " + number, line)));
        }
        number++;
      }
    }
    if (prompts.isEmpty() || prompts.size() > MAX_PROMPTS) {
      throw new IllegalArgumentException(
          "%d prompts are given, expected 1 to %d with --ids or --ids-file"
              .formatted(prompts.size(), MAX_PROMPTS));
    }
    return prompts;
  }

  private static List<String> lines(Path file) {
    try {
      return Console.utf8(Files.readAllBytes(file), file.toString()).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  private static int[] parse(String where, String text) {
    String[] words = text.strip().split("\\s*,\\s*|\\s+", -1);
    int[] parsed = new int[words.length];
    for (int i = 0; i < words.length; i++) {
      try {
        parsed[i] = Integer.parseInt(words[i]);
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "%s: '%s' is not a token id; expected ids with commas between them, for example 5,9,2"
                .formatted(where, words[i]),
            e);
      }
    }
    return parsed;
  }

  /** Before anything is computed: the file is made at the very end. */
  private void checkWritable() {
    Path parent = out.toAbsolutePath().getParent();
    if (parent == null || !Files.isDirectory(parent)) {
      throw new IllegalArgumentException(
          "--out %s: there is no directory %s".formatted(out, parent));
    }
    if (Files.isDirectory(out) || !Files.isWritable(parent)) {
      throw new IllegalArgumentException(
          "--out %s cannot be written, because it is a directory or in one that cannot be written to"
              .formatted(out));
    }
  }

  private int write(List<TracedPrompt> prompts) {
    List<Declaration> declarations = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      declarations.addAll(prompts.get(i).declarations("c" + i + "."));
    }
    try (SafeTensorsWriter writer = SafeTensorsWriter.create(out, declarations, Map.of())) {
      for (int i = 0; i < prompts.size(); i++) {
        prompts.get(i).write("c" + i + ".", writer);
      }
      writer.commit();
    }
    return declarations.size();
  }
}
