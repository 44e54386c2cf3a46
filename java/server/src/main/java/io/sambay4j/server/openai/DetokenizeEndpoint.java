package io.sambay4j.server.openai;

import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Fields;
import io.sambay4j.server.http.Json;
import io.sambay4j.server.http.Router;
import java.util.List;

/** {@code POST /detokenize}: the text of tokens, control tokens included. */
final class DetokenizeEndpoint implements Router.Endpoint {
  private final ServedModels models;

  DetokenizeEndpoint(ServedModels models) {
    this.models = models;
  }

  @Override
  public void handle(Exchange exchange) {
    Fields fields = exchange.fields();
    ServedModel model = models.find(fields.string("model"));
    if (!fields.has("tokens")) {
      throw fields.missing("tokens");
    }
    List<Integer> tokens = CompletionPromptReader.tokenIds(fields, "tokens", model);
    fields.finish();
    int[] ids = tokens.stream().mapToInt(Integer::intValue).toArray();
    exchange.json(200, Json.object().put("prompt", model.model().tokenizer().decode(ids, true)));
  }
}
