package io.sambay4j.server;

import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Json;
import io.sambay4j.server.openai.LiveCalls;

/** {@code /health}: it lives; {@code /ready}: it takes requests. */
final class Health {
  private final LiveCalls live;

  Health(LiveCalls live) {
    this.live = live;
  }

  static void alive(Exchange exchange) {
    exchange.json(200, Json.object().put("status", "alive"));
  }

  void ready(Exchange exchange) {
    if (live.draining()) {
      throw ApiException.unavailable("draining", "the server is about to stop");
    }
    exchange.json(200, Json.object().put("status", "ready"));
  }
}
