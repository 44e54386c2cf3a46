package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.server.http.HttpOptions;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may ask: keys, origins, hosts; and what HTTP is taken at all. */
class AccessTest {
  private static final String KEY = "sk-first-key-123";
  private static final String ORIGIN = "https://app.example.com";

  private static Served served;

  @BeforeAll
  static void start() {
    served =
        new Served(
            2,
            8,
            options ->
                options
                    .apiKeys(List.of(KEY, "sk-second-key-4567"))
                    .corsOrigins(List.of(ORIGIN))
                    .allowedHosts(List.of("llm.example.com"))
                    .maxHeaderBytes(4096)
                    .maxBodyBytes(65536));
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  private static HttpRequest.Builder keyed(HttpRequest.Builder request, String key) {
    return request.header("Authorization", "Bearer " + key);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/v1/models", "/stats", "/metrics", "/v1/models/tiny-reasoner"})
  void readingNeedsAKey(String path) {
    Served.Answer none = served.get(path);
    assertEquals(401, none.status());
    assertEquals("invalid_api_key", none.error().path("code").asText());
    assertEquals("authentication_error", none.error().path("type").asText());
    assertEquals("Bearer", none.header("www-authenticate"));
    assertEquals(200, served.send(keyed(served.request(path), KEY)).status());
    assertEquals(200, served.send(keyed(served.request(path), "sk-second-key-4567")).status());
  }

  @ParameterizedTest
  @ValueSource(strings = {"/v1/chat/completions", "/v1/completions", "/tokenize", "/detokenize"})
  void askingNeedsAKey(String path) {
    assertEquals(401, served.post(path, "{").status(), "before the body is looked at");
    assertEquals(400, served.send(keyed(served.posting(path, "{"), KEY)).status());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sk-first-key-12",
        "sk-first-key-1234",
        "SK-FIRST-KEY-123",
        "x",
        "sk-first-key-123 x"
      })
  void wrongKeysAreRefused(String key) {
    Served.Answer answer = served.send(keyed(served.request("/v1/models"), key));
    assertEquals(401, answer.status());
    assertFalse(answer.text().contains(KEY));
  }

  @Test
  void otherSchemesAreRefused() {
    assertEquals(
        401,
        served.send(served.request("/v1/models").header("Authorization", "Basic " + KEY)).status());
    assertEquals(
        200,
        served
            .send(served.request("/v1/models").header("Authorization", "bearer " + KEY))
            .status());
  }

  @ParameterizedTest
  @ValueSource(strings = {"/health", "/ready", "/"})
  void someAreOpenToEverybody(String path) {
    assertEquals(200, served.get(path).status());
  }

  // ---- origins

  @Test
  void preflightsOfAllowedOriginsAreAnswered() {
    Served.Answer answer =
        served.send(
            served
                .request("/v1/chat/completions")
                .header("Origin", ORIGIN)
                .header("Access-Control-Request-Method", "POST")
                .method("OPTIONS", HttpRequest.BodyPublishers.noBody()));
    assertEquals(204, answer.status());
    assertEquals(ORIGIN, answer.header("access-control-allow-origin"));
    assertTrue(String.valueOf(answer.header("access-control-allow-headers")).contains("auth"));
    assertNull(answer.header("access-control-allow-credentials"));
    assertEquals("Origin", answer.header("vary"));
  }

  @Test
  void answersNameTheAllowedOriginAlone() {
    Served.Answer answer =
        served.send(keyed(served.request("/v1/models"), KEY).header("Origin", ORIGIN));
    assertEquals(200, answer.status());
    assertEquals(ORIGIN, answer.header("access-control-allow-origin"));
    assertNull(answer.header("access-control-allow-credentials"));
    Served.Answer none = served.send(keyed(served.request("/v1/models"), KEY));
    assertNull(none.header("access-control-allow-origin"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://evil.example.com",
        "null",
        "https://app.example.com.evil.com",
        "http://app.example.com",
        "*"
      })
  void foreignOriginsAreRefused(String origin) {
    Served.Answer answer =
        served.send(keyed(served.posting("/v1/completions", "{}"), KEY).header("Origin", origin));
    assertEquals(403, answer.status());
    assertEquals("origin_not_allowed", answer.error().path("code").asText());
    assertNull(answer.header("access-control-allow-origin"));
  }

  @Test
  void ourOwnPageIsNoForeignOrigin() {
    String own = "http://127.0.0.1:" + served.server.port();
    assertEquals(
        200, served.send(keyed(served.request("/v1/models"), KEY).header("Origin", own)).status());
  }

  @Test
  void wildcardOriginsAreNoOption() {
    assertThrows(
        IllegalArgumentException.class,
        () -> HttpOptions.builder().corsOrigins(List.of("*")).build());
  }

  // ---- hosts

  private static String raw(String request) throws Exception {
    try (Socket socket = served.socket()) {
      socket.getOutputStream().write(request.getBytes());
      return Served.readAll(socket);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"evil.example.com", "127.0.0.1.evil.com", "localhost.evil.com", "192.168.0.1"})
  void reboundNamesAreRefused(String host) throws Exception {
    String answer = raw("GET /health HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    assertTrue(answer.startsWith("HTTP/1.1 403"), answer);
    assertTrue(answer.contains("host_not_allowed"), answer);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:8080", "llm.example.com"})
  void ourOwnNamesAreTaken(String host) throws Exception {
    String answer = raw("GET /health HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    assertTrue(answer.startsWith("HTTP/1.1 200"), answer);
  }

  @Test
  void aForeignTargetIsRefused() throws Exception {
    String answer =
        raw(
            "GET http://evil.example.com/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assertTrue(answer.matches("(?s)HTTP/1.1 (400|403).*"), answer);
  }

  // ---- HTTP itself

  @Test
  void hugeHeadersAreRefused() throws Exception {
    String answer =
        raw("GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + "a".repeat(8192) + "\r\n\r\n");
    assertTrue(answer.startsWith("HTTP/1.1 431"), answer);
    assertTrue(answer.contains("\"error\""), answer);
  }

  @Test
  void manyHeadersAreRefused() throws Exception {
    StringBuilder request = new StringBuilder("GET /health HTTP/1.1\r\nHost: localhost\r\n");
    for (int i = 0; i < 1000; i++) {
      request.append("X").append(i).append(": 1\r\n");
    }
    assertTrue(raw(request + "\r\n").startsWith("HTTP/1.1 431"));
  }

  @Test
  void longPathsAreRefused() throws Exception {
    String answer = raw("GET /" + "a".repeat(8192) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assertTrue(answer.matches("(?s)HTTP/1.1 4(14|31).*"), answer);
  }

  @Test
  void hugeBodiesAreRefusedByTheirLength() throws Exception {
    String answer =
        raw(
            "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                + KEY
                + "\r\nContent-Type: application/json\r\nContent-Length: 999999999999\r\n\r\n");
    assertTrue(answer.startsWith("HTTP/1.1 413"), answer);
    assertTrue(answer.contains("request_too_large"), answer);
  }

  @Test
  void hugeBodiesAreRefusedWithoutALength() throws Exception {
    StringBuilder request =
        new StringBuilder(
            "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                + KEY
                + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; i++) {
      request.append("1000\r\n").append("a".repeat(4096)).append("\r\n");
    }
    String answer = raw(request + "0\r\n\r\n");
    assertTrue(answer.startsWith("HTTP/1.1 413"), answer);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nonsense\r\n\r\n",
        "GET /health\r\n\r\n",
        "GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET /health HTTP/1.1\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
        "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n"
      })
  void malformedRequestsAreRefused(String request) throws Exception {
    String answer = raw(request);
    assertTrue(answer.isEmpty() || answer.matches("(?s)HTTP/1\\.[01] (4\\d\\d|505).*"), answer);
    assertFalse(answer.contains("jetty") || answer.contains("Exception"), answer);
  }

  @Test
  void unknownPathsAndMethods() {
    assertEquals(404, served.get("/v1/nothing").status());
    assertEquals(404, served.post("/v1/nothing", "{}").status());
    Served.Answer wrong = served.get("/v1/chat/completions");
    assertEquals(405, wrong.status());
    assertEquals("POST", wrong.header("allow"));
    Served.Answer delete =
        served.send(
            served.request("/v1/models").method("DELETE", HttpRequest.BodyPublishers.noBody()));
    assertEquals(405, delete.status());
    assertEquals("GET", delete.header("allow"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data"})
  void whatAFormCanSendIsRefused(String type) {
    Served.Answer answer =
        served.send(
            keyed(served.request("/tokenize"), KEY)
                .header("Content-Type", type)
                .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\":\"a\"}")));
    assertEquals(415, answer.status());
  }

  @Test
  void aCharsetIsNoOtherType() {
    Served.Answer answer =
        served.send(
            keyed(served.request("/tokenize"), KEY)
                .header("Content-Type", "application/json; charset=utf-8")
                .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\":\"a\"}")));
    assertEquals(200, answer.status(), answer.text());
  }
}
