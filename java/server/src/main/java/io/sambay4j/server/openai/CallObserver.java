package io.sambay4j.server.openai;

import java.time.Duration;

/**
 * Told of generations as they go, for metrics. Called on the engine's and the server's threads: it
 * must be quick and must not throw.
 */
public interface CallObserver {
  /**
   * How one answer went.
   *
   * @param model name of the model
   * @param endpoint method and path, such as {@code POST /v1/chat/completions}
   * @param outcome {@code stop}, {@code length}, {@code tool_calls}, {@code time_limit}, {@code
   *     cancelled} or {@code error}
   * @param promptTokens tokens of the prompt
   * @param cachedTokens those of them that did not have to be read
   * @param generatedTokens tokens of the answer
   * @param queued until the first step; zero where there was none
   * @param toFirstToken from the request's headers to the first token; zero where there was none
   * @param generating from the first token to the last
   * @param total from the request's headers to the last token
   */
  record Answered(
      String model,
      String endpoint,
      String outcome,
      int promptTokens,
      int cachedTokens,
      int generatedTokens,
      Duration queued,
      Duration toFirstToken,
      Duration generating,
      Duration total) {}

  /** A token that is not an answer's first. */
  default void token(String model, Duration sinceLast) {}

  /** An answer has ended, in whichever way. */
  default void answered(Answered answer) {}

  /** A request for generation was refused with this HTTP status. */
  default void refused(String model, String endpoint, int status) {}

  /** Tells this one first, then the other. */
  default CallObserver and(CallObserver other) {
    CallObserver first = this;
    return new CallObserver() {
      @Override
      public void token(String model, Duration sinceLast) {
        first.token(model, sinceLast);
        other.token(model, sinceLast);
      }

      @Override
      public void answered(Answered answer) {
        first.answered(answer);
        other.answered(answer);
      }

      @Override
      public void refused(String model, String endpoint, int status) {
        first.refused(model, endpoint, status);
        other.refused(model, endpoint, status);
      }
    };
  }
}
