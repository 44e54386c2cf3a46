package io.sambay4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.Chat;
import io.sambay4j.ChatMessage;
import io.sambay4j.FinishReason;
import io.sambay4j.Generation;
import io.sambay4j.GenerationRequest;
import io.sambay4j.InvalidModelException;
import io.sambay4j.TextModel;
import io.sambay4j.TokenStream;
import io.sambay4j.Usage;
import io.sambay4j.json.Quote;
import io.sambay4j.json.StrictJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** The loop of the {@code chat} command: reads messages and commands, shows answers. */
final class Conversation implements AutoCloseable {
  private static final int MAX_FILE_BYTES = 64 << 20;

  private static final String HELP =
      """
      /help          this
      /undo          take the last message and its answer back
      /retry         answer the last message again
      /clear         forget everything but the system message
      /system TEXT   set the system message; without TEXT none
      /save FILE     write the conversation to a JSON file
      /load FILE     go on with a conversation from such a file
      /stats         tokens and times so far
      /quit          leave, as Ctrl-D does
      A line that ends with \\ goes on in the next one; between two lines of \"\"\" all is one message.
      Ctrl-C stops an answer.""";

  private final Console console;
  private final TextModel model;
  private final GenerationRequest settings;
  private final MessageReader reader;
  private final AtomicReference<@Nullable TokenStream> answering = new AtomicReference<>();
  private Chat chat;
  private volatile boolean interruptedAtPrompt;
  private boolean anyFailed;
  private int turns;
  private long promptTokens;
  private long promptNanos;
  private long generatedTokens;
  private long generationNanos;

  Conversation(
      Console console, TextModel model, GenerationRequest settings, @Nullable String system) {
    this.console = console;
    this.model = model;
    this.settings = settings;
    this.reader = new MessageReader(console);
    this.chat = system == null ? model.newChat() : model.newChat(system);
  }

  /**
   * Talks until the input ends.
   *
   * @return the exit code: a script, other than a person, is told by it that a line failed
   */
  @SuppressWarnings("try") // the handler works by being there
  int run() {
    try (Interrupts interrupts = Interrupts.handle(this::interrupted)) {
      while (true) {
        String message = reader.next();
        interruptedAtPrompt = false;
        if (message == null) {
          if (console.inTerminal()) {
            console.note("");
          }
          break;
        }
        if (message.isBlank()) {
          continue;
        }
        try {
          if (!message.startsWith("/") || reader.wasBlock()) {
            answer(message);
          } else if (!command(message)) {
            break;
          }
        } catch (IllegalArgumentException
            | IllegalStateException
            | InvalidModelException
            | UncheckedIOException e) {
          console.note(Failures.sentence(e));
          anyFailed = true;
        }
        if (console.out().checkError()) {
          return Cli.OK; // nobody reads the answers any more
        }
      }
    }
    return anyFailed && !console.inTerminal() ? Cli.FAILURE : Cli.OK;
  }

  /** On the thread of the signal. */
  private void interrupted() {
    TokenStream running = answering.get();
    if (running != null) {
      running.cancel();
    } else if (interruptedAtPrompt || !console.inTerminal()) {
      console.note("");
      Runtime.getRuntime()
          .halt(Cli.INTERRUPTED); // the main thread waits for a line and cannot be woken
    } else {
      interruptedAtPrompt = true;
      reader.discard();
      console.note("");
      console.quietNote("(Ctrl-C again, or Ctrl-D, leaves)");
      reader.prompt();
    }
  }

  private void answer(String message) {
    Generation generation;
    try (TokenStream tokens = chat.stream(message, settings)) {
      answering.set(tokens);
      while (tokens.hasNext()) {
        console.out().print(tokens.next().text());
        if (console.out().checkError()) {
          tokens.cancel();
        }
      }
      generation = tokens.result();
    } finally {
      answering.set(null);
    }
    console.out().println();
    console.out().flush();
    count(generation.usage());
    String ending =
        generation.finishReason() == FinishReason.CANCELLED
            ? "; stopped"
            : generation.finishReason() == FinishReason.LENGTH ? "; cut off at the limit" : "";
    console.quietNote("[" + GenerateCommand.statistics(generation.usage()) + ending + "]");
  }

