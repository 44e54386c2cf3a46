package io.sambay4j.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.ChatMessage;
import io.sambay4j.FinishReason;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.GenerationRequest;
import io.sambay4j.TextModel;
import io.sambay4j.TokenStream;
import io.sambay4j.Usage;
import io.sambay4j.sampling.TokenLogProbability;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "generate",
    description =
        "The prompt is one user turn of the model's chat template, or with --raw plain text to continue.",
    header = "Answers one prompt.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay generate \"What is 17+25?\"",
      "  sambay generate --model DIR --temperature 0.6 --top-p 0.95 --seed 7 --file question.txt",
      "  echo \"Once upon a time\" | sambay generate --model DIR --raw --max-tokens 50",
      "  sambay generate --json --logprobs 3 \"What is 2+2?\" | jq .text"
    })
final class GenerateCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private ModelOptions model = new ModelOptions();
  @Mixin private DeviceOptions device = new DeviceOptions();
  @Mixin private Prompts prompts = new Prompts();
  @Mixin private SamplingOptions sampling = new SamplingOptions();

  @Option(
      names = "--raw",
      order = 11,
      description = "Continue the text as it is, without the chat template.")
  private boolean raw;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      order = 12,
      description = "A system message before the user's turn.")
  private @Nullable String system;

  @Option(
      names = "--logprobs",
      paramLabel = "N",
      order = 40,
      defaultValue = "0",
      description =
          "With --json: each token's log-probability and the N best alternatives, up to 20.")
  private int logProbabilities;

  @Option(
      names = "--json",
      order = 41,
      description = "One JSON object at the end instead of text as it comes.")
  private boolean json;

  @Option(
      names = "--stats",
      order = 42,
      description = "Tokens and rates on standard error at the end.")
  private boolean stats;

  GenerateCommand(Console console) {
    this.console = console;
  }

  @Override
  @SuppressWarnings("try") // the handler of Ctrl-C works by being there
  public Integer call() {
    if (raw && system != null) {
      throw new IllegalArgumentException(
          "--system is part of the chat template, --raw goes without it");
    }
    if (logProbabilities != 0 && !json) {
      throw new IllegalArgumentException("--logprobs is shown in the output of --json; add it");
    }
    sampling.check();
    GenerationRequest.Builder prompt = request(prompts.read(console));
    try (TextModel opened = model.openText(console, device, 1, sampling.longRope())) {
      GenerationRequest request = sampling.build(prompt, opened, logProbabilities);
      try (TokenStream tokens = opened.stream(request);
          Interrupts interrupts = Interrupts.handle(tokens::cancel)) {
        Generation generation = json ? tokens.result() : print(tokens);
        if (json) {
          console.out().println(Json.line(toJson(opened, generation)));
        } else if (console.outTerminal()) {
          console.out().println();
        }
        if (stats) {
          console.note(statistics(generation.usage()));
        }
        boolean interrupted =
            generation.finishReason() == FinishReason.CANCELLED && !console.out().checkError();
        return interrupted ? Cli.INTERRUPTED : Cli.OK;
      }
    }
  }

  private GenerationRequest.Builder request(String prompt) {
    if (raw) {
      return GenerationRequest.text(prompt);
    }
    List<ChatMessage> messages = new ArrayList<>();
    if (system != null) {
      messages.add(ChatMessage.system(system));
    }
    messages.add(ChatMessage.user(prompt));
    return GenerationRequest.messages(messages);
  }

  private Generation print(TokenStream tokens) {
    while (tokens.hasNext()) {
      console.out().print(tokens.next().text());
      if (console
          .out()
          .checkError()) { // flushes; an error is a reader that has gone, as with | head
        tokens.cancel();
      }
    }
    return tokens.result();
  }

  /** "prompt 24 tokens, 812 tokens/s; generated 31 tokens, 95.1 tokens/s". */
  static String statistics(Usage usage) {
    int read = usage.promptTokens() - usage.cachedTokens();
    String cached =
        usage.cachedTokens() == 0 ? "" : " (and %d known)".formatted(usage.cachedTokens());
    return "prompt %d tokens%s, %s tokens/s; generated %d tokens, %s tokens/s"
        .formatted(
            read,
            cached,
            Units.rate(usage.promptTokensPerSecond()),
            usage.generatedTokens(),
            Units.rate(usage.generatedTokensPerSecond()));
  }

  private ObjectNode toJson(TextModel opened, Generation generation) {
    ObjectNode root = Json.object().put("text", generation.text());
    ArrayNode ids = root.putArray("ids");
    for (int id : generation.tokenIds()) {
      ids.add(id);
    }
    root.put("finish_reason", Names.of(generation.finishReason()));
    generation.endToken().ifPresent(id -> root.put("end_token", id));
    Usage usage = generation.usage();
    root.putObject("usage")
        .put("prompt_tokens", usage.promptTokens())
        .put("generated_tokens", usage.generatedTokens())
        .put("prompt_seconds", usage.promptTime().toNanos() / 1e9)
        .put("generation_seconds", usage.generationTime().toNanos() / 1e9)
        .put("prompt_tokens_per_second", usage.promptTokensPerSecond())
        .put("generated_tokens_per_second", usage.generatedTokensPerSecond());
    if (logProbabilities > 0) {
      ArrayNode tokens = root.putArray("tokens");
      for (GeneratedToken token : generation.tokens()) {
        ObjectNode entry = tokens.addObject();
        put(entry, opened, token.id(), token.logProbability());
        ArrayNode top = entry.putArray("top");
        for (TokenLogProbability alternative : token.alternatives()) {
          put(top.addObject(), opened, alternative.token(), alternative.logProbability());
        }
      }
    }
    return root;
  }

  private static void put(ObjectNode entry, TextModel opened, int id, double logProbability) {
    entry
        .put("id", id)
        .put("text", opened.tokenizer().decode(new int[] {id}, true))
        .put("logprob", logProbability);
  }
}
