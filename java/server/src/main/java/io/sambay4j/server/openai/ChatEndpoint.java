package io.sambay4j.server.openai;

import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Router;
import java.util.List;

/** {@code POST /v1/chat/completions}. */
final class ChatEndpoint implements Router.Endpoint {
  private final Engine engine;

  ChatEndpoint(Engine engine) {
    this.engine = engine;
  }

  @Override
  public void handle(Exchange exchange) {
    ChatRequest request = ChatRequestReader.read(exchange.fields(), engine.models());
    GenerationFields fields = request.generation();
    ChatAnswers answers = new ChatAnswers(request);
    AnswerSink sink =
        fields.stream()
            ? answers.stream(exchange)
            : new WholeAnswer(exchange, fields.choices(), answers::whole);
    engine.start(exchange, List.of(request.prompt()), "messages", fields, sink);
  }
}
