package io.sambay4j.server.openai;

import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Router;
import java.util.List;

/** {@code POST /v1/responses}. */
final class ResponsesEndpoint implements Router.Endpoint {
  private final Engine engine;

  ResponsesEndpoint(Engine engine) {
    this.engine = engine;
  }

  @Override
  public void handle(Exchange exchange) {
    ResponsesRequest request = ResponsesRequestReader.read(exchange.fields(), engine.models());
    GenerationFields fields = request.generation();
    ResponsesAnswers answers = new ResponsesAnswers(request);
    AnswerSink sink =
        fields.stream()
            ? answers.stream(exchange)
            : new WholeAnswer(exchange, fields.choices(), answers::whole);
    engine.start(exchange, List.of(request.prompt()), "input", fields, sink);
  }
}
