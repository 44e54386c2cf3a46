package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** The server's end: running answers may finish, new ones are refused. */
class DrainTest {
  private static CompletableFuture<Served.Answer> ask(Served served, String json) {
    return CompletableFuture.supplyAsync(() -> served.post("/v1/completions", json));
  }

  private static CompletableFuture<Void> drain(Served served, Duration patience) {
    return CompletableFuture.runAsync(
        () -> {
          try {
            served.server.drain(patience);
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  @Test
  void runningAnswersEndAndNewOnesAreRefused() throws Exception {
    try (Served served = new Served()) {
      CompletableFuture<Served.Answer> running = ask(served, Served.endless(false));
      Served.await("it runs", () -> served.server.calls().running() == 1);
      CompletableFuture<Void> drained = drain(served, Served.PATIENCE);
      Served.await("it drains", () -> served.server.calls().draining());
      assertEquals(503, served.get("/ready").status());
      assertEquals(200, served.get("/health").status());
      Served.Answer refused = served.post("/v1/chat/completions", Served.chat(""));
      assertEquals(503, refused.status());
      assertEquals("draining", refused.error().path("code").asText());
      assertEquals(200, running.get().status());
      drained.get();
      assertEquals(0, served.server.calls().running());
    }
  }

  @Test
  void whatDoesNotEndInTimeIsCancelled() throws Exception {
    try (Served served = new Served()) {
      CompletableFuture<Served.Answer> whole = ask(served, Served.endless(false));
      CompletableFuture<Served.Answer> stream = ask(served, Served.endless(true));
      Served.await("both run", () -> served.server.calls().running() == 2);
      drain(served, Duration.ofMillis(50)).get();
      assertEquals(503, whole.get().status(), whole.get().text());
      assertEquals(200, stream.get().status(), "it had begun");
      assertTrue(stream.get().text().contains("\"code\":\"draining\""), stream.get().text());
      assertTrue(stream.get().text().endsWith("data: [DONE]\n\n"));
      served.awaitIdle();
    }
  }
}
