package io.sambay4j.cli.load;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Asks a server that speaks OpenAI's API for streamed answers. A few threads serve any number of
 * streams.
 */
public final class LoadClient implements AutoCloseable {
  private static final int THREADS = 4;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final URI base;
  private final @Nullable String apiKey;
  private final Duration timeout;
  private final boolean ignoreEndTokens;
  private final ExecutorService threads =
      Executors.newFixedThreadPool(
          THREADS,
          task -> {
            Thread thread = new Thread(task, "load");
            thread.setDaemon(true);
            return thread;
          });
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1) // a connection a stream, as most clients have it
          .executor(threads)
          .connectTimeout(Duration.ofSeconds(30))
          .build();

  /**
   * A client of one server.
   *
   * @param address with or without {@code /v1} at its end
   * @param apiKey sent with each request; null: none
   * @param timeout of a whole answer
   * @param ignoreEndTokens whether answers shall have the length asked for; not every server knows
   *     the field {@code ignore_eos}
   */
  public LoadClient(
      URI address, @Nullable String apiKey, Duration timeout, boolean ignoreEndTokens) {
    String text = address.toString().replaceFirst("/+$", "");
    this.base = URI.create(text.endsWith("/v1") ? text : text + "/v1");
    this.apiKey = apiKey;
    this.timeout = timeout;
    this.ignoreEndTokens = ignoreEndTokens;
  }

  /**
   * The first model that the server lists.
   *
   * @throws IOException if it lists none or does not answer
   */
  public String firstModel() throws IOException, InterruptedException {
    HttpResponse<String> response =
        http.send(request("/models").GET().build(), HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() != 200) {
      throw new IOException(
          "%s/models answers with status %d: %s"
              .formatted(base, response.statusCode(), message(response.body())));
    }
    String id = parse(response.body()).path("data").path(0).path("id").asText("");
    if (id.isEmpty()) {
      throw new IOException(base + "/models lists no model; give its name with --name");
    }
    return id;
  }

  /**
   * What came back for a request.
   *
   * @param answer its times and counts, or what went wrong
   * @param text what it said
   */
  public record Reply(Answer answer, String text) {}

  /**
   * Asks for an answer. The future never fails; an {@link Answer} says what went wrong.
   *
   * @param conversation what the user and the assistant said in turn, the user first and last
   * @param due when it was to be sent, in seconds of the clock
   */
  public CompletableFuture<Reply> ask(
      String model, List<String> conversation, int maxTokens, Clock clock, double due) {
    ObjectNode body = JSON.createObjectNode();
    body.put("model", model).put("max_tokens", maxTokens).put("temperature", 0);
    body.put("stream", true).putObject("stream_options").put("include_usage", true);
    ArrayNode messages = body.putArray("messages");
    for (int i = 0; i < conversation.size(); i++) {
      messages
          .addObject()
          .put("role", i % 2 == 0 ? "user" : "assistant")
          .put("content", conversation.get(i));
    }
    if (ignoreEndTokens) {
      body.put("ignore_eos", true);
    }
    HttpRequest request =
        request("/chat/completions")
            .header("Content-Type", "application/json")
            .header("Accept", "text/event-stream")
            .timeout(timeout)
            .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
            .build();
    AnswerReader reader = new AnswerReader((conversation.size() + 1) / 2, clock, due);
    CompletableFuture<HttpResponse<Void>> exchange =
        http.sendAsync(
            request,
            info -> {
              reader.status(info.statusCode());
              return HttpResponse.BodySubscribers.fromLineSubscriber(reader);
            });
    // The time limit of a request ends with its headers; this one covers the stream.
    return exchange
        .orTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS)
        .handleAsync(
            (response, failure) -> {
              exchange.cancel(true); // gives the connection up if the time limit ended the wait
              return new Reply(reader.answer(failure), reader.text());
            },
            threads);
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path));
    if (apiKey != null) {
      request.header("Authorization", "Bearer " + apiKey);
    }
    return request;
  }

  private static JsonNode parse(String text) throws IOException {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IOException("the server's answer is not JSON", e);
    }
  }

  /** What an error of OpenAI's shape says, or the beginning of anything else. */
  static String message(String body) {
    String text = body.strip();
    try {
      String said = JSON.readTree(text).path("error").path("message").asText("");
      text = said.isEmpty() ? text : said;
    } catch (JsonProcessingException e) {
      // Not every server answers with JSON; then the text itself is shown.
    }
    return text.length() > 200 ? text.substring(0, 200) + "…" : text;
  }

  /** Ends the threads; streams that are open break. */
  @Override
  public void close() {
    threads.shutdownNow();
  }
}
