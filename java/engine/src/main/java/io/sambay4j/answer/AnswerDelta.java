package io.sambay4j.answer;

/** The next piece of an answer. */
public sealed interface AnswerDelta {
  /**
   * More of what the user reads.
   *
   * @param text at least one character
   */
  record Content(String text) implements AnswerDelta {}

  /**
   * More of the thought.
   *
   * @param text at least one character
   */
  record Reasoning(String text) implements AnswerDelta {}

  /**
   * A call begins.
   *
   * @param index of the call in the answer, from 0
   * @param name of the tool
   */
  record CallStart(int index, String name) implements AnswerDelta {}

  /**
   * More of the arguments of the call that began last.
   *
   * @param index of the call
   * @param text a piece of JSON, at least one character
   */
  record CallArguments(int index, String text) implements AnswerDelta {}
}
