package io.sambay4j.server.metrics;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.sambay4j.EngineStatistics;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** What one model is doing now and has done since it was opened. */
final class EngineMeters {
  private static final long FRESH_NANOS = 100_000_000;

  private final MeterRegistry registry;
  private final Tags tags;
  private final Supplier<EngineStatistics> source;
  private final LongSupplier nanoTime;
  private EngineStatistics latest; // guarded by this
  private long taken; // guarded by this

  EngineMeters(
      MeterRegistry registry, Tags tags, Supplier<EngineStatistics> source, LongSupplier nanoTime) {
    this.registry = registry;
    this.tags = tags;
    this.source = source;
    this.nanoTime = nanoTime;
    this.latest = source.get();
    this.taken = nanoTime.getAsLong();
  }

  /** One look at the engine for all meters of a scrape, so that they agree with each other. */
  private synchronized EngineStatistics latest() {
    long now = nanoTime.getAsLong();
    if (now - taken > FRESH_NANOS) {
      latest = source.get();
      taken = now;
    }
    return latest;
  }

  void register() {
    gauge("num_requests_running", "Requests that take part in steps.", EngineStatistics::running);
    gauge("num_requests_waiting", "Requests in the queue.", EngineStatistics::waiting);
    gauge("num_requests_waiting_limit", "Requests that may wait.", EngineStatistics::queueLimit);
    gauge(
        "kv_cache_usage_perc",
        "Share of the key/value cache's blocks in use, 0 to 1.",
        s -> share(s.cacheBlocksUsed(), s.cacheBlocks()));
    gauge(
        "state_slots_usage_perc",
        "Share of the sequences that can be held which are, 0 to 1.",
        s -> share(s.slotsUsed(), s.slots()));
    counter(
        "prompt_tokens",
        "Prompt tokens that came, read or known.",
        s -> s.promptTokens() + s.cachedTokens());
    counter(
        "prompt_tokens_cached",
        "Prompt tokens that did not have to be read.",
        EngineStatistics::cachedTokens);
    counter("generation_tokens", "Tokens generated.", EngineStatistics::generatedTokens);
    counter("engine_steps", "Steps of the engine.", EngineStatistics::steps);
    prefixCache();
  }

  private void prefixCache() {
    counter(
        "prefix_cache_queries",
        "Prompt tokens that were looked up in the prefix cache.",
        s -> s.prefixCacheLimitBytes() == 0 ? 0 : s.promptTokens() + s.cachedTokens());
    counter(
        "prefix_cache_hits",
        "Prompt tokens that the prefix cache spared.",
        EngineStatistics::prefixCacheTokensSaved);
    counter(
        "prefix_cache_request_hits",
        "Requests whose beginning the prefix cache knew.",
        EngineStatistics::prefixCacheHits);
    counter(
        "prefix_cache_request_misses",
        "Requests that looked there in vain.",
        EngineStatistics::prefixCacheMisses);
    counter(
        "prefix_cache_evictions",
        "States dropped to make room.",
        EngineStatistics::prefixCacheEvictions);
    gauge("prefix_cache_entries", "States kept in memory.", EngineStatistics::prefixCacheEntries);
    gauge("prefix_cache_bytes", "Memory they take.", EngineStatistics::prefixCacheBytes);
    gauge(
        "prefix_cache_limit_bytes",
        "Memory they may take; 0: there is no prefix cache.",
        EngineStatistics::prefixCacheLimitBytes);
  }

  private static double share(int used, int all) {
    return all == 0 ? 0 : (double) used / all;
  }

  private void gauge(String name, String help, ToDoubleFunction<EngineStatistics> value) {
    Gauge.builder(ServerMetrics.PREFIX + name, this, meters -> value.applyAsDouble(meters.latest()))
        .description(help)
        .tags(tags)
        .strongReference(true)
        .register(registry);
  }

  private void counter(String name, String help, ToDoubleFunction<EngineStatistics> value) {
    FunctionCounter.builder(
            ServerMetrics.PREFIX + name, this, meters -> value.applyAsDouble(meters.latest()))
        .description(help)
        .tags(tags)
        .register(registry);
  }
}