  private void count(Usage usage) {
    turns++;
    promptTokens += usage.promptTokens() - usage.cachedTokens();
    promptNanos += usage.promptTime().toNanos();
    generatedTokens += usage.generatedTokens();
    generationNanos += usage.generationTime().toNanos();
  }

  // ---- commands

  /** Returns whether to go on. */
  private boolean command(String line) {
    String[] words = line.strip().split("\\s+", 2);
    String argument = words.length == 2 ? words[1] : "";
    switch (words[0]) {
      case "/help" -> console.note(HELP);
      case "/undo" -> undo();
      case "/retry" -> retry();
      case "/clear" -> {
        chat.clear();
        console.quietNote("(forgotten)");
      }
      case "/system" -> system(argument);
      case "/save" -> save(file("/save", argument));
      case "/load" -> load(file("/load", argument));
      case "/stats" -> stats();
      case "/quit", "/exit" -> {
        return false;
      }
      default ->
          throw new IllegalArgumentException(
              "there is no command %s; /help lists them".formatted(Quote.of(words[0])));
    }
    return true;
  }

  private String undo() {
    List<ChatMessage> messages = chat.messages();
    for (int i = messages.size() - 1; i >= 0; i--) {
      if (messages.get(i).role().equals("user")) {
        chat.takeBack();
        console.quietNote("(taken back: " + Quote.of(messages.get(i).content()) + ")");
        return messages.get(i).content();
      }
    }
    throw new IllegalArgumentException("there is nothing to take back");
  }

  private void retry() {
    answer(undo());
  }

  private void system(String text) {
    List<ChatMessage> messages = new ArrayList<>(chat.messages());
    messages.removeIf(message -> message.role().equals("system"));
    if (!text.isEmpty()) {
      messages.add(0, ChatMessage.system(text));
    }
    replaceChat(messages);
    console.quietNote(text.isEmpty() ? "(no system message)" : "(system message set)");
  }

  private void replaceChat(List<ChatMessage> messages) {
    Chat old = chat;
    chat = model.newChat(messages);
    old.close();
  }

  private static Path file(String command, String argument) {
    if (argument.isBlank()) {
      throw new IllegalArgumentException(command + " needs the name of a file");
    }
    return Path.of(argument.strip());
  }

  private void save(Path file) {
    ObjectNode root = Json.object();
    ArrayNode messages = root.putArray("messages");
    for (ChatMessage message : chat.messages()) {
      messages.addObject().put("role", message.role()).put("content", message.content());
    }
    try {
      Files.writeString(file, Json.line(root) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
    console.quietNote("(%d messages are in %s)".formatted(messages.size(), file));
  }

  private void load(Path file) {
    List<ChatMessage> messages = new ArrayList<>();
    for (JsonNode message : StrictJson.readObject(file, MAX_FILE_BYTES).path("messages")) {
      JsonNode role = message.path("role");
      JsonNode content = message.path("content");
      if (!role.isTextual() || !content.isTextual()) {
        throw new IllegalArgumentException(
            "%s: message %d needs a role and a content, both strings"
                .formatted(file, messages.size()));
      }
      messages.add(new ChatMessage(role.textValue(), content.textValue()));
    }
    if (messages.isEmpty()) {
      throw new IllegalArgumentException(
          "%s holds no messages, expected {\"messages\": [{\"role\": …, \"content\": …}, …]}"
              .formatted(file));
    }
    replaceChat(messages);
    console.quietNote("(%d messages from %s)".formatted(messages.size(), file));
  }

  private void stats() {
    console.note(
        "%d answers; prompts %d tokens, %s tokens/s; generated %d tokens, %s tokens/s; %d messages, context of %d tokens"
            .formatted(
                turns,
                promptTokens,
                Units.rate(promptNanos == 0 ? 0 : promptTokens * 1e9 / promptNanos),
                generatedTokens,
                Units.rate(
                    generationNanos == 0 ? 0 : (generatedTokens - turns) * 1e9 / generationNanos),
                chat.messages().size(),
                model.contextLimit()));
  }

  @Override
  public void close() {
    chat.close();
  }
}
