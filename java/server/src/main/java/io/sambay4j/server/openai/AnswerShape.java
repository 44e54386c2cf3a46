package io.sambay4j.server.openai;

import io.sambay4j.ChatMessage;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.answer.Answer;
import io.sambay4j.answer.AnswerConstraint;
import io.sambay4j.answer.AnswerDelta;
import io.sambay4j.answer.AnswerFormat;
import io.sambay4j.answer.AnswerParser;
import io.sambay4j.answer.Thinking;
import io.sambay4j.answer.Tool;
import io.sambay4j.answer.ToolChoice;
import io.sambay4j.answer.ToolPrompt;
import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.structured.Grammar;
import io.sambay4j.structured.GrammarException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an answer consists of: thought, content, calls of tools.
 *
 * @param model who answers
 * @param tools that may be called
 * @param choice whether they are
 * @param parallel whether more than one call may be made
 * @param thinking how much thought there may be
 * @param content what content must look like; null: anything
 */
record AnswerShape(
    ServedModel model,
    List<Tool> tools,
    ToolChoice choice,
    boolean parallel,
    Thinking thinking,
    @Nullable Grammar content) {
  AnswerShape {
    tools = choice.mode() == ToolChoice.Mode.NONE ? List.of() : List.copyOf(tools);
  }

  /** How to read the answer: without tools a call's tags are text like any other. */
  AnswerFormat format() {
    return new AnswerFormat(
        model.format().thought(), tools.isEmpty() ? null : model.format().calls());
  }

  /**
   * A whole answer.
   *
   * @param answer its parts
   * @param reasoningTokens how many of its tokens were thought, up to the one that closes it
   */
  record Read(Answer answer, int reasoningTokens) {}

  /** The parts of a whole answer. */
  Read read(Generation generation) {
    AnswerParser parser = new AnswerParser(format());
    List<AnswerDelta> deltas = new ArrayList<>();
    int reasoningTokens = 0;
    for (GeneratedToken token : generation.tokens()) {
      reasoningTokens += parser.isInThought() ? 1 : 0;
      deltas.addAll(parser.append(token.text()));
    }
    deltas.addAll(parser.finish());
    Answer answer = Answer.of(deltas);
    return new Read(answer, answer.reasoning().isEmpty() ? 0 : reasoningTokens);
  }

  /** How many tokens of some answers were thought. */
  int reasoningTokens(List<Generation> generations) {
    return generations.stream().mapToInt(generation -> read(generation).reasoningTokens()).sum();
  }

  /** The conversation with its tools. */
  ToolPrompt prompt(List<ChatMessage> messages) {
    try {
      return ToolPrompt.of(format(), tools, messages);
    } catch (IllegalArgumentException e) {
      throw ApiException.field("tools", "invalid_value", String.valueOf(e.getMessage()));
    }
  }

  /** What the answer is held to; null: anything. */
  TokenConstraint.@Nullable Factory constraint() {
    try {
      return AnswerConstraint.builder(format())
          .tools(tools)
          .toolChoice(choice)
          .parallelCalls(parallel)
          .content(content)
          .thinking(thinking)
          .over(model.model().tokenizer())
          .orElse(null);
    } catch (GrammarException e) {
      throw ApiException.field("tools", "invalid_grammar", String.valueOf(e.getMessage()));
    } catch (IllegalArgumentException e) {
      throw ApiException.field("tools", "invalid_value", String.valueOf(e.getMessage()));
    }
  }
}
