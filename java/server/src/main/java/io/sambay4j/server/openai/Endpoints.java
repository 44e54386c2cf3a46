package io.sambay4j.server.openai;

import io.sambay4j.server.http.Router;

/** Which path OpenAI's clients expect where. */
public final class Endpoints {
  private Endpoints() {}

  /** Adds all of them. */
  public static void addTo(Router router, Engine engine) {
    ModelsEndpoint models = new ModelsEndpoint(engine.models());
    router
        .post("/v1/chat/completions", new ChatEndpoint(engine))
        .post("/v1/completions", new CompletionEndpoint(engine))
        .post("/v1/responses", new ResponsesEndpoint(engine))
        .post("/tokenize", new TokenizeEndpoint(engine.models()))
        .post("/detokenize", new DetokenizeEndpoint(engine.models()))
        .get("/v1/models", models)
        .getBelow("/v1/models/", models);
  }
}
