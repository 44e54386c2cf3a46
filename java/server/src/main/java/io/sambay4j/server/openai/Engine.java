package io.sambay4j.server.openai;

import io.sambay4j.GenerationRequest;
import io.sambay4j.server.http.Exchange;

/**
 * What endpoints answer with.
 *
 * @param models the models, by name
 * @param live the generations under way
 * @param observer told of each
 */
public record Engine(ServedModels models, LiveCalls live, CallObserver observer) {
  /** Starts the generations of a request. */
  void start(
      Exchange exchange, GenerationRequest.Prompt prompt, GenerationFields fields, AnswerSink sink) {
    new Call(exchange, fields.model(), fields.choices(), live, observer, sink)
        .start(GenerationRequests.of(prompt, fields));
  }
}
