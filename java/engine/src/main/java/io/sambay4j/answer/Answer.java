package io.sambay4j.answer;

import java.util.ArrayList;
import java.util.List;

/**
 * A whole answer in its parts.
 *
 * @param content what the user reads; may be empty
 * @param reasoning the thought; empty where there is none
 * @param calls calls of tools, their ids empty
 */
public record Answer(String content, String reasoning, List<ToolCall> calls) {
  public Answer {
    calls = List.copyOf(calls);
  }

  /** The parts of a whole text. */
  public static Answer of(AnswerFormat format, String text) {
    AnswerParser parser = new AnswerParser(format);
    List<AnswerDelta> deltas = new ArrayList<>(parser.append(text));
    deltas.addAll(parser.finish());
    return of(deltas);
  }

  /** The whole that pieces make. */
  public static Answer of(List<AnswerDelta> deltas) {
    StringBuilder content = new StringBuilder();
    StringBuilder reasoning = new StringBuilder();
    List<String> names = new ArrayList<>();
    List<StringBuilder> arguments = new ArrayList<>();
    for (AnswerDelta delta : deltas) {
      if (delta instanceof AnswerDelta.Content piece) {
        content.append(piece.text());
      } else if (delta instanceof AnswerDelta.Reasoning piece) {
        reasoning.append(piece.text());
      } else if (delta instanceof AnswerDelta.CallStart start) {
        names.add(start.name());
        arguments.add(new StringBuilder());
      } else if (delta instanceof AnswerDelta.CallArguments piece) {
        arguments.get(piece.index()).append(piece.text());
      }
    }
    List<ToolCall> calls = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      calls.add(new ToolCall("", names.get(i), arguments.get(i).toString()));
    }
    return new Answer(content.toString(), reasoning.toString(), calls);
  }
}
