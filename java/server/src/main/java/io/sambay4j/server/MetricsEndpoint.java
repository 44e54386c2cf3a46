package io.sambay4j.server;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Router;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** {@code /metrics}: every meter, as Prometheus reads them. */
final class MetricsEndpoint implements Router.Endpoint {
  private static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private final PrometheusMeterRegistry registry;

  MetricsEndpoint(PrometheusMeterRegistry registry) {
    this.registry = registry;
  }

  @Override
  public void handle(Exchange exchange) {
    String text = registry.scrape(CONTENT_TYPE);
    exchange.bytes(200, CONTENT_TYPE, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }
}
