package io.sambay4j.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.EngineStatistics;
import io.sambay4j.TextModel;
import io.sambay4j.answer.AnswerFormat;
import io.sambay4j.server.http.HttpOptions;
import io.sambay4j.server.openai.CallObserver;
import io.sambay4j.server.openai.ServedModel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The model in the box behind a server on a free port, and a client that talks to it. */
final class Served implements AutoCloseable {
  static final String MODEL = "tiny-reasoner";
  static final String ALIAS = "reasoner";
  static final Path DIRECTORY =
      Path.of(System.getProperty("sambay.root", "."), "models", "tiny-reasoner");

  /** Longer than anything takes, also where other programs are busy. */
  static final Duration PATIENCE = Duration.ofSeconds(120);

  private static final ObjectMapper MAPPER = new ObjectMapper();

  final TextModel model;
  final SambayServer server;
  final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  /** An answer. */
  record Answer(int status, HttpResponse<byte[]> response) {
    String text() {
      return new String(response.body(), StandardCharsets.UTF_8);
    }

    JsonNode json() {
      return read(text());
    }

    /** The error's object. */
    JsonNode error() {
      return json().path("error");
    }

    @Nullable String header(String name) {
      return response.headers().firstValue(name).orElse(null);
    }

    /** Data of its events, {@code [DONE]} included. */
    List<String> events() {
      List<String> events = new ArrayList<>();
      text()
          .lines()
          .filter(line -> line.startsWith("data: "))
          .forEach(line -> events.add(line.substring(6)));
      return events;
    }
  }

  Served() {
    this(8, 64, options -> options);
  }

  Served(int sequences, int queue, UnaryOperator<HttpOptions.Builder> options) {
    this(
        TextModel.builder(DIRECTORY)
            .sequences(sequences)
            .queueLimit(queue)
            .prefixCacheBytes(16 << 20)
            .open(),
        options,
        null);
  }

  Served(
      TextModel model, UnaryOperator<HttpOptions.Builder> options, @Nullable Duration timeLimit) {
    this(
        model,
        SambayServer.start(
            options.apply(HttpOptions.builder().port(0)).build(),
            List.of(new ServedModel(MODEL, List.of(ALIAS), model, Instant.now())),
            new CallObserver() {},
            timeLimit));
  }

  private Served(TextModel model, SambayServer server) {
    this.model = model;
    this.server = server;
  }

  /**
   * A server whose models say what they are asked to, see {@link Script}: {@code plain}, {@code
   * think}, {@code opened} (its thoughts are opened by the template) and {@code phi} (it thinks,
   * and calls in Phi's form). Its streams tell each token by itself.
   */
  static Served scripted() {
    TextModel model = TextModel.builder(DIRECTORY).sequences(8).prefixCacheBytes(16 << 20).open();
    return new Served(model, scripted(model, Duration.ZERO));
  }

  /**
   * The same, of a model that stays open.
   *
   * @param eventInterval for which streams gather tokens
   */
  static SambayServer scripted(TextModel model, Duration eventInterval) {
    return SambayServer.start(
        HttpOptions.builder().port(0).eventInterval(eventInterval).build(),
        List.of(
            scripted(model, "plain", "none", "tool_call"),
            scripted(model, "think", "think", "tool_call"),
            scripted(model, "opened", "think-opened", "tool_call"),
            scripted(model, "phi", "think", "phi")),
        new CallObserver() {},
        null,
        new Script(model));
  }

  private static ServedModel scripted(TextModel model, String name, String thought, String calls) {
    return new ServedModel(
        name, List.of(), model, Instant.now(), AnswerFormat.named(thought, calls));
  }

  String address() {
    return "http://127.0.0.1:" + server.port();
  }

  static JsonNode read(String json) {
    try {
      return MAPPER.readTree(json);
    } catch (IOException e) {
      throw new UncheckedIOException(json, e);
    }
  }

  /** A request of a path. */
  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(address() + path)).timeout(PATIENCE);
  }

  /** A request with a body. */
  HttpRequest.Builder posting(String path, String json) {
    return request(path)
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(json));
  }

  Answer send(HttpRequest.Builder request) {
    try {
      HttpResponse<byte[]> response =
          client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      return new Answer(response.statusCode(), response);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  Answer get(String path) {
    return send(request(path));
  }

  Answer post(String path, String json) {
    return send(posting(path, json));
  }

  /** A chat request with more fields, each followed by a comma. */
  static String chat(String more) {
    return "{" + more + "\"messages\":[{\"role\":\"user\",\"content\":\"What is 17+25?\"}]}";
  }

  /** A request that would go on for long if nobody stopped it. */
  static String endless(boolean stream) {
    return "{\"prompt\":\"What is 17+25?\",\"max_tokens\":4000,\"ignore_eos\":true,\"stream\":%s}"
        .formatted(stream);
  }

  Answer chat(String more, String path) {
    return post(path, chat(more));
  }

  /** A connection of its own. */
  Socket socket() throws IOException {
    Socket socket = new Socket("127.0.0.1", server.port());
    socket.setSoTimeout((int) PATIENCE.toMillis());
    return socket;
  }

  /** A request as it goes over the wire. */
  static byte[] wire(String path, String json) {
    byte[] body = json.getBytes(StandardCharsets.UTF_8);
    String head =
        "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            .formatted(path, body.length);
    return (head + json).getBytes(StandardCharsets.UTF_8);
  }

  /** What comes until the other side closes. */
  static String readAll(Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    return new String(in.readAllBytes(), StandardCharsets.UTF_8);
  }

  /** Waits until something is so. */
  static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("not within " + PATIENCE + ": " + what);
      }
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Waits until nothing runs or waits, and no sequence is held. */
  void awaitIdle() {
    await(
        "the engine has nothing to do",
        () -> {
          EngineStatistics now = model.statistics();
          return now.running() == 0
              && now.waiting() == 0
              && now.slotsUsed() == 0
              && server.calls().running() == 0;
        });
  }

  @Override
  public void close() {
    server.close();
    model.close();
  }
}
