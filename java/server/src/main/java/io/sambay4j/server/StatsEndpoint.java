package io.sambay4j.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.EngineStatistics;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.HttpServer;
import io.sambay4j.server.http.Json;
import io.sambay4j.server.http.Router;
import io.sambay4j.server.openai.LiveCalls;
import io.sambay4j.server.openai.ServedModel;
import io.sambay4j.server.openai.ServedModels;
import org.jspecify.annotations.Nullable;

/**
 * {@code /stats}: what the page's gauges show. The figures of an engine stand in its model's entry
 * of {@code models}, those of the process beside it.
 */
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
            .put("draining", live.draining())
            .put("uptime_seconds", (System.nanoTime() - started) / 1_000_000_000);
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
    putFigures(model.putObject("engine"), served.model().statistics());
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

  private static void putFigures(ObjectNode engine, EngineStatistics now) {
    engine
        .put("running", now.running())
        .put("waiting", now.waiting())
        .put("queue_limit", now.queueLimit())
        .put("slots_used", now.slotsUsed())
        .put("slots", now.slots())
        .put("cache_blocks_used", now.cacheBlocksUsed())
        .put("cache_blocks", now.cacheBlocks())
        .put("cache_block_tokens", now.cacheBlockTokens())
        .put("context_limit", now.contextLimit())
        .put("requests", now.requests())
        .put("prompt_tokens", now.promptTokens())
        .put("cached_tokens", now.cachedTokens())
        .put("generated_tokens", now.generatedTokens())
        .put("prefix_cache_hits", now.prefixCacheHits())
        .put("prefix_cache_misses", now.prefixCacheMisses())
        .put("prefix_cache_tokens_saved", now.prefixCacheTokensSaved())
        .put("prefix_cache_entries", now.prefixCacheEntries())
        .put("prefix_cache_bytes", now.prefixCacheBytes())
        .put("prefix_cache_limit_bytes", now.prefixCacheLimitBytes())
        .put("prefix_cache_evictions", now.prefixCacheEvictions())
        .put("prefix_cache_files", now.prefixCacheFiles())
        .put("steps", now.steps())
        .put("uptime_seconds", now.uptime().toSeconds());
  }
}
