package io.sambay4j;

import static io.sambay4j.TinyModel.endless;
import static io.sambay4j.TinyModel.tokens;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.model.Chunk;
import io.sambay4j.weights.SafeTensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A session says what its tokens, read afresh, would say. */
@Timeout(120)
final class SessionTest {
  private static final int SLOTS = 4;
  private static TextModel model;
  @TempDir Path directory;

  @BeforeAll
  static void open() {
    model = TinyModel.open(SLOTS);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @AfterEach
  void everythingCameBack() {
    model
        .scheduler()
        .call(
            () -> {
              assertEquals(SLOTS, model.model().states().freeSlots(), "slots");
              return true;
            });
  }

  private static void everyRound(Consumer<Random> property) {
    for (int round = 0; round < TinyModel.ROUNDS; round++) {
      long seed = 1123L * (round + 1);
      try {
        property.accept(new Random(seed));
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("with seed " + seed, e);
      }
    }
  }

  /** What the model says after these tokens when it reads them for the first time. */
  private static int[] cold(int maxTokens, int... ids) {
    return model.generate(endless(maxTokens, ids).build()).tokenIds();
  }

  private static int[] concat(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
  }

  @Test
  void continuedIsOneLongPrompt() {
    everyRound(
        random -> {
          try (Session session = model.newSession()) {
            int[] all = {};
            for (int turn = 0; turn < 5; turn++) {
              int[] more = tokens(random, 1 + random.nextInt(50));
              if (random.nextBoolean()) {
                session.appendTokens(more);
                all = concat(all, more);
              } else {
                Generation generation = session.generate(endless(6, more).build());
                all = concat(all, more);
                assertArrayEquals(cold(6, all), generation.tokenIds());
                all = concat(all, generation.tokenIds());
              }
              assertArrayEquals(all, session.tokens());
              assertEquals(all.length, session.position());
            }
          }
        });
  }

  @Test
  void whatWasSeenIsNotReadAgain() {
    try (Session session = model.newSession()) {
      Generation first = session.generate(endless(5, 1, 2, 3).build());
      assertEquals(0, first.usage().cachedTokens());
      Generation second = session.generate(endless(5, 4, 5).build());
      assertEquals(10, second.usage().promptTokens());
      assertEquals(7, second.usage().cachedTokens(), "all but the last token and what is new");
    }
  }

  @Test
  void aForkGoesOnLikeTheOriginal() {
    everyRound(
        random -> {
          int[] past = tokens(random, 1 + random.nextInt(150));
          try (Session session = model.newSession()) {
            int[] said = session.generate(endless(4, past).build()).tokenIds();
            try (Session fork = session.fork()) {
              assertArrayEquals(session.tokens(), fork.tokens());
              int[] left = tokens(random, 1 + random.nextInt(80));
              int[] right = tokens(random, 1 + random.nextInt(80));
              RunningGeneration leftRuns =
                  session.start(endless(8, left).build(), new GenerationListener() {});
              RunningGeneration rightRuns =
                  fork.start(endless(8, right).build(), new GenerationListener() {});
              assertArrayEquals(
                  cold(8, concat(past, said, left)), leftRuns.result().tokenIds(), "session");
              assertArrayEquals(
                  cold(8, concat(past, said, right)), rightRuns.result().tokenIds(), "fork");
            }
          }
        });
  }

  @Test
  void rewoundIsAsIfTheRestHadNeverBeen() {
    everyRound(
        random -> {
          try (Session session = model.newSession()) {
            int[] all = {};
            for (int turn = 0; turn < 12; turn++) { // more turns than checkpoints are kept
              int[] more = tokens(random, 1 + random.nextInt(30));
              int[] said = session.generate(endless(3, more).build()).tokenIds();
              all = concat(all, more, said);
            }
            for (int turn = 0; turn < 4; turn++) {
              int position = random.nextInt(session.position() + 1);
              if (random.nextInt(3) == 0) {
                session.keepCheckpoint();
              }
              session.rewind(position);
              all = Arrays.copyOf(all, position);
              assertArrayEquals(all, session.tokens());
              int[] more = tokens(random, 1 + random.nextInt(70));
              int[] said = session.generate(endless(5, more).build()).tokenIds();
              assertArrayEquals(cold(5, concat(all, more)), said, "after a rewind to " + position);
              all = concat(all, more, said);
            }
          }
        });
  }

  @Test
  void savedAndLoadedIsUnbroken() {
    everyRound(
        random -> {
          Path file = directory.resolve("session.safetensors");
          int[] past = tokens(random, 1 + random.nextInt(200));
          int[] next = tokens(random, 1 + random.nextInt(40));
          try (Session session = model.newSession()) {
            if (random.nextBoolean()) {
              session.generate(endless(6, past).build());
            } else {
              session.appendTokens(past);
            }
            session.save(file);
            int[] want = session.generate(endless(8, next).build()).tokenIds();
            try (Session loaded = model.loadSession(file)) {
              Generation generation = loaded.generate(endless(8, next).build());
              assertArrayEquals(want, generation.tokenIds());
              assertArrayEquals(session.tokens(), loaded.tokens());
              assertTrue(
                  generation.usage().cachedTokens() >= past.length, "nothing was read again");
              loaded.rewind(1);
              assertArrayEquals(
                  cold(3, past[0], 7), loaded.generate(endless(3, 7).build()).tokenIds());
            }
          }
        });
  }

  @Test
  void anEmptySessionHasNothingToSave() {
    try (Session session = model.newSession()) {
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> session.save(directory.resolve("empty")));
      assertTrue(e.getMessage().contains("empty"), e.getMessage());
    }
  }

