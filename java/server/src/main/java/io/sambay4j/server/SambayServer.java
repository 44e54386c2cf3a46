package io.sambay4j.server;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.sambay4j.GenerationRequest;
import io.sambay4j.server.http.HttpOptions;
import io.sambay4j.server.http.HttpServer;
import io.sambay4j.server.http.Router;
import io.sambay4j.server.http.WebPage;
import io.sambay4j.server.metrics.ServerMetrics;
import io.sambay4j.server.openai.CallObserver;
import io.sambay4j.server.openai.Endpoints;
import io.sambay4j.server.openai.Engine;
import io.sambay4j.server.openai.LiveCalls;
import io.sambay4j.server.openai.ServedModel;
import io.sambay4j.server.openai.ServedModels;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Models over HTTP, as OpenAI's clients speak it, with a web page.
 *
 * <pre>{@code
 * try (TextModel model = TextModel.open(path);
 *     SambayServer server =
 *         SambayServer.start(
 *             HttpOptions.builder().port(8080).build(),
 *             List.of(new ServedModel("reasoner", List.of(), model, Instant.now())))) {
 *   System.out.println(server.port());
 *   Thread.currentThread().join();
 * }
 * }</pre>
 *
 * <p>Every method may be called from any thread. The models stay open; whoever opened them closes
 * them after the server.
 */
public final class SambayServer implements AutoCloseable {
  private final LiveCalls live = new LiveCalls();
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final ServerMetrics metrics;
  private final HttpServer http;

  private SambayServer(
      HttpOptions options,
      ServedModels models,
      CallObserver observer,
      @Nullable Duration timeLimit,
      UnaryOperator<GenerationRequest> finish) {
    Router router = new Router();
    metrics = new ServerMetrics(registry, models);
    Endpoints.addTo(router, new Engine(models, live, metrics.and(observer), timeLimit, finish));
    StatsEndpoint stats = new StatsEndpoint(models, live);
    router
        .getOpen("/health", Health::alive)
        .getOpen("/ready", new Health(live)::ready)
        .get("/stats", stats)
        .get("/metrics", new MetricsEndpoint(registry))
        .getOpenBelow("/", new WebPage(SambayServer.class, "web"));
    http = new HttpServer(options, router);
    stats.serve(http);
    metrics.serve(http, live);
  }

  /**
   * Begins to listen.
   *
   * @param models at least one; the first also answers requests that name none
   * @throws IllegalArgumentException if an option makes no sense or two models share a name
   * @throws java.io.UncheckedIOException if the address cannot be had
   */
  public static SambayServer start(HttpOptions options, List<ServedModel> models) {
    return start(options, models, new CallObserver() {}, null);
  }

  /**
   * As {@link #start(HttpOptions, List)}.
   *
   * @param observer told of each generation
   * @param timeLimit of a generation, waiting included: what there is by then is the answer; null:
   *     none
   */
  public static SambayServer start(
      HttpOptions options,
      List<ServedModel> models,
      CallObserver observer,
      @Nullable Duration timeLimit) {
    return start(options, models, observer, timeLimit, UnaryOperator.identity());
  }

  /**
   * As the other, where tests make a model say what they need.
   *
   * @param finish has the last word about each generation
   */
  static SambayServer start(
      HttpOptions options,
      List<ServedModel> models,
      CallObserver observer,
      @Nullable Duration timeLimit,
      UnaryOperator<GenerationRequest> finish) {
    SambayServer server =
        new SambayServer(options, new ServedModels(models), observer, timeLimit, finish);
    try {
      server.http.start();
    } catch (RuntimeException e) {
      server.close();
      throw e;
    }
    return server;
  }

  /** The port it listens at. */
  public int port() {
    return http.port();
  }

  /** The meters that {@code /metrics} shows. */
  public PrometheusMeterRegistry meters() {
    return registry;
  }

  /** The generations under way. */
  public LiveCalls calls() {
    return live;
  }

  /**
   * Takes no new generations and waits for those that run; what has not ended in time is cancelled.
   * {@code /ready} says 503 meanwhile.
   *
   * @throws InterruptedException if the wait was interrupted; everything is cancelled then
   */
  public void drain(Duration patience) throws InterruptedException {
    live.drain(patience);
  }

  /** Stops at once: closes every connection and cancels every generation. */
  @Override
  public void close() {
    try {
      live.drain(Duration.ZERO);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      http.close();
      metrics.close();
      registry.close();
    }
  }
}
