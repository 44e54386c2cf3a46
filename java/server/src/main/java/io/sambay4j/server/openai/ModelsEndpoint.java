package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Json;
import io.sambay4j.server.http.Router;

/** {@code GET /v1/models} and {@code GET /v1/models/NAME}. */
final class ModelsEndpoint implements Router.Endpoint {
  private final ServedModels models;

  ModelsEndpoint(ServedModels models) {
    this.models = models;
  }

  @Override
  public void handle(Exchange exchange) {
    if (!exchange.tail().isEmpty()) {
      exchange.json(200, json(exchange.tail(), models.find(exchange.tail())));
      return;
    }
    ObjectNode root = Json.object().put("object", "list");
    ArrayNode data = root.putArray("data");
    models.byName().forEach((name, model) -> data.add(json(name, model)));
    exchange.json(200, root);
  }

  private static ObjectNode json(String name, ServedModel model) {
    ObjectNode entry =
        Json.object()
            .put("id", name)
            .put("object", "model")
            .put("created", model.since().getEpochSecond())
            .put("owned_by", "sambay4j")
            .put("max_model_len", model.model().contextLimit());
    if (!name.equals(model.name())) {
      entry.put("root", model.name());
    }
    return entry;
  }
}
