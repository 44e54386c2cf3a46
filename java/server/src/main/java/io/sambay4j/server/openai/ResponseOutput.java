package io.sambay4j.server.openai;

import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.answer.AnswerDelta;
import io.sambay4j.answer.AnswerFormat;
import io.sambay4j.answer.AnswerParser;
import java.util.ArrayList;
import java.util.List;

/**
 * The output of a response as its tokens come: items in the order in which the model writes them.
 * How tokens are cut into pieces, or told in batches, makes no difference to it.
 *
 * <p>Of one thread at a time.
 */
final class ResponseOutput {
  /** What an item is. */
  enum Kind {
    REASONING,
    MESSAGE,
    CALL
  }

  /** The status of an item that may still grow. */
  static final String IN_PROGRESS = "in_progress";

  /** An item: a thought, a message or a call of a tool. */
  static final class Item {
    private final Kind kind;
    private final String name;
    private final String id;
    private final String callId = AnswerJson.id("call_");
    private final StringBuilder text = new StringBuilder();
    private final List<GeneratedToken> tokens = new ArrayList<>();
    private String status = IN_PROGRESS;

    private Item(Kind kind, String name) {
      this.kind = kind;
      this.name = name;
      this.id =
          AnswerJson.id(
              switch (kind) {
                case REASONING -> "rs_";
                case MESSAGE -> "msg_";
                case CALL -> "fc_";
              });
    }

    Kind kind() {
      return kind;
    }

    String id() {
      return id;
    }

    /** Names the call, so that its result can refer to it; of a call alone. */
    String callId() {
      return callId;
    }

    /** Name of the tool; of a call alone. */
    String name() {
      return name;
    }

    /** The thought, the content or the arguments, as far as they have come. */
    String text() {
      return text.toString();
    }

    /** The text after its first so many characters. */
    String textFrom(int characters) {
      return text.substring(characters);
    }

    /** The tokens that the text comes from. */
    List<GeneratedToken> tokens() {
      return tokens;
    }

    /** {@code in_progress} until the next item begins or the answer ends. */
    String status() {
      return status;
    }

    boolean isOpen() {
      return status.equals(IN_PROGRESS);
    }
  }

  private final AnswerParser parser;
  private final List<Item> items = new ArrayList<>();
  private final List<GeneratedToken> waiting = new ArrayList<>(); // nothing has come of them yet

  ResponseOutput(AnswerFormat format) {
    parser = new AnswerParser(format);
  }

  /** The output of an answer that has ended. */
  static ResponseOutput of(AnswerFormat format, Generation generation, boolean complete) {
    ResponseOutput output = new ResponseOutput(format);
    generation.tokens().forEach(output::append);
    output.end(generation, complete);
    return output;
  }

  /** The items so far; all but the last are closed. */
  List<Item> items() {
    return items;
  }

  /** Takes the next token. */
  void append(GeneratedToken token) {
    boolean wasInThought = parser.isInThought();
    List<AnswerDelta> deltas = parser.append(token.text());
    boolean closes = wasInThought && !parser.isInThought();
    if (closes) {
      waiting.clear(); // parts of the closing tag, which belong to no text
    }
    if (!closes || !deltas.isEmpty()) {
      waiting.add(token);
    }
    deltas.forEach(this::add);
  }

  /** Ends the answer: what was held back becomes part of it, and its last item is closed. */
  void end(Generation generation, boolean complete) {
    int end = waiting.size() - 1;
    if (generation.endToken().isPresent() && end >= 0 && waiting.get(end).text().isEmpty()) {
      waiting.remove(end); // it only ended the answer
    }
    parser.finish().forEach(this::add);
    if (items.isEmpty()) {
      open(Kind.MESSAGE, ""); // an empty answer is one
    }
    Item last = items.get(items.size() - 1);
    last.tokens.addAll(waiting);
    waiting.clear();
    last.status = complete ? "completed" : "incomplete";
  }

  private void add(AnswerDelta delta) {
    if (delta instanceof AnswerDelta.Content content) {
      add(itemOf(Kind.MESSAGE), content.text());
    } else if (delta instanceof AnswerDelta.Reasoning reasoning) {
      add(itemOf(Kind.REASONING), reasoning.text());
    } else if (delta instanceof AnswerDelta.CallStart start) {
      open(Kind.CALL, start.name());
    } else if (delta instanceof AnswerDelta.CallArguments arguments) {
      add(items.get(items.size() - 1), arguments.text());
    }
  }

  private void add(Item item, String text) {
    item.text.append(text);
    item.tokens.addAll(waiting);
    waiting.clear();
  }

  /** The last item if it is of a kind, else a new one. */
  private Item itemOf(Kind kind) {
    Item last = items.isEmpty() ? null : items.get(items.size() - 1);
    return last != null && last.kind == kind ? last : open(kind, "");
  }

  private Item open(Kind kind, String name) {
    if (!items.isEmpty()) {
      items.get(items.size() - 1).status = "completed";
    }
    Item item = new Item(kind, name);
    items.add(item);
    return item;
  }
}
