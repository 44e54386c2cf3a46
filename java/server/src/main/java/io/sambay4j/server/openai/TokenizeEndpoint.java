package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Fields;
import io.sambay4j.server.http.Json;
import io.sambay4j.server.http.Router;
import java.util.Map;

/**
 * {@code POST /tokenize}: the tokens of a text ({@code prompt}), or of a conversation in the
 * model's template ({@code messages}).
 */
final class TokenizeEndpoint implements Router.Endpoint {
  private final ServedModels models;

  TokenizeEndpoint(ServedModels models) {
    this.models = models;
  }

  @Override
  public void handle(Exchange exchange) {
    Fields fields = exchange.fields();
    ServedModel model = models.find(fields.string("model"));
    boolean texts = fields.bool("return_token_strs", false);
    if (fields.has("prompt") == fields.has("messages")) {
      throw ApiException.badRequest(
          "missing_required_parameter", "either prompt or messages is needed");
    }
    boolean chat = fields.has("messages");
    Prompt prompt =
        chat
            ? new Prompt.Chat(MessageReader.read(fields, "messages"), Map.of())
            : new Prompt.Text(fields.requiredString("prompt"));
    fields.finish();
    int[] ids = encode(model, prompt, chat ? "messages" : "prompt");
    ObjectNode root =
        Json.object().put("count", ids.length).put("max_model_len", model.model().contextLimit());
    ArrayNode tokens = root.putArray("tokens");
    for (int id : ids) {
      tokens.add(id);
    }
    if (texts) {
      ArrayNode strings = root.putArray("token_strs");
      for (int id : ids) {
        strings.add(AnswerJson.text(model.model().tokenizer(), id));
      }
    }
    exchange.json(200, root);
  }

  /** An empty text has no tokens, which is an answer here and a mistake where one is to go on. */
  private static int[] encode(ServedModel model, Prompt prompt, String field) {
    if (prompt instanceof Prompt.Text text && text.text().isEmpty()) {
      return new int[0];
    }
    try {
      return model.model().encode(prompt);
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw Failures.of(e, field);
    }
  }
}
