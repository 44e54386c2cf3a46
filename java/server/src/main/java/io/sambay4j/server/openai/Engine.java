package io.sambay4j.server.openai;

import io.sambay4j.GenerationRequest;
import io.sambay4j.server.http.Exchange;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What endpoints answer with.
 *
 * @param models the models, by name
 * @param live the generations under way
 * @param observer told of each
 * @param timeLimit of a generation, waiting included; null: none
 * @param finish has the last word about each generation: what it returns is what is started
 */
public record Engine(
    ServedModels models,
    LiveCalls live,
    CallObserver observer,
    @Nullable Duration timeLimit,
    UnaryOperator<GenerationRequest> finish) {
  /**
   * Starts the generations of a request.
   *
   * @param prompts each gets as many answers
   * @param field what the endpoint calls the prompt
   */
  void start(
      Exchange exchange,
      List<? extends GenerationRequest.Prompt> prompts,
      String field,
      GenerationFields fields,
      AnswerSink sink) {
    List<GenerationRequest> requests =
        prompts.stream()
            .map(prompt -> finish.apply(GenerationRequests.of(prompt, fields, timeLimit)))
            .toList();
    new Call(exchange, fields.model(), fields.choices(), live, observer, sink, field)
        .start(requests);
  }
}
