package io.sambay4j.server.metrics;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.sambay4j.server.http.HttpServer;
import io.sambay4j.server.openai.CallObserver;
import io.sambay4j.server.openai.LiveCalls;
import io.sambay4j.server.openai.ServedModel;
import io.sambay4j.server.openai.ServedModels;
import java.time.Duration;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The meters of a server. Their names follow vLLM's, with {@code sambay:} in front, so that
 * dashboards need little change; docs/metrics.md lists them.
 */
public final class ServerMetrics implements CallObserver, AutoCloseable {
  static final String PREFIX = "sambay:";
  private static final String MODEL = "model_name";

  private final MeterRegistry registry;
  private final Map<String, AnswerMeters> byModel;
  private final JvmGcMetrics collections = new JvmGcMetrics();

  /** Registers the meters of models and of the VM. */
  public ServerMetrics(MeterRegistry registry, ServedModels models) {
    this.registry = registry;
    byModel =
        models.all().stream()
            .collect(
                Collectors.toUnmodifiableMap(
                    ServedModel::name,
                    model -> new AnswerMeters(registry, Tags.of(MODEL, model.name()))));
    for (ServedModel model : models.all()) {
      new EngineMeters(
              registry, Tags.of(MODEL, model.name()), model.model()::statistics, System::nanoTime)
          .register();
    }
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ClassLoaderMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new UptimeMetrics().bindTo(registry);
    new FileDescriptorMetrics().bindTo(registry);
    collections.bindTo(registry);
  }

  /** Also tells of connections and requests. */
  public void serve(HttpServer http, LiveCalls live) {
    gauge(http, "http_connections", "Connections open.", HttpServer::connections);
    gauge(http, "http_requests_active", "Requests being answered.", HttpServer::activeRequests);
    counter(http, "http_requests", "Requests of any kind.", HttpServer::requests);
    gauge(live, "calls_running", "Calls for text under way.", LiveCalls::running);
    counter(live, "calls_left", "Calls whose client left before the end.", LiveCalls::left);
  }

  private <T> void gauge(T of, String name, String help, Function<T, Number> value) {
    Gauge.builder(PREFIX + name, of, it -> value.apply(it).doubleValue())
        .description(help)
        .strongReference(true)
        .register(registry);
  }

  private <T> void counter(T of, String name, String help, Function<T, Number> value) {
    FunctionCounter.builder(PREFIX + name, of, it -> value.apply(it).doubleValue())
        .description(help)
        .register(registry);
  }

  @Override
  public void token(String model, Duration sinceLast) {
    of(model).token(sinceLast);
  }

  @Override
  public void answered(Answered answer) {
    of(answer.model()).answered(answer);
  }

  @Override
  public void refused(String model, String endpoint, int status) {
    of(model).refused(status);
  }

  private AnswerMeters of(String model) {
    AnswerMeters meters = byModel.get(model);
    if (meters == null) {
      throw new IllegalArgumentException("there is no model " + model);
    }
    return meters;
  }

  /** Stops listening to the garbage collector. */
  @Override
  public void close() {
    collections.close();
  }
}
