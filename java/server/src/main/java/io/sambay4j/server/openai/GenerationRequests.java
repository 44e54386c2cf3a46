package io.sambay4j.server.openai;

import io.sambay4j.GenerationRequest;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Turns what clients ask for into what the engine takes. */
final class GenerationRequests {
  private GenerationRequests() {}

  /** The request; where it has several answers, the engine counts the seed up for each. */
  static GenerationRequest of(
      GenerationRequest.Prompt prompt, GenerationFields fields, @Nullable Duration timeLimit) {
    GenerationRequest.Builder builder =
        GenerationRequest.of(prompt)
            .sampling(fields.sampling())
            .stop(fields.stop().toArray(String[]::new))
            .stopTokens(fields.stopTokens().stream().mapToInt(Integer::intValue).toArray())
            .ignoreEndTokens(fields.ignoreEndTokens())
            .priority(fields.priority())
            .promptLogProbabilities(fields.promptLogProbabilities())
            .constraint(fields.constraint());
    fields.maxTokens().ifPresent(builder::maxTokens);
    if (timeLimit != null) {
      builder.timeLimit(timeLimit);
    }
    return builder.build();
  }
}
