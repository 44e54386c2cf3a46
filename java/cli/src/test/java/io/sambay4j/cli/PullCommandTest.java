package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** From a name to an answer, as a new user goes: the program in processes of its own. */
@EnabledOnOs({OS.LINUX, OS.MAC})
@Timeout(300)
final class PullCommandTest {
  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
  private static final String WEIGHTS = "model.safetensors";
  private static final List<String> FILES =
      List.of(
          "config.json",
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          WEIGHTS);

  @TempDir Path home;
  private HttpServer hub;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private volatile long pauseMillis; // after each piece of the weights
  private volatile String lastRange = "";

  @BeforeEach
  void start() throws IOException {
    hub = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    hub.setExecutor(threads);
    hub.createContext(
        "/",
        exchange -> {
          try (exchange) {
            answer(exchange);
          }
        });
    hub.start();
  }

  @AfterEach
  void stop() {
    hub.stop(0);
    threads.shutdownNow();
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    if (path.equals("/api/models/tiny/reasoner/revision/main")) {
      send(exchange, "{\"sha\":\"%s\"}".formatted(COMMIT).getBytes(StandardCharsets.UTF_8));
    } else if (path.equals("/api/models/tiny/reasoner/tree/" + COMMIT)) {
      List<String> entries = new ArrayList<>();
      for (String file : FILES) {
        byte[] bytes = Files.readAllBytes(Run.TINY_REASONER.resolve(file));
        String git =
            hash("SHA-1", ("blob " + bytes.length + "\0").getBytes(StandardCharsets.UTF_8), bytes);
        String lfs =
            file.equals(WEIGHTS)
                ? ",\"lfs\":{\"oid\":\"%s\",\"size\":%d}"
                    .formatted(hash("SHA-256", new byte[0], bytes), bytes.length)
                : "";
        entries.add(
            "{\"type\":\"file\",\"path\":\"%s\",\"oid\":\"%s\",\"size\":%d%s}"
                .formatted(file, git, bytes.length, lfs));
      }
      send(exchange, entries.toString().getBytes(StandardCharsets.UTF_8));
    } else if (path.startsWith("/tiny/reasoner/resolve/" + COMMIT + "/")) {
      send(
          exchange,
          Files.readAllBytes(Run.TINY_REASONER.resolve(path.substring(path.lastIndexOf('/') + 1))));
    } else {
      exchange.getResponseHeaders().set("X-Error-Code", "RepoNotFound");
      exchange.sendResponseHeaders(401, -1);
    }
  }

  private void send(HttpExchange exchange, byte[] bytes) throws IOException {
    String range = exchange.getRequestHeaders().getFirst("Range");
    int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
    if (range != null) {
      lastRange = range;
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes %d-%d/%d".formatted(from, bytes.length - 1, bytes.length));
    }
    exchange.sendResponseHeaders(range == null ? 200 : 206, bytes.length - from);
    int piece = 50_000;
    for (int at = from; at < bytes.length; at += piece) {
      exchange.getResponseBody().write(bytes, at, Math.min(piece, bytes.length - at));
      exchange.getResponseBody().flush();
      try {
        Thread.sleep(bytes.length > 1_000_000 ? pauseMillis : 0);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private static String hash(String algorithm, byte[] head, byte[] bytes) {
    try {
      MessageDigest digest = MessageDigest.getInstance(algorithm);
      digest.update(head);
      return HexFormat.of().formatHex(digest.digest(bytes));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private Process start(String... args) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dsambay.home=" + Run.ROOT.toAbsolutePath(),
                "-Dorg.bytedeco.javacpp.cachedir="
                    + System.getProperty("org.bytedeco.javacpp.cachedir", "target/javacpp-cache"),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command);
    Map<String, String> environment = builder.environment();
    environment.keySet().removeIf(name -> name.startsWith("HF_") || name.endsWith("_OFFLINE"));
    environment.put("HF_HOME", home.toString());
    environment.put("HF_ENDPOINT", "http://127.0.0.1:" + hub.getAddress().getPort());
    return builder.start();
  }

  private Run run(String... args) throws IOException, InterruptedException {
    Process process = start(args);
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Run(process.waitFor(), out, err);
  }

  @Test
  void aNewUserPullsAndAsks() throws Exception {
    Run before = run("generate", "--model", "tiny/reasoner", "What is 17+25?").expect(1);
    assertTrue(
        before.err().contains("has not been downloaded; run: sambay pull tiny/reasoner"),
        before.err());
    Run pulled = run("pull", "tiny/reasoner").expect(0);
    Path snapshot = home.resolve("hub/models--tiny--reasoner/snapshots").resolve(COMMIT);
    assertEquals(snapshot + "\n", pulled.out());
    assertEquals(
        "17+25: 7+5=12, 1+2+1=4. Answer: 42",
        run("generate", "--model", "tiny/reasoner", "What is 17+25?").expect(0).out());
    assertTrue(run("inspect", "--model", "tiny/reasoner").expect(0).out().contains("sambay"));
    String list = run("models").expect(0).out();
    assertTrue(list.contains("tiny/reasoner  main      0123456789ab  3.56 MiB"), list);
    assertEquals("", run("pull", "--quiet", "tiny/reasoner").expect(0).err());
    assertTrue(
        run("pull", "no/such").expect(1).err().contains("no/such is private or does not exist"));
    assertTrue(run("pull", "../x").expect(2).err().contains("is not the name of a model"));
    assertTrue(
        run("pull", "a/b@v1", "--revision", "v2").expect(2).err().contains("--revision says v2"));
  }

  @Test
  void ctrlCLeavesWhatTheNextPullGoesOnWith() throws Exception {
    pauseMillis = 100;
    CtrlCTest.assumeCtrlCReachesChildren();
    Process process = start("pull", "tiny/reasoner");
    Path blobs = home.resolve("hub/models--tiny--reasoner/blobs");
    Path part = null;
    while (part == null || Files.size(part) < 200_000) {
      assertTrue(process.isAlive(), "ended too soon");
      Thread.sleep(20);
      if (Files.isDirectory(blobs)) {
        try (Stream<Path> files = Files.list(blobs)) {
          part =
              files
                  .filter(
                      file -> file.getFileName().toString().matches("[0-9a-f]{64}\\.incomplete"))
                  .findFirst()
                  .orElse(null);
        }
      }
    }
    assertEquals(0, new ProcessBuilder("kill", "-INT", "" + process.pid()).start().waitFor());
    try (BufferedReader err =
        new BufferedReader(
            new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
      String said = err.lines().reduce("", String::concat);
      assertTrue(said.endsWith("interrupted; the same command goes on from here"), said);
    }
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    assertEquals(Cli.INTERRUPTED, process.exitValue());
    long here = Files.size(part);
    assertTrue(here >= 200_000);
    pauseMillis = 0;
    run("pull", "tiny/reasoner").expect(0);
    assertEquals("bytes=%d-".formatted(here), lastRange);
    assertFalse(Files.exists(part));
  }
}
