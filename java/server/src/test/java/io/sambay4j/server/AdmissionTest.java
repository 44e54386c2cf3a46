package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** More than there is room for. */
class AdmissionTest {
  private static Served served;

  @BeforeAll
  static void start() {
    served = new Served(1, 2, options -> options);
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  @Test
  void promptAndAnswerBeyondTheContextAreRefused() {
    Served.Answer answer = served.post("/v1/chat/completions", Served.chat("\"max_tokens\":4085,"));
    assertEquals(400, answer.status());
    assertEquals("context_length_exceeded", answer.error().path("code").asText());
    assertTrue(answer.error().path("message").asText().contains("at most 4084"), answer.text());
  }

  @Test
  void promptBeyondTheContextIsRefused() {
    String ids = "1,".repeat(4096) + "1";
    Served.Answer answer = served.post("/v1/completions", "{\"prompt\":[" + ids + "]}");
    assertEquals(400, answer.status());
    assertEquals("context_length_exceeded", answer.error().path("code").asText());
  }

  @Test
  void aFullQueueIsSaidAndTheRestGoesOn() throws Exception {
    served.awaitIdle();
    List<Socket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < 3; i++) { // one runs, two wait
        Socket socket = served.socket();
        sockets.add(socket);
        socket.getOutputStream().write(Served.wire("/v1/completions", Served.endless(true)));
        int taken = i + 1;
        Served.await("taken", () -> served.server.calls().running() == taken);
        Served.await(
            "in the engine",
            () ->
                served.model.statistics().running() + served.model.statistics().waiting() == taken);
      }
      Served.Answer refused = served.post("/v1/completions", Served.endless(false));
      assertEquals(429, refused.status(), refused.text());
      assertEquals("queue_full", refused.error().path("code").asText());
      assertEquals("rate_limit_error", refused.error().path("type").asText());
      assertEquals("1", refused.header("retry-after"));
      Served.Answer stream = served.post("/v1/completions", Served.endless(true));
      assertEquals(429, stream.status(), "a stream is refused before it begins");
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
    served.awaitIdle();
    assertEquals(200, served.post("/v1/chat/completions", Served.chat("")).status());
  }

  @Test
  void moreAnswersThanTheQueueTakesAreRefusedTogether() {
    served.awaitIdle();
    Served.Answer refused = served.post("/v1/chat/completions", Served.chat("\"n\":9,"));
    assertEquals(429, refused.status(), refused.text());
    served.awaitIdle();
  }
}
