package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.TextModel;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Many clients at once, some of them rude. {@code ci/soak.sh} runs it with larger numbers: {@code
 * -Dsambay.load.requests}, {@code -Dsambay.load.idle}, {@code -Dsambay.load.slow}.
 */
class LoadTest {
  private static final int REQUESTS = Integer.getInteger("sambay.load.requests", 300);
  private static final int IDLE = Integer.getInteger("sambay.load.idle", 1000);
  private static final int SLOW = Integer.getInteger("sambay.load.slow", 20);
  private static final int CLIENTS = 16;
  private static final int EACH = Integer.getInteger("sambay.load.each", 6);

  /** Files, sockets and threads that the test's own side or the runtime may open meanwhile. */
  private static final int SLACK = 8;

  private static Served serve() {
    TextModel model = TextModel.builder(Served.DIRECTORY).sequences(16).queueLimit(512).open();
    return new Served(
        model,
        options -> options.idleTimeout(Duration.ofMinutes(10)).writeTimeout(Duration.ofMinutes(10)),
        null);
  }

  private static long openFiles() throws IOException {
    Path files = Path.of("/proc/self/fd");
    if (!Files.isDirectory(files)) {
      return 0;
    }
    try (Stream<Path> list = Files.list(files)) {
      return list.count();
    }
  }

