package io.sambay4j.cli;

import io.sambay4j.GenerationRequest;
import io.sambay4j.TextModel;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "chat",
    description =
        "The model remembers what was said. A line is a message; one that ends with \\ goes on in the next, and "
            + "everything between two lines of \"\"\" is one message. Ctrl-C stops an answer; Ctrl-D, or Ctrl-C twice "
            + "at the prompt, ends. Lines that begin with / are commands; /help lists them.",
    header = "Talks with a model.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay chat",
      "  sambay chat --model DIR --system \"Answer briefly.\" --temperature 0.6 --top-p 0.95",
      "  printf 'What is 17+25?\\nWhat is 5+6?\\n' | sambay chat"
    })
final class ChatCommand implements Callable<Integer> {
  /**
   * One for the conversation, and room in the cache for its checkpoints and for its successor after
   * /load.
   */
  private static final int SEQUENCES = 2;

  private final Console console;

  @Mixin private ModelOptions model = new ModelOptions();
  @Mixin private DeviceOptions device = new DeviceOptions();
  @Mixin private SamplingOptions sampling = new SamplingOptions();

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      order = 12,
      description = "A system message to begin with.")
  private @Nullable String system;

  ChatCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    sampling.check();
    try (TextModel opened = model.openText(console, device, SEQUENCES, sampling.longRope())) {
      GenerationRequest settings = sampling.build(GenerationRequest.user(""), opened, 0);
      opened.encode(
          settings.prompt()); // a model without a chat template is refused before a word is typed
      if (console.inTerminal()) {
        console.quietNote(
            "%s on %s; /help for help, Ctrl-D to leave".formatted(model.label(), opened.device()));
      }
      try (Conversation conversation = new Conversation(console, opened, settings, system)) {
        return conversation.run();
      }
    }
  }
}
