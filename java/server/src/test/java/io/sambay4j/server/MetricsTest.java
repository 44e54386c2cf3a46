package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code /metrics} after answers whose figures are known. */
@Timeout(300)
final class MetricsTest {
  private static final String CHAT =
      "{\"messages\":[{\"role\":\"user\",\"content\":\"What is 17+25?\"}]%s}";
  private static final String MODEL = "model_name=\"" + TestServer.MODEL + "\"";

  private final TestServer server = new TestServer();
  private final HttpClient http = HttpClient.newHttpClient();

  @AfterEach
  void stop() {
    server.close();
  }

  private int chat(String more) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(server.address() + "/v1/chat/completions"))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(CHAT.formatted(more)))
            .build();
    return http.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
  }

  private String scrape() throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(server.address() + "/metrics")).build();
    HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
    assertEquals(200, response.statusCode());
    return response.body();
  }

  /** Samples by name and labels. */
  private static Map<String, Double> samples(String text) {
    Map<String, Double> samples = new TreeMap<>();
    for (String line : text.split("\n")) {
      if (!line.startsWith("#")) {
        int space = line.lastIndexOf(' ');
        samples.put(line.substring(0, space), Double.parseDouble(line.substring(space + 1)));
      }
    }
    return samples;
  }

  private static double value(Map<String, Double> samples, String name) {
    Double value = samples.get(name);
    assertTrue(value != null, () -> name + " is not among\n" + String.join("\n", samples.keySet()));
    return value;
  }

  @Test
  void answersAreCounted() throws Exception {
    assertEquals(200, chat(""));
    assertEquals(200, chat(",\"max_tokens\":5"));
    assertEquals(400, chat(",\"temperature\":99"));
    Thread.sleep(200); // figures of the engine are at most 100 ms old
    Map<String, Double> samples = samples(scrape());
    assertEquals(
        1, value(samples, "sambay:request_success_total{finished_reason=\"stop\"," + MODEL + "}"));
    assertEquals(
        1,
        value(samples, "sambay:request_success_total{finished_reason=\"length\"," + MODEL + "}"));
    String model = "{" + MODEL + "}";
    double generated = value(samples, "sambay:generation_tokens_total" + model);
    assertTrue(generated > 10 && generated < 100, "generated " + generated);
    assertEquals(24, value(samples, "sambay:prompt_tokens_total" + model));
    assertEquals(24, value(samples, "sambay:request_prompt_tokens_sum" + model));
    assertEquals(generated, value(samples, "sambay:request_generation_tokens_sum" + model));
    assertEquals(generated - 2, value(samples, "sambay:inter_token_latency_seconds_count" + model));
    for (String name :
        List.of(
            "time_to_first_token",
            "request_time_per_output_token",
            "e2e_request_latency",
            "request_queue_time",
            "request_prefill_time",
            "request_decode_time")) {
      assertEquals(2, value(samples, "sambay:" + name + "_seconds_count" + model), name);
      assertEquals(
          2, value(samples, "sambay:" + name + "_seconds_bucket{" + MODEL + ",le=\"+Inf\"}"), name);
    }
    assertTrue(
        value(samples, "sambay:e2e_request_latency_seconds_sum" + model)
            >= value(samples, "sambay:time_to_first_token_seconds_sum" + model));
    assertEquals(0, value(samples, "sambay:num_requests_running" + model));
    assertEquals(0, value(samples, "sambay:num_requests_waiting" + model));
    assertTrue(value(samples, "sambay:http_requests_total") >= 4);
    assertTrue(samples.keySet().stream().anyMatch(name -> name.startsWith("jvm_memory_used")));
  }

  /** Names without the suffixes that histograms add. */
  private static Set<String> names(String text) {
    Matcher types = Pattern.compile("(?m)^# TYPE (sambay:\\S+) ").matcher(text);
    return types
        .results()
        .map(type -> type.group(1))
        .filter(name -> !name.endsWith("_max"))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void theDocumentationListsThemAll() throws Exception {
    assertEquals(200, chat(""));
    String text = scrape();
    String page =
        Files.readString(Path.of(System.getProperty("sambay.root"), "docs", "metrics.md"));
    Set<String> documented =
        Pattern.compile("`(sambay:[a-z0-9_]+)")
            .matcher(page)
            .results()
            .map(name -> name.group(1))
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> missing = names(text);
    missing.removeAll(documented);
    assertEquals(Set.of(), missing, "not in docs/metrics.md");
    documented.removeAll(names(text));
    documented.removeAll(Set.of("sambay:request_errors_total", "sambay:request_refused_total"));
    assertEquals(Set.of(), documented, "in docs/metrics.md, but not here");
  }

  @Test
  void everyLineIsWellFormed() throws Exception {
    assertEquals(200, chat(""));
    Pattern sample =
        Pattern.compile(
            "[a-zA-Z_:][a-zA-Z0-9_:]*(\\{([a-zA-Z_][a-zA-Z0-9_]*=\"[^\"]*\",?)*})? \\S+");
    for (String line : scrape().split("\n")) {
      assertTrue(
          line.startsWith("# HELP ")
              || line.startsWith("# TYPE ")
              || sample.matcher(line).matches(),
          line);
    }
    assertFalse(scrape().contains("NaN"), "a gauge lost what it reads");
  }
}
