package io.sambay4j.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.Score;
import io.sambay4j.TextModel;
import io.sambay4j.cli.ModelOptions.WeightType;
import io.sambay4j.json.Quote;
import io.sambay4j.sampling.TokenLogProbability;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "score",
    description =
        "How probable a text is to the model: the log-probability (natural logarithm) of each token given "
            + "those before it, and the perplexity. The first token has nothing before it and is not scored.",
    header = "Tells how probable a text is.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay score \"17+25: 7+5=12, 1+2+1=4. Answer: 42\"",
      "  sambay score --model DIR --summary --file book.txt",
      "  sambay score --json --file text.txt | jq .perplexity"
    })
final class ScoreCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private ModelOptions model = new ModelOptions();
  @Mixin private DeviceOptions device = new DeviceOptions();
  @Mixin private Prompts prompts = new Prompts();

  @Option(names = "--summary", order = 11, description = "Only the totals, not every token.")
  private boolean summary;

  @Option(names = "--json", order = 41, description = "One JSON object instead of a table.")
  private boolean json;

  ScoreCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    String text = prompts.read(console);
    try (TextModel opened = model.openText(console, device, 1, WeightType.STORED)) {
      if (opened.countTokens(text) < 2) {
        throw new IllegalArgumentException("a text of fewer than two tokens has nothing to score");
      }
      Score score = opened.score(text);
      if (json) {
        console.out().println(Json.line(toJson(opened, score)));
      } else {
        if (!summary) {
          printTokens(opened, score);
        }
        console
            .out()
            .println(
                Units.format(
                    "%d tokens scored, log-probability %.4f, perplexity %.4f",
                    score.tokens().size(), score.logProbability(), score.perplexity()));
      }
    }
    return Cli.OK;
  }

  private void printTokens(TextModel opened, Score score) {
    Table table = new Table(">position", ">id", ">log-prob", "token");
    int position = 1;
    for (TokenLogProbability token : score.tokens()) {
      table.row(
          position++,
          token.token(),
          Units.format("%.4f", token.logProbability()),
          Quote.of(text(opened, token.token())));
    }
    table.print(console.out());
  }

  private ObjectNode toJson(TextModel opened, Score score) {
    ObjectNode root =
        Json.object().put("logprob", score.logProbability()).put("perplexity", score.perplexity());
    if (!summary) {
      ArrayNode tokens = root.putArray("tokens");
      for (TokenLogProbability token : score.tokens()) {
        tokens
            .addObject()
            .put("id", token.token())
            .put("text", text(opened, token.token()))
            .put("logprob", token.logProbability());
      }
    }
    return root;
  }

  private static String text(TextModel opened, int id) {
    return opened.tokenizer().decode(new int[] {id}, true);
  }
}
