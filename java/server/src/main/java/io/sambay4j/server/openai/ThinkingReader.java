package io.sambay4j.server.openai;

import io.sambay4j.answer.AnswerFormat;
import io.sambay4j.answer.Thinking;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import org.jspecify.annotations.Nullable;

/**
 * Reads how much a model may think: {@code reasoning_effort}, or {@code reasoning} with {@code
 * enabled}, {@code effort} and {@code max_tokens}.
 */
final class ThinkingReader {
  private static final int MAX_TOKENS = 1 << 20;
  private static final String[] EFFORTS = {"none", "minimal", "low", "medium", "high", "xhigh"};

  private ThinkingReader() {}

  /**
   * The thinking of a request.
   *
   * @throws ApiException (400) if less is asked for than this model can be held to
   */
  static Thinking read(Fields fields, AnswerFormat format) {
    Thinking thinking = effort(fields, "reasoning_effort");
    String path = fields.path("reasoning_effort");
    Fields reasoning = fields.object("reasoning");
    if (reasoning != null) {
      path = fields.path("reasoning");
      Thinking effort = effort(reasoning, "effort");
      Integer budget = reasoning.integer("max_tokens", 0, MAX_TOKENS);
      boolean enabled = reasoning.bool("enabled", true);
      thinking =
          !enabled
              ? Thinking.OFF
              : budget != null ? Thinking.upTo(budget) : effort != null ? effort : thinking;
      reasoning.ignore("summary");
      reasoning.finish();
    }
    if (thinking == null || thinking.equals(Thinking.FREE)) {
      return Thinking.FREE;
    }
    if (format.thought() == null && thinking.enabled()) {
      throw ApiException.field(
          path,
          "unsupported_parameter",
          path
              + " is not supported: this model's thoughts are not marked; its operator can say how with --thoughts");
    }
    return thinking;
  }

  /** Tokens of thought for each effort: no model of this family was trained on the word itself. */
  private static @Nullable Thinking effort(Fields fields, String field) {
    if (!fields.has(field)) {
      return null;
    }
    return switch (fields.oneOf(field, "", EFFORTS)) {
      case "none" -> Thinking.OFF;
      case "minimal" -> Thinking.upTo(512);
      case "low" -> Thinking.upTo(2048);
      case "medium" -> Thinking.upTo(8192);
      default -> Thinking.FREE;
    };
  }
}
