package io.sambay4j.server.openai;

import io.sambay4j.GenerationRequest;
import io.sambay4j.server.http.Exchange;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What endpoints answer with.
 *
 * @param models the models, by name
 * @param live the generations under way
 * @param observer told of each
 * @param timeLimit of a generation, waiting included; null: none
 */
public record Engine(
    ServedModels models, LiveCalls live, CallObserver observer, @Nullable Duration timeLimit) {
  /**
   * Starts the generations of a request.
   *
   * @param field what the endpoint calls the prompt
   */
  void start(
      Exchange exchange,
      GenerationRequest.Prompt prompt,
      String field,
      GenerationFields fields,
      AnswerSink sink) {
    new Call(exchange, fields.model(), fields.choices(), live, observer, sink, field)
        .start(GenerationRequests.of(prompt, fields, timeLimit));
  }
}
