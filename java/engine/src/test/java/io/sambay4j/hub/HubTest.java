package io.sambay4j.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.TextModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Downloads from a server of our own that speaks the hub's protocol, and breaks it. */
@Timeout(300)
final class HubTest {
  private static final ModelName MODEL = ModelName.parse(FakeHub.REPOSITORY);
  private static final String WEIGHTS = "model.safetensors";
  private static final int SIZE = 300_000;

  @TempDir Path directory;
  private FakeHub server;
  private final List<String> notes = Collections.synchronizedList(new ArrayList<>());
  private final List<long[]> progress = Collections.synchronizedList(new ArrayList<>());
  private final PullListener listener =
      new PullListener() {
        @Override
        public void progress(long done, long total) {
          progress.add(new long[] {done, total});
        }

        @Override
        public void note(String sentence) {
          notes.add(sentence);
        }
      };

  @BeforeEach
  void start() throws IOException {
    server = new FakeHub();
    server.add("README.md", text("not needed"));
    server.add("config.json", text("{}"));
    server.add("tokenizer.json", text("{\"version\":\"1.0\"}"));
    server.add("modeling.py", text("import os"));
    server.addLfs("images/plot.png", random(10));
    server.addLfs(WEIGHTS, random(SIZE));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] random(int count) {
    byte[] bytes = new byte[count];
    new Random(count).nextBytes(bytes);
    return bytes;
  }

  private Hub hub(String token, boolean offline) {
    return new Hub(
        new HubSettings(server.endpoint(), directory, token, offline, Duration.ofSeconds(20)),
        Duration.ofMillis(2));
  }

  private Path pull() throws InterruptedException {
    return hub(null, false).pull(MODEL, listener);
  }

  private String refused() {
    return assertThrows(HubException.class, this::pull).getMessage();
  }

  private Path folder() {
    return directory.resolve("models--tiny--reasoner");
  }

  private Path incomplete() {
    return folder().resolve("blobs").resolve(server.hash(WEIGHTS) + ".incomplete");
  }

