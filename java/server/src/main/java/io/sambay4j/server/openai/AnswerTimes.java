package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.Usage;
import io.sambay4j.server.http.Json;
import java.time.Duration;

/**
 * What one answer took.
 *
 * @param queued until its first step
 * @param toFirstToken from the request's headers to the first token; zero where there was none
 * @param total from the request's headers to the last token
 * @param usage tokens and times of the engine
 */
record AnswerTimes(Duration queued, Duration toFirstToken, Duration total, Usage usage) {
  /** Seconds and rates, as answers report them. */
  ObjectNode json() {
    return Json.object()
        .put("queue_seconds", seconds(queued))
        .put("prompt_seconds", seconds(usage.promptTime()))
        .put("first_token_seconds", seconds(toFirstToken))
        .put("generation_seconds", seconds(usage.generationTime()))
        .put("total_seconds", seconds(total))
        .put("prompt_tokens_per_second", rounded(usage.promptTokensPerSecond()))
        .put("generated_tokens_per_second", rounded(usage.generatedTokensPerSecond()));
  }

  private static double seconds(Duration duration) {
    return Math.rint(duration.toNanos() / 1e3) / 1e6;
  }

  private static double rounded(double rate) {
    return Math.rint(rate * 100) / 100;
  }
}