  @Test
  void aFileThatIsNoSessionIsRefused() throws IOException {
    Path file = directory.resolve("session.safetensors");
    try (Session session = model.newSession()) {
      session.appendTokens(1, 2, 3);
      session.save(file);
    }
    byte[] saved = Files.readAllBytes(file);
    Path bad = directory.resolve("bad.safetensors");
    for (int length : new int[] {0, 7, 100, saved.length - 1}) {
      Files.write(bad, Arrays.copyOf(saved, length));
      assertThrows(InvalidModelException.class, () -> model.loadSession(bad), "cut to " + length);
    }
    int header = new String(saved, java.nio.charset.StandardCharsets.ISO_8859_1).indexOf("conv");
    byte[] renamed = saved.clone();
    renamed[header] = 'k'; // state.0.konv
    Files.write(bad, renamed);
    InvalidModelException missing =
        assertThrows(InvalidModelException.class, () -> model.loadSession(bad));
    assertTrue(missing.getMessage().contains("has no state.0.conv"), missing.getMessage());

    Path weights = TinyModel.DIRECTORY.resolve("model.safetensors");
    InvalidModelException other =
        assertThrows(InvalidModelException.class, () -> model.loadSession(weights));
    assertTrue(other.getMessage().contains("is no saved session"), other.getMessage());
    assertThrows(
        InvalidModelException.class, () -> model.loadSession(directory.resolve("nothing.here")));

    try (SafeTensors tensors = SafeTensors.open(file)) {
      byte[] outside = saved.clone();
      outside[(int) tensors.tensor("tokens").offset() + 6] = 1; // a token id of 2^48
      Files.write(bad, outside);
    }
    InvalidModelException id =
        assertThrows(InvalidModelException.class, () -> model.loadSession(bad));
    assertTrue(id.getMessage().contains("outside the vocabulary"), id.getMessage());
    try (Session session = model.loadSession(file)) {
      assertEquals(3, session.position());
    }
  }

