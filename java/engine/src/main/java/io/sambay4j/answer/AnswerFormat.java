package io.sambay4j.answer;

import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a model marks its thought and its calls of tools. That is a matter of training, not of the
 * template, so it is configured per model; by default nothing is marked and all text is content.
 *
 * @param thought how a thought is marked; null: the model does not think, or does not mark it
 * @param calls how calls of tools are marked; null: the model calls none
 */
public record AnswerFormat(@Nullable Thought thought, @Nullable Calls calls) {
  /** All text is content. */
  public static final AnswerFormat NONE = new AnswerFormat(null, null);

  /** A thought between {@code <think>} and {@code </think>}, which the model opens itself. */
  public static final Thought THINK = new Thought("<think>", "</think>", false);

  /** As {@link #THINK}, where the template has written {@code <think>} already. */
  public static final Thought THINK_OPENED = new Thought("<think>", "</think>", true);

  /**
   * Phi-4-mini's: a list {@code [{"name": ..., "arguments": {...}}]} between the control tokens
   * {@code <|tool_call|>} and {@code <|/tool_call|>}; its template takes the tools as text in the
   * system message.
   */
  public static final Calls PHI_CALLS = new Calls("<|tool_call|>", "<|/tool_call|>", true, true);

  /**
   * The form many models share: one object {@code {"name": ..., "arguments": {...}}} between {@code
   * <tool_call>} and {@code </tool_call>} for each call.
   */
  public static final Calls TAGGED_CALLS = new Calls("<tool_call>", "</tool_call>", false, false);

  /**
   * How a thought is marked. It stands at the beginning of an answer; the same tags later on are
   * content.
   *
   * @param open what it begins with
   * @param close what it ends with
   * @param opened whether the prompt ends with the opening tag, so that the answer begins inside
   *     the thought
   */
  public record Thought(String open, String close, boolean opened) {
    /** Checks the tags. */
    public Thought {
      checkTag(open);
      checkTag(close);
    }
  }

  /**
   * How calls are marked.
   *
   * @param open what stands before
   * @param close what stands after
   * @param list whether one pair of tags holds a JSON list of calls, and not one call
   * @param toolsInSystemMessage whether the template takes the tools as JSON text in the field
   *     {@code tools} of the system message, and not as its own variable {@code tools}
   */
  public record Calls(String open, String close, boolean list, boolean toolsInSystemMessage) {
    /** Checks the tags. */
    public Calls {
      checkTag(open);
      checkTag(close);
    }
  }

  private static final int MAX_TAG_LENGTH = 64;

  /**
   * A format by the names of its parts, as a configuration gives them.
   *
   * @param thought {@code none}, {@code think} or {@code think-opened}
   * @param calls {@code none}, {@code phi} or {@code tool_call}
   * @throws IllegalArgumentException if one is no such name
   */
  public static AnswerFormat named(String thought, String calls) {
    return new AnswerFormat(
        switch (thought) {
          case "none" -> null;
          case "think" -> THINK;
          case "think-opened" -> THINK_OPENED;
          default ->
              throw new IllegalArgumentException(
                  "the format of thoughts is \"%s\", expected none, think or think-opened"
                      .formatted(thought));
        },
        switch (calls) {
          case "none" -> null;
          case "phi" -> PHI_CALLS;
          case "tool_call" -> TAGGED_CALLS;
          default ->
              throw new IllegalArgumentException(
                  "the format of tool calls is \"%s\", expected none, phi or tool_call"
                      .formatted(calls));
        });
  }

  /**
   * Checks that the tags appear in the text that a tokenizer decodes.
   *
   * @throws IllegalArgumentException if one is a special token, which decoding leaves out
   */
  public void check(Tokenizer tokenizer) {
    for (String tag : tags()) {
      if (tokenizer.id(tag).isPresent() && tokenizer.isSpecial(tokenizer.id(tag).getAsInt())) {
        throw new IllegalArgumentException(
            "the tag %s is a special token of the model, which its text does not show"
                .formatted(tag));
      }
    }
  }

  private List<String> tags() {
    List<String> tags = new ArrayList<>();
    if (thought != null) {
      tags.add(thought.open);
      tags.add(thought.close);
    }
    if (calls != null) {
      tags.add(calls.open);
      tags.add(calls.close);
    }
    return tags;
  }

  private static void checkTag(String tag) {
    if (tag.isBlank() || tag.length() > MAX_TAG_LENGTH) {
      throw new IllegalArgumentException(
          "a tag must have 1 to %d characters and not be blank".formatted(MAX_TAG_LENGTH));
    }
  }
}
