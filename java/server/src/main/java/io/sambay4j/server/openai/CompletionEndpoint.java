package io.sambay4j.server.openai;

import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Router;
import java.util.List;

/** {@code POST /v1/completions}. */
final class CompletionEndpoint implements Router.Endpoint {
  private final Engine engine;

  CompletionEndpoint(Engine engine) {
    this.engine = engine;
  }

  @Override
  public void handle(Exchange exchange) {
    CompletionRequest request = CompletionRequestReader.read(exchange.fields(), engine.models());
    GenerationFields fields = request.generation();
    CompletionAnswers answers = new CompletionAnswers(request);
    AnswerSink sink =
        fields.stream()
            ? answers.stream(exchange)
            : new WholeAnswer(exchange, fields.choices(), answers::whole);
    List<Prompt> prompts = request.prompts().stream().map(CompletionPrompt::prompt).toList();
    engine.start(exchange, prompts, "prompt", fields, sink);
  }
}
