package io.sambay4j.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.HttpServer;
import io.sambay4j.server.http.Json;
import io.sambay4j.server.http.Router;
import io.sambay4j.server.openai.LiveCalls;
import io.sambay4j.server.openai.ServedModel;
import io.sambay4j.server.openai.ServedModels;
import org.jspecify.annotations.Nullable;

/** {@code /stats}: what the page's gauges show. */
final class StatsEndpoint implements Router.Endpoint {
  private final ServedModels models;
  private final LiveCalls live;
  private final long started = System.nanoTime();
  private volatile @Nullable HttpServer http;

  StatsEndpoint(ServedModels models, LiveCalls live) {
    this.models = models;
    this.live = live;
  }

  /** Also tells of connections. */
  void serve(HttpServer server) {
    http = server;
  }

  @Override
  public void handle(Exchange exchange) {
    ObjectNode root =
        Json.object()
            .put("version", Version.project())
            .put("uptime_seconds", (System.nanoTime() - started) / 1_000_000_000)
            .put("draining", live.draining());
    ObjectNode calls =
        root.putObject("server")
            .put("generations_running", live.running())
            .put("generations_started", live.started())
            .put("generations_left", live.left());
    HttpServer server = http;
    if (server != null) {
      calls
          .put("connections", server.connections())
          .put("requests", server.requests())
          .put("requests_active", server.activeRequests());
    }
    ArrayNode list = root.putArray("models");
    models.all().forEach(model -> list.add(json(model)));
    exchange.json(200, root);
  }

  private static ObjectNode json(ServedModel served) {
    ObjectNode model =
        Json.object()
            .put("id", served.name())
            .put("device", served.model().device())
            .put("context_limit", served.model().contextLimit());
    served.aliases().forEach(model.putArray("aliases")::add);
    SamplingParameters sampling = served.model().defaultSampling();
    model
        .putObject("default_sampling")
        .put("temperature", sampling.temperature())
        .put("top_p", sampling.topP())
        .put("top_k", sampling.topK())
        .put("min_p", sampling.minP())
        .put("repetition_penalty", sampling.repetitionPenalty());
    return model;
  }
}
