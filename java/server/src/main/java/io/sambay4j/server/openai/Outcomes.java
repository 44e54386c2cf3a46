package io.sambay4j.server.openai;

import io.sambay4j.FinishReason;

/** Ends of generations, in OpenAI's words. */
final class Outcomes {
  private Outcomes() {}

  /** In all words, for logs and metrics. */
  static String of(FinishReason reason) {
    return switch (reason) {
      case STOP -> "stop";
      case LENGTH -> "length";
      case CANCELLED -> "cancelled";
      case TIME_LIMIT -> "time_limit";
    };
  }

  /** The {@code finish_reason} of an answer. */
  static String finishReason(FinishReason reason) {
    return reason == FinishReason.STOP ? "stop" : "length";
  }

  /** As above, of an answer that may have called tools. */
  static String finishReason(FinishReason reason, boolean calledTools) {
    return calledTools && reason == FinishReason.STOP ? "tool_calls" : finishReason(reason);
  }
}