  private static long residentMebibytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return 0;
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) >> 10)
        .sum();
  }

  /** Runs something on several threads and rethrows the first failure. */
  private static void onThreads(int count, ThreadTask task) throws InterruptedException {
    AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int index = i;
      Thread thread =
          new Thread(
              () -> {
                try {
                  task.run(index);
                } catch (Throwable e) {
                  failure.compareAndSet(null, e);
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    Throwable failed = failure.get();
    if (failed != null) {
      throw new AssertionError(failed);
    }
  }

  /** The HTTP server's pool has at most 64 threads, and lets idle ones go one a minute. */
  private static int threadsBesideThePool() {
    return (int)
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> !thread.getName().startsWith("http-"))
            .count();
  }

  private interface ThreadTask {
    void run(int index) throws Exception;
  }

  @Test
  void randomDisconnectsLeaveNothingBehind() throws Exception {
    long seed = Long.getLong("sambay.load.seed", new Random().nextLong());
    System.out.println("LoadTest: -Dsambay.load.seed=" + seed);
    try (Served served = serve()) {
      visit(served, new Random(seed), 40); // so that pools and classes are there
      served.awaitIdle();
      long files = openFiles();
      int threads = threadsBesideThePool();
      long resident = residentMebibytes();
      AtomicInteger next = new AtomicInteger();
      long start = System.nanoTime();
      onThreads(
          CLIENTS,
          index -> {
            Random random = new Random(seed + index);
            while (next.getAndIncrement() < REQUESTS) {
              visit(served, random, 1);
            }
          });
      served.awaitIdle();
      double seconds = (System.nanoTime() - start) / 1e9;
      assertEquals(0, served.model.statistics().cacheBlocksUsed(), "blocks of the cache");
      Served.await("connections are closed", () -> openFilesOrFail() <= files + SLACK);
      assertTrue(
          threadsBesideThePool() <= threads + SLACK,
          "threads: %d, before %d".formatted(threadsBesideThePool(), threads));
      System.out.printf(
          "LoadTest: %d requests in %.1f s, %d clients left early; files %d -> %d, threads %d -> %d, resident %d -> %d MiB%n",
          REQUESTS,
          seconds,
          served.server.calls().left(),
          files,
          openFiles(),
          threads,
          threadsBesideThePool(),
          resident,
          residentMebibytes());
      assertEquals(200, served.post("/v1/chat/completions", Served.chat("")).status());
    }
  }

  private static long openFilesOrFail() {
    try {
      return openFiles();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Asks something, and leaves in one way or another. */
  private static void visit(Served served, Random random, int times) throws IOException {
    for (int i = 0; i < times; i++) {
      boolean stream = random.nextBoolean();
      int a = random.nextInt(100);
      int b = random.nextInt(100);
      String json =
          "{\"messages\":[{\"role\":\"user\",\"content\":\"What is %d+%d?\"}],\"stream\":%s,\"n\":%d,\"max_tokens\":%d,\"ignore_eos\":%s}"
              .formatted(
                  a,
                  b,
                  stream,
                  1 + random.nextInt(2),
                  1 + random.nextInt(60),
                  random.nextBoolean());
      byte[] request = Served.wire("/v1/chat/completions", json);
      try (Socket socket = served.socket()) {
        switch (random.nextInt(6)) {
          case 0 -> { // polite
            socket.getOutputStream().write(request);
            readSome(socket, Integer.MAX_VALUE);
          }
          case 1 -> socket.getOutputStream().write(request); // gone at once
          case 2 -> { // gone in the middle of the answer
            socket.getOutputStream().write(request);
            readSome(socket, 1 + random.nextInt(2000));
          }
          case 3 -> socket.getOutputStream().write(request, 0, random.nextInt(request.length));
          case 4 -> { // with a reset
            socket.getOutputStream().write(request);
            socket.setOption(StandardSocketOptions.SO_LINGER, 0);
          }
          default -> { // stops sending first
            socket.getOutputStream().write(request);
            socket.shutdownOutput();
          }
        }
      }
    }
  }

  /** Reads until the answer's end, or so many bytes. */
  private static void readSome(Socket socket, int bytes) throws IOException {
    InputStream in = socket.getInputStream();
    StringBuilder text = new StringBuilder();
    byte[] buffer = new byte[4096];
    int read = 0;
    while (read < bytes) {
      int count = in.read(buffer, 0, Math.min(buffer.length, bytes - read));
      if (count < 0) {
        return;
      }
      read += count;
      text.append(new String(buffer, 0, count, java.nio.charset.StandardCharsets.ISO_8859_1));
      if (text.indexOf("[DONE]") >= 0
          || text.indexOf("\"timings\"") >= 0 && text.indexOf("object\":\"chat.completion\"") >= 0
          || text.indexOf("\"error\"") >= 0) {
        return;
      }
    }
  }

  @Test
  void idleConnectionsAndSlowReadersAreServedBeside() throws Exception {
    List<Socket> sockets = new ArrayList<>();
    try (Served served = serve()) {
      double alone = answersPerSecond(served);
      alone = Math.max(alone, answersPerSecond(served)); // the first also compiles
      for (int i = 0; i < IDLE; i++) {
        Socket socket = served.socket();
        sockets.add(socket);
        ask(socket);
      }
      for (int i = 0; i < SLOW; i++) { // each leaves its whole answer unread
        Socket socket = served.socket();
        sockets.add(socket);
        socket
            .getOutputStream()
            .write(
                Served.wire(
                    "/v1/completions",
                    "{\"prompt\":\"What is\",\"max_tokens\":300,\"ignore_eos\":true,\"stream\":true}"));
      }
      Served.await(
          "all were taken", () -> served.server.calls().started() == 2L * CLIENTS * EACH + SLOW);
      served.awaitIdle();
      double beside = answersPerSecond(served);
      System.out.printf(
          "LoadTest: %.1f answers/s alone, %.1f beside %d idle connections and %d that do not read%n",
          alone, beside, IDLE, SLOW);
      for (int i = 0; i < IDLE; i += 50) {
        ask(sockets.get(i)); // still there
      }
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  private static void ask(Socket socket) throws IOException {
    socket.getOutputStream().write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes());
    String answer = "";
    while (!answer.contains("alive\"}")) {
      int next = socket.getInputStream().read();
      assertTrue(next >= 0, "closed after " + answer);
      answer += (char) next;
    }
  }

  private static double answersPerSecond(Served served) throws InterruptedException {
    long start = System.nanoTime();
    onThreads(
        CLIENTS,
        index -> {
          for (int i = 0; i < EACH; i++) {
            Served.Answer answer =
                served.post("/v1/chat/completions", Served.chat("\"stream\":true,"));
            assertEquals(200, answer.status());
            assertNull(answer.header("connection"));
          }
        });
    return CLIENTS * EACH / ((System.nanoTime() - start) / 1e9);
  }
}