  private static Set<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
    }
  }

  private void assertWhole(Path snapshot) throws IOException {
    assertArrayEquals(random(SIZE), Files.readAllBytes(snapshot.resolve(WEIGHTS)));
    assertFalse(Files.exists(incomplete()));
    assertEquals(snapshot, ModelCache.at(directory).resolve(FakeHub.REPOSITORY));
  }

  // ---- what comes, and where it lies

  @Test
  void whatTheEngineNeedsLiesInTheSharedLayout() throws Exception {
    Path snapshot = pull();
    assertEquals(folder().resolve("snapshots").resolve(FakeHub.COMMIT), snapshot);
    assertEquals(Set.of("config.json", "tokenizer.json", WEIGHTS), names(snapshot));
    assertEquals(
        Path.of("../../blobs/" + FakeHub.sha256(random(SIZE))),
        Files.readSymbolicLink(snapshot.resolve(WEIGHTS)));
    assertEquals(
        Path.of("../../blobs/" + FakeHub.blobId(text("{}"))),
        Files.readSymbolicLink(snapshot.resolve("config.json")));
    assertEquals(FakeHub.COMMIT, Files.readString(folder().resolve("refs").resolve("main")));
    assertWhole(snapshot);
    long total = SIZE + 2 + text("{\"version\":\"1.0\"}").length;
    long[] last = progress.get(progress.size() - 1);
    assertArrayEquals(new long[] {total, total}, last);
  }

  @Test
  void aRealModelRunsByItsName() throws Exception {
    Path box = Path.of(System.getProperty("sambay.root", "."), "models", "tiny-reasoner");
    for (String name :
        List.of(
            "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")) {
      server.add(name, Files.readAllBytes(box.resolve(name)));
    }
    server.addLfs(WEIGHTS, Files.readAllBytes(box.resolve(WEIGHTS)));
    pull();
    try (TextModel model = TextModel.open(ModelCache.at(directory).resolve(FakeHub.REPOSITORY))) {
      assertEquals("17+25: 7+5=12, 1+2+1=4. Answer: 42", model.generate("What is 17+25?").text());
    }
  }

  @Test
  void shardsAreThoseOfTheIndex() throws Exception {
    server.remove(WEIGHTS);
    server.addLfs("model-00001-of-00002.safetensors", random(1000));
    server.addLfs("model-00002-of-00002.safetensors", random(2000));
    server.addLfs("consolidated.safetensors", random(3000));
    server.add(
        "model.safetensors.index.json",
        text(
            """
            {"weight_map":{"a":"model-00001-of-00002.safetensors",
            "b":"model-00002-of-00002.safetensors","c":"model-00002-of-00002.safetensors"}}"""));
    assertEquals(
        Set.of(
            "config.json",
            "tokenizer.json",
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors"),
        names(pull()));
  }

  @Test
  void aShardThatIsNotListedIsNamed() {
    server.remove(WEIGHTS);
    server.add(
        "model.safetensors.index.json", text("{\"weight_map\":{\"a\":\"../../x.safetensors\"}}"));
    assertTrue(refused().contains("names the shard '../../x.safetensors', which"), refused());
  }

  @Test
  void aGgufFileIsTakenByName() throws Exception {
    server.remove(WEIGHTS);
    server.addLfs("q8/model-q8_0.gguf", random(5000));
    server.addLfs("model-f16.gguf", random(6000));
    assertTrue(refused().endsWith("with --file: model-f16.gguf, q8/model-q8_0.gguf"), refused());
    Path file = hub(null, false).pull(MODEL.withFile("q8/model-q8_0.gguf"), listener);
    assertArrayEquals(random(5000), Files.readAllBytes(file));
    assertEquals(file, ModelCache.at(directory).resolve("tiny/reasoner:q8/model-q8_0.gguf"));
    assertEquals(file, ModelCache.at(directory).resolve("tiny/reasoner"), "the only one here");
    hub(null, false).pull(MODEL.withFile("model-f16.gguf"), listener);
    String which =
        assertThrows(HubException.class, () -> ModelCache.at(directory).resolve("tiny/reasoner"))
            .getMessage();
    assertTrue(which.contains("tiny/reasoner:model-f16.gguf"), which);
  }

  @Test
  void longListsComeInPages() throws Exception {
    server.pageSize = 2;
    assertWhole(pull());
    assertEquals(3, server.requests("/tree/"));
  }

  // ---- asking again

  @Test
  void nothingIsFetchedTwice() throws Exception {
    pull();
    server.seen.clear();
    assertWhole(pull());
    assertEquals(0, server.requests("/resolve/"));
    assertEquals(0, server.requests("/blob/"));
  }

  @Test
  void anotherCommitTakesOnlyWhatChanged() throws Exception {
    Path before = pull();
    server.commit = "f".repeat(40);
    server.add("config.json", text("{\"new\":1}"));
    server.seen.clear();
    Path after = pull();
    assertEquals(1, server.requests("/resolve/"));
    assertEquals(0, server.requests("/blob/"));
    assertWhole(after);
    assertEquals("{}", Files.readString(before.resolve("config.json")), "the old one stays");
    assertEquals("{\"new\":1}", Files.readString(after.resolve("config.json")));
  }

  @Test
  void aPinnedCommitNeedsNoQuestionOnceItIsHere() throws Exception {
    ModelName pinned = MODEL.at(FakeHub.COMMIT);
    Path snapshot = hub(null, false).pull(pinned, listener);
    assertFalse(Files.exists(folder().resolve("refs")), "no branch was asked for");
    server.close();
    assertEquals(snapshot, hub(null, false).pull(pinned, listener));
    assertEquals(snapshot, ModelCache.at(directory).resolve(pinned.toString()));
  }

  @Test
  void aHubThatPinsAnotherCommitIsRefused() {
    server.fault(
        "/revision/",
        exchange -> {
          FakeHub.send(exchange, "{\"sha\":\"%s\"}".formatted("e".repeat(40)));
          return true;
        });
    assertThrows(
        HubException.class, () -> hub(null, false).pull(MODEL.at(FakeHub.COMMIT), listener));
  }

  @Test
  void aRevisionMayHaveSlashes() throws Exception {
    hub(null, false).pull(MODEL.at("refs/pr/1"), listener);
    assertEquals(1, server.requests("/revision/refs%2Fpr%2F1"));
    assertEquals(FakeHub.COMMIT, Files.readString(folder().resolve("refs/refs/pr/1")));
    ModelCache.at(directory).resolve("tiny/reasoner@refs/pr/1");
    String other =
        assertThrows(HubException.class, () -> ModelCache.at(directory).resolve("tiny/reasoner"))
            .getMessage();
    assertTrue(other.contains("its revision refs/pr/1 has"), other);
  }

  // ---- interruptions

  @Test
  void aDroppedConnectionIsTakenUpWhereItBroke() throws Exception {
    AtomicInteger drops = new AtomicInteger();
    server.fault(
        "/blob/" + WEIGHTS,
        exchange -> {
          if (drops.getAndIncrement() < 10) { // more than the attempts: each brings something
            server.sendPart(exchange, WEIGHTS, 20_000);
            return true;
          }
          return false;
        });
    assertWhole(pull());
    List<String> ranges =
        server.seen.stream()
            .filter(request -> request.path().startsWith("/blob/"))
            .map(FakeHub.Seen::range)
            .toList();
    assertNull(ranges.get(0));
    assertTrue(ranges.get(10).matches("bytes=[1-9]\\d*-"), ranges.toString());
    assertTrue(notes.get(0).contains("trying again"), notes.toString());
  }

  @Test
  void aLaterCallGoesOnWhereAnEarlierOneStopped() throws Exception {
    server.fault(
        "/blob/" + WEIGHTS,
        exchange -> {
          if (exchange.getRequestHeaders().getFirst("Range") == null) {
            server.sendPart(exchange, WEIGHTS, 123_456);
          } else {
            exchange.sendResponseHeaders(503, -1);
          }
          return true;
        });
    String message = refused();
    assertTrue(message.contains("status 503, 6 times in a row; run the same command"), message);
    assertEquals(123_456, Files.size(incomplete()));
    assertThrows(HubException.class, () -> ModelCache.at(directory).resolve("tiny/reasoner"));
    server.noFaults();
    server.seen.clear();
    assertWhole(pull());
    assertEquals(
        List.of("bytes=123456-"),
        server.seen.stream()
            .filter(request -> request.path().startsWith("/blob/"))
            .map(FakeHub.Seen::range)
            .toList());
  }

  @Test
  void aServerWithoutRangesBeginsAgain() throws Exception {
    Files.createDirectories(incomplete().getParent());
    Files.write(incomplete(), Arrays.copyOf(random(SIZE), 1000));
    server.ranges = false;
    assertWhole(pull());
  }

  @Test
  void anInterruptedCallStopsAndCanBeContinued() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    server.fault(
        "/blob/" + WEIGHTS,
        exchange -> {
          server.sendPart(exchange, WEIGHTS, 50_000);
          await(goOn); // the connection stays open, and silent
          return true;
        });
    PullListener watch =
        new PullListener() {
          @Override
          public void progress(long done, long total) {
            if (done > 50_000) {
              begun.countDown();
            }
          }
        };
    ExecutorService threads = Executors.newSingleThreadExecutor();
    Future<Path> running = threads.submit(() -> hub(null, false).pull(MODEL, watch));
    assertTrue(begun.await(60, TimeUnit.SECONDS));
    threads.shutdownNow(); // interrupts
    Throwable failure = assertThrows(ExecutionException.class, running::get).getCause();
    assertEquals(InterruptedException.class, failure.getClass());
    goOn.countDown();
    assertEquals(50_000, Files.size(incomplete()));
    server.noFaults();
    server.seen.clear();
    assertWhole(pull());
    assertEquals(
        1,
        server.seen.stream()
            .filter(
                request ->
                    "bytes=50000-".equals(request.range()) && request.path().startsWith("/blob/"))
            .count());
  }

  @Test
  void aSilentServerIsNotWaitedForWithoutEnd() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    AtomicInteger calls = new AtomicInteger();
    server.fault(
        "/blob/" + WEIGHTS,
        exchange -> {
          if (calls.getAndIncrement() == 0) {
            server.sendPart(exchange, WEIGHTS, 70_000);
            await(end);
            return true;
          }
          return false;
        });
    Hub hub =
        new Hub(
            new HubSettings(server.endpoint(), directory, null, false, Duration.ofSeconds(1)),
            Duration.ofMillis(2));
    Path snapshot = hub.pull(MODEL, listener);
    end.countDown();
    assertWhole(snapshot);
    assertTrue(notes.get(0).contains("no byte came for 1 s"), notes.toString());
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(120, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- damage

  @Test
  void aDamagedFileIsFetchedAgain() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    server.fault(
        "/blob/" + WEIGHTS,
        exchange -> {
          if (calls.getAndIncrement() > 0) {
            return false;
          }
          byte[] bytes = random(SIZE);
          bytes[SIZE / 2] ^= 1;
          server.send(exchange, bytes);
          return true;
        });
    assertWhole(pull());
    assertTrue(notes.get(0).contains("is damaged: its checksum"), notes.toString());
  }

  @Test
  void aFileDamagedTwiceIsRefused() throws Exception {
    server.fault(
        "/resolve/" + FakeHub.COMMIT + "/config.json",
        exchange -> {
          server.send(exchange, text("[]"));
          return true;
        });
    String message = refused();
    assertTrue(message.contains("config.json of tiny/reasoner is damaged"), message);
    assertEquals(2, server.requests("/config.json"));
    String hash = FakeHub.blobId(text("{}"));
    assertFalse(names(folder().resolve("blobs")).contains(hash));
    assertFalse(names(folder().resolve("blobs")).contains(hash + ".incomplete"));
  }

  @Test
  void bytesOfAnEarlierAttemptAreCheckedToo() throws Exception {
    Files.createDirectories(incomplete().getParent());
    Files.write(incomplete(), new byte[1000]); // not the beginning of this file
    assertWhole(pull());
    assertTrue(notes.get(0).contains("fetching it again"), notes.toString());
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 1, -SIZE})
  void aFileOfAnotherLengthIsRefused(int more) {
    server.fault(
        "/blob/" + WEIGHTS,
        exchange -> {
          server.send(exchange, random(SIZE + more));
          return true;
        });
    assertTrue(
        refused().contains("it is %d bytes long, the hub lists %d".formatted(SIZE + more, SIZE))
            || more == -SIZE,
        refused());
  }

  @Test
  void moreBytesThanListedAreRefusedWithoutALength() {
    server.fault(
        "/blob/" + WEIGHTS,
        exchange -> {
          exchange.sendResponseHeaders(200, 0); // chunked
          for (int i = 0; i < 10; i++) {
            exchange.getResponseBody().write(random(SIZE));
          }
          return true;
        });
    assertTrue(refused().contains("more than the 300000 bytes listed come"), refused());
  }

  @Test
  void aBlobOfTheWrongLengthIsFetchedAgain() throws Exception {
    Path blob = folder().resolve("blobs").resolve(server.hash(WEIGHTS));
    Files.createDirectories(blob.getParent());
    Files.write(blob, new byte[10]);
    assertWhole(pull());
  }

  // ---- hostile hubs

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../../.bashrc",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        "./a",
        "a/.",
        "..\\windows",
        "a\\b",
        "a\nb"
      })
  void aFileNameThatCouldLeadElsewhereIsRefused(String name) {
    server.add(name, text("x"));
    assertTrue(refused().contains("could lie outside the model's directory"), refused());
    assertFalse(Files.exists(folder().resolve("snapshots")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[{'type':'file','path':'config.json','size':2,'oid':'../../../../tmp/x'}] | with the checksum",
        "[{'type':'file','path':'config.json','size':-1,'oid':'44136fa355b3678a1146ad16f7e8649e94fb4fc2'}] | with the size",
        "[{'type':'file','path':'config.json','size':1e99,'oid':'44136fa355b3678a1146ad16f7e8649e94fb4fc2'}] | with the size",
        "[{'type':'file','path':'config.json'}] | with the checksum",
        "[{'type':'file'}] | could lie outside",
        "[3] | could lie outside",
        "{} | does not answer with a list of files",
        "[ | not acceptable JSON",
        "'' | does not answer with a list of files",
      })
  void aListThatIsNoneIsRefused(String json, String expected) {
    server.fault(
        "/tree/",
        exchange -> {
          FakeHub.send(exchange, json.replace('\'', '"'));
          return true;
        });
    assertTrue(refused().contains(expected), refused());
  }

  @Test
  void theSameFileTwiceIsRefused() {
    server.fault(
        "/tree/",
        exchange -> {
          String entry =
              "{\"type\":\"file\",\"path\":\"a\",\"size\":0,\"oid\":\"%s\"}"
                  .formatted("0".repeat(40));
          FakeHub.send(exchange, "[" + entry + "," + entry + "]");
          return true;
        });
    assertTrue(refused().contains("lists 'a' twice"), refused());
  }

  @Test
  void moreThanTheDiskHoldsIsRefusedBefore() {
    server.fault(
        "/tree/",
        exchange -> {
          FakeHub.send(
              exchange,
              "[{\"type\":\"file\",\"path\":\"model.safetensors\",\"size\":1,\"oid\":\"%s\",\"lfs\":{\"oid\":\"%s\",\"size\":%d}}]"
                  .formatted("0".repeat(40), "0".repeat(64), 1L << 47));
          return true;
        });
    assertTrue(refused().startsWith("134,217,728 MiB are to come, but "), refused());
    assertEquals(0, server.requests("/resolve/"));
  }

  @Test
  void nothingIsWrittenThroughALinkThatLeavesTheCache() throws Exception {
    Path outside = Files.writeString(directory.resolve("precious"), "mine");
    Files.createDirectories(incomplete().getParent());
    Files.createSymbolicLink(incomplete(), outside);
    assertThrows(UncheckedIOException.class, this::pull);
    Files.delete(incomplete());
    Path name = folder().resolve("snapshots").resolve(FakeHub.COMMIT).resolve("config.json");
    Files.createDirectories(name.getParent());
    Files.deleteIfExists(name);
    Files.createSymbolicLink(name, outside);
    assertWhole(pull());
    assertEquals("mine", Files.readString(outside));
    assertEquals("{}", Files.readString(name));
  }

  // ---- the token

  @Test
  void theTokenGoesToTheHubAlone() throws Exception {
    hub("hf_secret", false).pull(MODEL, listener);
    for (FakeHub.Seen request : server.seen) {
      boolean toHub = request.host().equals(server.endpoint().getAuthority());
      assertEquals(toHub ? "Bearer hf_secret" : null, request.token(), request.toString());
    }
    assertTrue(server.seen.stream().anyMatch(request -> request.token() == null));
    assertFalse(notes.toString().contains("hf_secret"));
  }

  @Test
  void redirectsHaveAnEnd() {
    server.fault(
        "/resolve/",
        exchange -> {
          exchange.getResponseHeaders().set("Location", exchange.getRequestURI().toString());
          exchange.sendResponseHeaders(307, -1);
          return true;
        });
    assertTrue(refused().contains("redirects more than 5 times"), refused());
  }

  @ParameterizedTest
  @ValueSource(strings = {"file:///etc/passwd", "ftp://x/y", "http://", "::"})
  void aRedirectMustBeHttp(String location) {
    server.fault(
        "/resolve/",
        exchange -> {
          exchange.getResponseHeaders().set("Location", location);
          exchange.sendResponseHeaders(302, -1);
          return true;
        });
    assertTrue(refused().contains("redirects to"), refused());
  }

  // ---- refusals

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "401 | RepoNotFound | false | is private or does not exist at",
        "401 | '' | true | does not accept your token",
        "401 | GatedRepo | false | is gated: accept its conditions at",
        "403 | GatedRepo | true | is gated, and your token has no access",
        "403 | '' | true | your token lacks the permission",
        "403 | '' | false | give a token in HF_TOKEN",
        "404 | RepoNotFound | false | has no model tiny/reasoner",
        "404 | RevisionNotFound | false | tiny/reasoner has no revision main",
        "404 | EntryNotFound | false | has no longer the file",
        "418 | '' | false | answers with status 418",
      })
  void aRefusalIsASentence(int status, String code, boolean withToken, String expected) {
    server.fault(
        "/revision/",
        exchange -> {
          FakeHub.error(exchange, status, code);
          return true;
        });
    HubException failure =
        assertThrows(
            HubException.class,
            () -> hub(withToken ? "hf_secret" : null, false).pull(MODEL, listener));
    assertTrue(failure.getMessage().contains(expected), failure.getMessage());
    assertFalse(failure.getMessage().contains("hf_secret"), failure.getMessage());
    assertEquals(1, server.seen.size(), "not tried again");
  }

  @Test
  void anUnknownModelOrRevisionIsNamed() {
    HubException model = assertThrows(HubException.class, () -> hub(null, false).pull("no/such"));
    assertTrue(model.getMessage().startsWith("no/such is private or does not exist at http"));
    HubException revision =
        assertThrows(HubException.class, () -> hub(null, false).pull(FakeHub.REPOSITORY + "@v9"));
    assertEquals("tiny/reasoner has no revision v9", revision.getMessage());
  }

  @ParameterizedTest
  @ValueSource(ints = {429, 500, 502, 503, 408})
  void aBusyHubIsAskedAgain(int status) throws Exception {
    Set<String> asked = ConcurrentHashMap.newKeySet();
    server.fault(
        "/",
        exchange -> {
          if (!asked.add(exchange.getRequestURI().toString())) {
            return false;
          }
          exchange.getResponseHeaders().set("Retry-After", "0");
          exchange.sendResponseHeaders(status, -1);
          return true;
        });
    assertWhole(pull());
    assertTrue(notes.get(0).contains("answers with status " + status), notes.toString());
  }

  @Test
  void aHubThatAsksForTooLongAWaitIsGivenUp() {
    server.fault(
        "/revision/",
        exchange -> {
          exchange.getResponseHeaders().set("Retry-After", "86400");
          exchange.sendResponseHeaders(429, -1);
          return true;
        });
    assertTrue(refused().contains("and asks to wait 86400 s"), refused());
  }

  @Test
  void aHubThatStaysBrokenIsGivenUp() {
    server.fault(
        "/revision/",
        exchange -> {
          exchange.sendResponseHeaders(500, -1);
          return true;
        });
    String message = refused();
    assertTrue(message.contains("status 500, 6 times in a row"), message);
    assertEquals(6, server.seen.size());
  }

  @Test
  void noHubAtAllIsASentence() {
    Hub hub =
        new Hub(
            new HubSettings(
                URI.create("http://127.0.0.1:9"), directory, null, false, Duration.ofSeconds(5)),
            Duration.ofMillis(2));
    HubException failure = assertThrows(HubException.class, () -> hub.pull("a/b"));
    assertTrue(failure.getMessage().contains("the hub cannot be reached"), failure.getMessage());
  }

  // ---- offline, and several at once

  @Test
  void offlineMakesNoConnection() throws Exception {
    HubException failure =
        assertThrows(HubException.class, () -> hub(null, true).pull(MODEL, listener));
    assertTrue(failure.getMessage().contains("HF_HUB_OFFLINE forbids"), failure.getMessage());
    assertEquals(0, server.seen.size());
    Path snapshot = pull();
    server.seen.clear();
    assertEquals(snapshot, hub(null, true).pull(MODEL, listener));
    assertEquals(0, server.seen.size());
  }

  @Test
  void twoPullsAtOnceFetchEachFileOnce() throws Exception {
    server.fault(
        "/blob/",
        exchange -> {
          try {
            Thread.sleep(300); // long enough for the other to come to the same file
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return false;
        });
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Future<Path>> pulls = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        pulls.add(threads.submit(this::pull));
      }
      for (Future<Path> pull : pulls) {
        assertWhole(pull.get());
      }
    } finally {
      threads.shutdownNow();
    }
    assertEquals(1, server.requests("/blob/" + WEIGHTS));
    assertEquals(1, server.requests("/config.json"));
  }
}
