package io.sambay4j.cli.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.DoubleStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The load against a server that answers by a script. */
@Timeout(300)
final class LoadTest {
  /** Answers one request, the n-th. */
  private interface Script {
    void answer(HttpExchange exchange, int n) throws IOException, InterruptedException;
  }

  private static final int BACKLOG = 1000; // connections that come at once, and are not refused

  private HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final AtomicInteger calls = new AtomicInteger();
  private final List<String> bodies = new CopyOnWriteArrayList<>();
  private final AtomicInteger underWay = new AtomicInteger();
  private final AtomicInteger mostUnderWay = new AtomicInteger();
  private volatile Script script = (exchange, n) -> stream(exchange, 3, 0);

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), BACKLOG);
    server.setExecutor(threads);
    server.createContext("/v1/chat/completions", this::chat);
    server.createContext(
        "/v1/models", exchange -> text(exchange, 200, "{\"data\":[{\"id\":\"m\"}]}"));
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void chat(HttpExchange exchange) throws IOException {
    mostUnderWay.accumulateAndGet(underWay.incrementAndGet(), Math::max);
    try (exchange) {
      bodies.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
      script.answer(exchange, calls.getAndIncrement());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      underWay.decrementAndGet();
    }
  }

  private static void text(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private static void event(OutputStream out, String data) throws IOException {
    out.write((data + "\n\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  /** So many pieces, with a pause before each. */
  private void stream(HttpExchange exchange, int pieces, long millis)
      throws IOException, InterruptedException {
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    exchange.sendResponseHeaders(200, 0);
    OutputStream out = exchange.getResponseBody();
    event(out, ": a comment");
    event(out, "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}");
    for (int i = 0; i < pieces; i++) {
      Thread.sleep(millis);
      event(out, "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}");
    }
    event(
        out,
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":%d,\"prompt_tokens_details\":{\"cached_tokens\":2}}}"
            .formatted(pieces));
    event(out, "data: [DONE]");
  }

  private LoadClient client(Duration timeout) {
    return new LoadClient(
        URI.create("http://127.0.0.1:" + server.getAddress().getPort()), "key", timeout, true);
  }

  private static Load.Plan plan(
      String model, int conversations, int turns, int concurrency, double rate) {
    return new Load.Plan(
        model,
        conversations,
        turns,
        concurrency,
        rate,
        Lengths.parse("8"),
        Lengths.parse("2"),
        Lengths.parse("3"),
        1);
  }

  private LoadReport run(int requests, int concurrency, double rate) throws Exception {
    return run(requests, concurrency, rate, Duration.ofSeconds(60), LoadReport.Objectives.NONE);
  }

  private LoadReport run(
      int requests, int concurrency, double rate, Duration timeout, LoadReport.Objectives demanded)
      throws Exception {
    try (LoadClient client = client(timeout)) {
      Load.Plan plan = plan(client.firstModel(), requests, 1, concurrency, rate);
      Load load = new Load(client, plan, new Prompts(1, 0, 1), done -> {});
      return new LoadReport(load.run(), demanded);
    }
  }

  @Test
  void aClosedLoopKeepsSoManyUnderWay() throws Exception {
    script = (exchange, n) -> stream(exchange, 4, 5);
    LoadReport report = run(40, 4, 0);
    assertEquals(40, report.succeeded());
    assertEquals(40, calls.get());
    assertEquals(4, mostUnderWay.get());
    Answer answer = report.answers().get(0);
    assertEquals(7, answer.promptTokens());
    assertEquals(4, answer.generatedTokens());
    assertEquals(2, answer.cachedTokens());
    assertEquals(3, answer.gaps().size());
    assertEquals(2.0 / 7, report.cachedShare(), 1e-12);
    assertTrue(answer.due() <= answer.sent() && answer.sent() <= answer.firstToken());
    assertTrue(answer.firstToken() <= answer.end());
    assertEquals(report.outputRate(), 40 * 4 / report.duration(), 1e-9 * report.outputRate());
  }

  @Test
  void aTurnSendsAllThatWasSaid() throws Exception {
    try (LoadClient client = client(Duration.ofSeconds(60))) {
      Load load = new Load(client, plan("m", 4, 3, 1, 0), new Prompts(1, 0, 1), done -> {});
      LoadReport report = new LoadReport(load.run(), LoadReport.Objectives.NONE);
      assertEquals(12, report.succeeded(), report.errorLine());
      assertEquals(3, report.turns());
      assertEquals(4, report.ofTurn(3).succeeded());
      for (int i = 0; i < bodies.size(); i++) {
        String messages = bodies.get(i).replaceFirst(".*\"messages\":\\[(.*)\\].*", "$1");
        int turn = i % 3;
        assertEquals(2 * turn + 1, messages.split("\"role\"", -1).length - 1, messages);
        assertEquals(turn, messages.split("\"content\":\"xxx\"", -1).length - 1, messages);
        if (turn > 0) {
          String before = bodies.get(i - 1).replaceFirst(".*\"messages\":\\[(.*)\\].*", "$1");
          assertTrue(messages.startsWith(before), messages + " after " + before);
        }
      }
    }
  }

  @Test
  void aConversationEndsWithAFailure() throws Exception {
    script =
        (exchange, n) -> {
          if (n == 1) {
            text(exchange, 500, "oops");
          } else {
            stream(exchange, 3, 0);
          }
        };
    try (LoadClient client = client(Duration.ofSeconds(60))) {
      Load load = new Load(client, plan("m", 2, 3, 1, 0), new Prompts(1, 0, 1), done -> {});
      LoadReport report = new LoadReport(load.run(), LoadReport.Objectives.NONE);
      assertEquals(Map.of("status 500: oops", 1L), report.errors());
      assertEquals(4, report.succeeded(), "one turn of the first, three of the second");
    }
  }

  @Test
  void knownDelaysComeBackInOrder() throws Exception {
    script = (exchange, n) -> stream(exchange, 3, n % 10 == 0 ? 300 : 20);
    LoadReport report = run(40, 8, 0);
    Quantiles first = report.timeToFirstToken();
    assertEquals(40, first.count());
    assertTrue(first.at(0) >= 0.02, "sooner than it was sent: " + first.at(0));
    assertTrue(first.at(0.98) >= 0.3, "a tenth take 300 ms: " + first.at(0.98));
    assertTrue(report.total().at(0) >= 0.06, "three pauses of 20 ms: " + report.total().at(0));
    assertTrue(report.total().at(0.98) >= 0.9, "three of 300 ms: " + report.total().at(0.98));
    for (Quantiles times : List.of(first, report.timePerOutputToken(), report.total())) {
      assertTrue(times.at(0.5) <= times.at(0.9) && times.at(0.9) <= times.at(0.99));
      assertTrue(times.at(0.99) <= times.at(1));
    }
  }

  @Test
  void anOpenLoopDoesNotWaitForAnswers() throws Exception {
    script = (exchange, n) -> stream(exchange, 2, 500);
    LoadReport report = run(40, 0, 100);
    assertEquals(40, report.succeeded());
    assertTrue(mostUnderWay.get() > 8, "under way at once: " + mostUnderWay.get());
    List<Double> due = report.answers().stream().map(Answer::due).sorted().toList();
    assertEquals(0, due.get(0));
    double mean = due.get(39) / 39;
    assertTrue(mean > 0.004 && mean < 0.025, "mean gap of seed 1 at 100/s: " + mean);
    assertTrue(report.lateness().at(0) >= 0);
  }

  @Test
  void theWaitOfALateClientCounts() throws Exception {
    Answer late = new Answer(1, 1, 3, 4, 6, 1, 3, 0, List.of(), null);
    assertEquals(3, late.timeToFirstToken());
    assertEquals(5, late.total());
    assertEquals(1, late.timePerOutputToken());
    assertEquals(2, new LoadReport(List.of(late), LoadReport.Objectives.NONE).lateness().at(0.5));
  }

  @Test
  void failuresAreCountedByKind() throws Exception {
    script =
        (exchange, n) -> {
          switch (n) {
            case 0 -> text(exchange, 429, "{\"error\":{\"message\":\"the queue is full\"}}");
            case 1 -> text(exchange, 500, "<html>oops</html>");
            case 2 -> {
              exchange.sendResponseHeaders(200, 0);
              event(
                  exchange.getResponseBody(),
                  "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}");
            }
            case 3 -> {
              exchange.sendResponseHeaders(200, 0);
              event(
                  exchange.getResponseBody(), "data: {\"error\":{\"message\":\"out of memory\"}}");
              event(exchange.getResponseBody(), "data: [DONE]");
            }
            case 4 -> {
              exchange.sendResponseHeaders(200, 0);
              event(exchange.getResponseBody(), "data: {nonsense");
              event(exchange.getResponseBody(), "data: [DONE]");
            }
            case 5 -> stream(exchange, 0, 0);
            case 6 -> {
              exchange.sendResponseHeaders(200, 1000);
              exchange.getResponseBody().write('d');
            }
            default -> stream(exchange, 2, 0);
          }
        };
    LoadReport report = run(10, 1, 0);
    Map<String, Long> errors = report.errors();
    assertEquals(3, report.succeeded(), errors.toString());
    for (String expected :
        List.of(
            "status 429: the queue is full",
            "status 500: <html>oops</html>",
            "the stream ended without [DONE]",
            "in the stream: out of memory",
            "an event that is not JSON",
            "an answer without text")) {
      assertEquals(1L, errors.get(expected), () -> expected + " in " + errors);
    }
    assertEquals(7, errors.size(), errors.toString());
    assertEquals(3, report.timeToFirstToken().count(), "times are those of whole answers");
  }

  @Test
  void anAnswerThatDoesNotEndIsGivenUp() throws Exception {
    script =
        (exchange, n) -> {
          if (n == 0) {
            stream(exchange, 2, 60_000);
          } else {
            stream(exchange, 2, 0);
          }
        };
    LoadReport report = run(3, 1, 0, Duration.ofSeconds(2), LoadReport.Objectives.NONE);
    assertEquals(Map.of("no end in time", 1L), report.errors());
  }

  @Test
  void noServerIsAnError() throws Exception {
    int port = server.getAddress().getPort();
    server.stop(0);
    try (LoadClient client =
        new LoadClient(
            URI.create("http://127.0.0.1:" + port + "/v1/"), null, Duration.ofSeconds(20), true)) {
      assertThrows(IOException.class, client::firstModel);
      Answer answer = client.ask("m", List.of("x"), 1, new Clock(), 0).get().answer();
      assertFalse(answer.succeeded());
    }
  }

  @Test
  void manyStreamsNeedFewThreads() throws Exception {
    script = (exchange, n) -> stream(exchange, 2, 1500);
    int before = Thread.activeCount();
    AtomicInteger most = new AtomicInteger();
    Thread watch =
        new Thread(
            () -> {
              while (!Thread.currentThread().isInterrupted()) {
                long load =
                    Thread.getAllStackTraces().keySet().stream()
                        .filter(thread -> thread.getName().startsWith("load"))
                        .count();
                most.accumulateAndGet((int) load, Math::max);
                try {
                  Thread.sleep(50);
                } catch (InterruptedException e) {
                  return;
                }
              }
            });
    watch.start();
    LoadReport report = run(200, 200, 0);
    watch.interrupt();
    watch.join();
    assertEquals(200, report.succeeded(), report.errorLine());
    assertTrue(mostUnderWay.get() > 100, "under way at once: " + mostUnderWay.get());
    assertTrue(most.get() <= 4, "threads of the load: " + most.get() + " of " + before);
  }

  @Test
  void stoppingReturnsWhatHasCome() throws Exception {
    script = (exchange, n) -> stream(exchange, 2, n < 5 ? 0 : 120_000);
    try (LoadClient client = client(Duration.ofSeconds(300))) {
      Load.Plan plan = plan("m", 100, 1, 5, 0);
      List<Load> loads = new ArrayList<>();
      loads.add(
          new Load(
              client,
              plan,
              new Prompts(1, 0, 1),
              done -> {
                if (done == 5) {
                  loads.get(0).stop();
                }
              }));
      assertEquals(5, loads.get(0).run().size());
    }
  }

  // ---- figures

  @Test
  void goodputCountsWhatKeepsTheObjectives() {
    List<Answer> answers =
        List.of(
            new Answer(1, 0, 0, 0.1, 1.1, 10, 11, 0, List.of(), null), // 0.1, 0.1, 1.1
            new Answer(1, 0, 0, 0.5, 1.5, 10, 11, 0, List.of(), null), // late first token
            new Answer(1, 0, 0, 0.1, 2.1, 10, 11, 0, List.of(), null), // slow
            new Answer(1, 0, 0, 0.1, 0.1, 10, 1, 0, List.of(), null), // one token has no pace
            new Answer(1, 0, 0, Double.NaN, 4, 0, 0, 0, List.of(), "status 500: x"));
    LoadReport report = new LoadReport(answers, LoadReport.Objectives.parse("ttft=0.2,tpot=0.15"));
    assertEquals(4, report.duration());
    assertEquals(1, report.requestRate());
    assertEquals(0.5, report.goodput());
    assertEquals(0.4, report.goodShare());
    assertEquals(34 / 4.0, report.outputRate());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "ttft",
        "ttft=",
        "ttft=x",
        "ttft=-1",
        "itl=1",
        "ttft=1,ttft=2",
        "ttft=1,",
        "ttft=NaN"
      })
  void anythingElseIsNoObjective(String text) {
    assertThrows(IllegalArgumentException.class, () -> LoadReport.Objectives.parse(text));
  }

  @Test
  void quantilesAreThoseOfTheSample() {
    Quantiles quantiles = Quantiles.of(DoubleStream.of(4, 1, Double.NaN, 3, 2, 5));
    assertEquals(5, quantiles.count());
    assertEquals(1, quantiles.at(0));
    assertEquals(3, quantiles.at(0.5));
    assertEquals(4.6, quantiles.at(0.9), 1e-12);
    assertEquals(5, quantiles.at(1));
    assertEquals(3, quantiles.mean());
    assertTrue(Double.isNaN(Quantiles.of(DoubleStream.empty()).at(0.5)));
  }

  @Test
  void lengthsFollowTheirDistribution() {
    Random random = new Random(1);
    Lengths uniform = Lengths.parse("uniform:10,20");
    Lengths logNormal = Lengths.parse("lognormal:100,0.5");
    double[] drawn = new double[20_000];
    for (int i = 0; i < drawn.length; i++) {
      assertEquals(7, Lengths.parse("7").draw(random));
      int length = uniform.draw(random);
      assertTrue(length >= 10 && length <= 20);
      drawn[i] = logNormal.draw(random);
    }
    Quantiles quantiles = Quantiles.of(DoubleStream.of(drawn));
    assertEquals(100, quantiles.at(0.5), 3, "seed 1");
    assertEquals(100 * Math.exp(0.5), quantiles.at(0.841), 6, "one sigma, seed 1");
    for (String text : List.of("7", "uniform:10,20", "lognormal:100,0.5")) {
      assertEquals(text, Lengths.parse(text).toString());
    }
    assertEquals(16 * 5, Math.max(16 * 5, Lengths.parse("lognormal:5,5").draw(random)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "0",
        "-1",
        "x",
        "uniform:5,4",
        "uniform:0,4",
        "lognormal:5",
        "lognormal:5,9",
        "lognormal:5,-1",
        "1000001",
        "99999999999",
        "1,2",
        "normal:1,2"
      })
  void anythingElseIsNoLength(String text) {
    assertThrows(IllegalArgumentException.class, () -> Lengths.parse(text));
  }

  @Test
  void theSameSeedAsksTheSame() {
    Prompts prompts = new Prompts(1.5, 30, 7);
    String one = prompts.draw(new Random(3), 60);
    assertEquals(one, new Prompts(1.5, 30, 7).draw(new Random(3), 60));
    String other = prompts.draw(new Random(4), 60);
    assertEquals(60, one.split(" ").length, "20 words in common and 40 of its own");
    String common = String.join(" ", List.of(one.split(" ")).subList(0, 20));
    assertTrue(other.startsWith(common));
    assertFalse(other.equals(one));
  }

  @Test
  void thePictureIsWellFormed() throws Exception {
    List<Answer> answers =
        List.of(
            new Answer(1, 0, 0, 0.1, 1.1, 10, 11, 0, List.of(), null),
            new Answer(1, 0, 0, Double.NaN, 4, 0, 0, 0, List.of(), "status 500: x"));
    for (List<Answer> some : List.of(answers, answers.subList(1, 2), List.<Answer>of())) {
      String svg =
          LoadPlot.of("a <model> & more", "", new LoadReport(some, LoadReport.Objectives.NONE));
      DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
      assertFalse(svg.contains("NaN") || svg.contains("Infinity"), svg);
    }
  }
}
