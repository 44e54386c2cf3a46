package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.EngineStatistics;
import java.io.InputStream;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that leave, stop reading or stop writing: their work ends and nothing is left behind. */
class DisconnectTest {
  private static final Pattern LENGTH =
      Pattern.compile("Content-Length: (\\d+)\r\n(?:[^\r\n]+\r\n)*\r\n");

  private static Served served;

  @BeforeAll
  static void start() {
    served =
        new Served(
            2,
            64,
            options ->
                options
                    .writeTimeout(Duration.ofSeconds(1))
                    .idleTimeout(Duration.ofSeconds(2))
                    .headerTimeout(Duration.ofSeconds(1))
                    .bodyTimeout(Duration.ofSeconds(1))
                    .maxHeaderBytes(4096)
                    .maxBodyBytes(1 << 20));
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  @AfterEach
  void nothingIsLeft() {
    served.awaitIdle();
  }

  private static Socket begin(String json) throws Exception {
    Socket socket = served.socket();
    socket.getOutputStream().write(Served.wire("/v1/completions", json));
    return socket;
  }

  private static EngineStatistics now() {
    return served.model.statistics();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void leavingBetweenTokensCancels(boolean stream) throws Exception {
    long before = now().generatedTokens();
    long left = served.server.calls().left();
    try (Socket socket = begin(Served.endless(stream))) {
      Served.await("it generates", () -> now().generatedTokens() > before + 3);
      assertTrue(socket.isConnected());
    }
    Served.await("it was noticed", () -> served.server.calls().left() == left + 1);
    served.awaitIdle();
    assertTrue(now().generatedTokens() < before + 4000, "it was not generated to its end");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void leavingWithAResetCancels(boolean stream) throws Exception {
    long left = served.server.calls().left();
    Socket socket = begin(Served.endless(stream));
    Served.await("it runs", () -> now().running() == 1);
    socket.setOption(StandardSocketOptions.SO_LINGER, 0); // close sends RST
    socket.close();
    Served.await("it was noticed", () -> served.server.calls().left() == left + 1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void leavingDuringThePromptCancels(boolean stream) throws Exception {
    String ids = "1,".repeat(4000) + "1";
    long left = served.server.calls().left();
    List<Socket> sockets = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      sockets.add(
          begin(
              "{\"prompt\":[%d,%s],\"max_tokens\":90,\"ignore_eos\":true,\"stream\":%s}"
                  .formatted(i, ids, stream)));
    }
    Served.await("they were taken", () -> served.server.calls().running() > 0);
    for (Socket socket : sockets) {
      socket.close();
    }
    served.awaitIdle();
    assertTrue(served.server.calls().left() > left);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void leavingTheQueueCancels(boolean stream) throws Exception {
    List<Socket> busy = List.of(begin(Served.endless(true)), begin(Served.endless(true)));
    Served.await("both run", () -> now().running() == 2);
    long left = served.server.calls().left();
    try (Socket waiting = begin(Served.endless(stream))) {
      Served.await("it waits", () -> served.server.calls().running() == 3);
      assertTrue(waiting.isConnected());
    }
    Served.await("it was noticed", () -> served.server.calls().left() >= left + 1);
    for (Socket socket : busy) {
      socket.close();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void halfClosedCountsAsLeft(boolean stream) throws Exception {
    long left = served.server.calls().left();
    try (Socket socket = begin(Served.endless(stream))) {
      Served.await("it runs", () -> served.server.calls().running() == 1);
      socket.shutdownOutput();
      Served.await("it was noticed", () -> served.server.calls().left() == left + 1);
      Served.readAll(socket); // the server closes too
    }
  }

  @Test
  void aReaderTooSlowIsGivenUp() throws Exception {
    List<Socket> slow = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      Socket socket = new Socket();
      socket.setReceiveBufferSize(1024);
      socket.connect(new java.net.InetSocketAddress("127.0.0.1", served.server.port()));
      // every answer fills far more than the buffers between: log-probabilities are long
      socket
          .getOutputStream()
          .write(
              Served.wire(
                  "/v1/completions",
                  "{\"prompt\":\"What\",\"max_tokens\":4000,\"ignore_eos\":true,\"stream\":true,\"logprobs\":20,\"n\":2}"));
      slow.add(socket);
    }
    Served.Answer other = served.post("/v1/chat/completions", Served.chat(""));
    assertEquals(200, other.status(), "others are served meanwhile");
    served.awaitIdle();
    for (Socket socket : slow) {
      socket.close();
    }
  }

  @Test
  void aPipelinedRequestDoesNotHideALeavingClient() throws Exception {
    long left = served.server.calls().left();
    try (Socket socket = begin(Served.endless(false))) {
      Served.await("it runs", () -> served.server.calls().running() == 1);
      socket.getOutputStream().write(Served.wire("/v1/completions", Served.endless(false)));
      socket.getOutputStream().flush();
    }
    Served.await("it was noticed", () -> served.server.calls().left() == left + 1);
  }

  @Test
  void connectionsAreUsedAgain() throws Exception {
    try (Socket socket = served.socket()) {
      for (int i = 0; i < 20; i++) {
        boolean stream = i % 2 == 0;
        socket
            .getOutputStream()
            .write(
                Served.wire(
                    "/v1/completions",
                    "{\"prompt\":\"a\",\"max_tokens\":3,\"stream\":%s}".formatted(stream)));
        String answer = readAnswer(socket.getInputStream());
        assertTrue(answer.startsWith("HTTP/1.1 200"), i + ": " + answer);
      }
    }
  }

  private static String readAnswer(InputStream in) throws Exception {
    StringBuilder text = new StringBuilder();
    while (!isComplete(text)) {
      int next = in.read();
      if (next < 0) {
        return text.append(" (end)").toString();
      }
      text.append((char) next);
    }
    return text.toString();
  }

  /** By its length, or by the last of its chunks. */
  private static boolean isComplete(CharSequence text) {
    Matcher length = LENGTH.matcher(text);
    return length.find()
        ? text.length() == length.end() + Integer.parseInt(length.group(1))
        : text.toString().endsWith("\r\n0\r\n\r\n");
  }

  @Test
  void slowHeadersAreCutOff() throws Exception {
    try (Socket socket = served.socket()) {
      byte[] head = "GET /health HTTP/1.1\r\nHost: localhost\r\nX: ".getBytes();
      socket.getOutputStream().write(head);
      assertTrue(drip(socket) < 1000, "it was cut off");
    }
  }

  @Test
  void slowBodiesAreCutOff() throws Exception {
    try (Socket socket = served.socket()) {
      byte[] head =
          "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
              .getBytes();
      socket.getOutputStream().write(head);
      drip(socket);
    }
  }

  @Test
  void aBodyThatStopsIsAnsweredWithATimeout() throws Exception {
    try (Socket socket = served.socket()) {
      socket
          .getOutputStream()
          .write(
              "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
                  .getBytes());
      String answer = Served.readAll(socket);
      assertTrue(answer.startsWith("HTTP/1.1 408"), answer);
      assertTrue(answer.contains("request_timeout"), answer);
    }
  }

  /** Sends a byte now and then until the other side has had enough. */
  private static int drip(Socket socket) throws Exception {
    int sent = 0;
    try {
      while (sent < 1000) {
        socket.getOutputStream().write('a');
        sent++;
        if (socket.getInputStream().available() > 0 && socket.getInputStream().read() < 0) {
          break;
        }
        Thread.sleep(50);
      }
    } catch (java.io.IOException e) {
      return sent; // closed by the server
    }
    return sent;
  }

  @Test
  void idleConnectionsAreClosed() throws Exception {
    try (Socket socket = served.socket()) {
      assertEquals(-1, socket.getInputStream().read());
    }
  }
}