  @Test
  void aSessionOfAnotherModelOrALargerContextIsRefused() {
    Path file = directory.resolve("session.safetensors");
    try (Session session = model.newSession()) {
      session.appendTokens(new int[30]);
      session.save(file);
    }
    try (TextModel small = TinyModel.builder().sequences(1).contextLimit(29).open()) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> small.loadSession(file));
      assertTrue(e.getMessage().contains("the context takes 29"), e.getMessage());
    }
    Path golden =
        Path.of(System.getProperty("sambay.root", "."), "native/tests/goldens/flash-tiny-f32");
    try (TextModel other = TextModel.builder(golden).sequences(1).open()) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> other.loadSession(file));
      assertTrue(e.getMessage().contains("another model"), e.getMessage());
    }
  }

  @Test
  void aFailedSaveKeepsTheOldFile() throws IOException {
    Path file = directory.resolve("session.safetensors");
    try (Session session = model.newSession()) {
      session.appendTokens(1, 2, 3);
      session.save(file);
      byte[] before = Files.readAllBytes(file);
      assertThrows(
          UncheckedIOException.class, () -> session.save(directory.resolve("no/such/directory")));
      assertArrayEquals(before, Files.readAllBytes(file));
      session.append("and it still works");
    }
  }

  // ---- trouble

  @Test
  void busyWhileItGenerates() throws Exception {
    try (Session session = model.newSession()) {
      CountDownLatch begun = new CountDownLatch(1);
      RunningGeneration running =
          session.start(
              endless(4000, 1).build(),
              new GenerationListener() {
                @Override
                public void onToken(GeneratedToken token) {
                  begun.countDown();
                }
              });
      assertTrue(begun.await(60, TimeUnit.SECONDS));
      for (Runnable call :
          List.<Runnable>of(
              session::tokens,
              session::position,
              () -> session.append("x"),
              () -> session.rewind(0),
              session::fork,
              session::keepCheckpoint,
              () -> session.generate(endless(1, 1).build()),
              () -> session.save(directory.resolve("x")))) {
        IllegalStateException e = assertThrows(IllegalStateException.class, call::run);
        assertTrue(e.getMessage().contains("is generating"), e.getMessage());
      }
      running.cancel();
      Generation cut = running.result();
      assertEquals(FinishReason.CANCELLED, cut.finishReason());
      assertArrayEquals(concat(new int[] {1}, cut.tokenIds()), session.tokens());
      assertArrayEquals(
          cold(3, concat(session.tokens(), new int[] {9})),
          session.generate(endless(3, 9).build()).tokenIds());
    }
  }

  @Test
  void cancelledInThePromptItGoesOnFromThere() throws Exception {
    int[] prompt = tokens(new Random(3), 3000);
    try (Session session = model.newSession()) {
      CompletableFuture<RunningGeneration> running = new CompletableFuture<>();
      RunningGeneration generation =
          session.start(
              endless(10, prompt).build(),
              new GenerationListener() {
                @Override
                public void onPrompt(int done, int total) {
                  running.join().cancel();
                }
              });
      running.complete(generation);
      Generation cut = generation.result();
      assertEquals(FinishReason.CANCELLED, cut.finishReason());
      assertEquals(0, cut.tokens().size());
      int read = session.position();
      assertTrue(read > 0 && read < prompt.length, "read " + read);
      assertArrayEquals(Arrays.copyOf(prompt, read), session.tokens());
      int[] rest = Arrays.copyOfRange(prompt, read, prompt.length);
      assertArrayEquals(cold(5, prompt), session.generate(endless(5, rest).build()).tokenIds());
    }
  }

  @Test
  void aFailingHookLeavesTokensAndStateInStep() {
    everyRound(
        random -> {
          int[] prompt = tokens(random, 600 + random.nextInt(100)); // more than one chunk
          int after = random.nextInt(4);
          List<GenerationRequest.Builder> failing = new ArrayList<>();
          failing.add(
              endless(10, prompt)
                  .logitsProcessors((history, logits) -> fail(after, history.generatedLength())));
          failing.add(
              endless(10, prompt)
                  .stopWhen(
                      tokens -> {
                        fail(after, tokens.size() - 1);
                        return false;
                      }));
          for (GenerationRequest.Builder request : failing) {
            try (Session session = model.newSession()) {
              session.appendTokens(1, 2, 3);
              assertThrows(
                  ArithmeticException.class, () -> session.generate(request.build()), "hook");
              int[] fed = session.tokens();
              int read = Math.min(fed.length, 3 + prompt.length);
              assertArrayEquals(
                  Arrays.copyOf(concat(new int[] {1, 2, 3}, prompt), read),
                  Arrays.copyOf(fed, read));
              assertArrayEquals(
                  cold(4, concat(session.tokens(), new int[] {5})),
                  session.generate(endless(4, 5).build()).tokenIds());
              session.rewind(3);
              assertArrayEquals(
                  cold(4, 1, 2, 3, 5), session.generate(endless(4, 5).build()).tokenIds());
            }
          }
        });
  }

  private static void fail(int after, int now) {
    if (now == after) {
      throw new ArithmeticException("a hook's own trouble");
    }
  }

  @Test
  void aTornSequenceIsMendedByARewind() {
    try (Session session = model.newSession()) {
      session.appendTokens(1, 2, 3);
      session.appendTokens(4, 5);
      tear(session);
      IllegalStateException torn =
          assertThrows(IllegalStateException.class, () -> session.generate(endless(1, 6).build()));
      assertTrue(torn.getMessage().contains("failed half way"), torn.getMessage());
      session.rewind(session.position());
      assertArrayEquals(
          cold(4, 1, 2, 3, 4, 5, 6), session.generate(endless(4, 6).build()).tokenIds());
    }
  }

  /** What a device that runs out of memory in the middle of a step would leave. */
  private static void tear(Session session) {
    model
        .scheduler()
        .call(
            () -> {
              assertThrows(
                  ArithmeticException.class,
                  () ->
                      model
                          .model()
                          .forward(
                              List.of(new Chunk(session.state(), new int[] {1}, Chunk.Wanted.LAST)),
                              (chunk, token, logits) -> {
                                throw new ArithmeticException();
                              }));
              return true;
            });
  }

  @Test
  void closingCancelsAndGivesTheSlotBackAtOnce() throws Exception {
    try (TextModel one = TinyModel.open(1)) {
      for (int round = 0; round < 5; round++) {
        Session session = one.newSession();
        RunningGeneration running =
            session.start(endless(4000, 1).build(), new GenerationListener() {});
        session.close();
        assertEquals(FinishReason.CANCELLED, running.result().finishReason());
        IllegalStateException e =
            assertThrows(IllegalStateException.class, () -> session.append("x"));
        assertEquals("the session is closed", e.getMessage());
        session.close();
      }
      try (Session session = one.newSession();
          TokenStream stream = session.stream(endless(4000, 1).build())) {
        stream.next(); // and the rest is not read
      }
      assertEquals(1, one.generate(endless(1, 1).build()).tokens().size());
    }
  }

  @Test
  void closedInItsOwnCallback() throws Exception {
    for (boolean atTheEnd : new boolean[] {true, false}) {
      Session session = model.newSession();
      CompletableFuture<Generation> end = new CompletableFuture<>();
      session.start(
          endless(20, 1).build(),
          new GenerationListener() {
            @Override
            public void onToken(GeneratedToken token) {
              if (!atTheEnd) {
                session.close();
              }
            }

            @Override
            public void onComplete(Generation generation) {
              session.close();
              end.complete(generation);
            }
          });
      Generation generation = end.get(60, TimeUnit.SECONDS);
      assertEquals(atTheEnd ? 20 : 1, generation.tokens().size());
      assertThrows(IllegalStateException.class, session::tokens);
    }
  }

  @Test
  void freeAgainWhenItsListenerHearsOfTheEnd() throws Exception {
    try (Session session = model.newSession()) {
      CompletableFuture<Integer> next = new CompletableFuture<>();
      Thread[] other = new Thread[1];
      session
          .start(
              endless(2, 1).build(),
              new GenerationListener() {
                @Override
                public void onComplete(Generation generation) {
                  other[0] =
                      new Thread(
                          () -> {
                            try {
                              next.complete(
                                  session.generate(endless(2, 1).build()).tokens().size());
                            } catch (RuntimeException e) {
                              next.completeExceptionally(e);
                            }
                          });
                  other[0].start();
                }
              })
          .result();
      assertEquals(2, next.get(60, TimeUnit.SECONDS));
      other[0].join();
    }
  }

  @Test
  void sessionsThatHoldEverySlotAreNamedAsTheReason() {
    List<Session> sessions = new ArrayList<>();
    for (int i = 0; i < SLOTS; i++) {
      sessions.add(model.newSession());
    }
    assertThrows(IllegalStateException.class, () -> model.newSession());
    assertThrows(IllegalStateException.class, () -> sessions.get(0).fork());
    IllegalStateException e =
        assertInstanceOf(
            IllegalStateException.class,
            assertThrows(RuntimeException.class, () -> model.generate(endless(1, 1).build())));
    assertTrue(e.getMessage().contains("held by open sessions"), e.getMessage());
    assertEquals(2, sessions.get(1).generate(endless(2, 1).build()).tokens().size());
    sessions.forEach(Session::close);
  }
}
