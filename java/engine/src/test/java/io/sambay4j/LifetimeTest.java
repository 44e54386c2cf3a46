package io.sambay4j;

import static io.sambay4j.TinyModel.endless;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Closing, cancelling and interrupting, from wherever and whenever. */
@Timeout(240)
final class LifetimeTest {
  @TempDir static Path directory;

  // ---- after close

  /** A value for each type of parameter that public methods have. */
  private static final Map<Class<?>, Object> ARGUMENTS =
      Map.of(
          String.class,
          "What",
          int.class,
          1,
          int[].class,
          new int[] {1, 2},
          GenerationRequest.class,
          GenerationRequest.tokens(1, 2).maxTokens(1).build(),
          GenerationRequest.Prompt.class,
          new GenerationRequest.Prompt.Text("What"),
          GenerationListener.class,
          new GenerationListener() {},
          List.class,
          List.of(ChatMessage.user("What")),
          Executor.class,
          ForkJoinPool.commonPool());

  /**
   * Every public method of an object, called by reflection so that none is forgotten, is an
   * IllegalStateException.
   */
  private static Stream<DynamicTest> refusals(
      String when, Object object, Path file, Set<String> excepted) {
    return Arrays.stream(object.getClass().getMethods())
        .filter(method -> method.getDeclaringClass() == object.getClass())
        .filter(method -> !Modifier.isStatic(method.getModifiers()) && !method.isBridge())
        .filter(method -> !excepted.contains(method.getName()))
        .sorted(Comparator.comparing(Method::toString))
        .map(
            method ->
                DynamicTest.dynamicTest(
                    "%s: %s.%s"
                        .formatted(when, object.getClass().getSimpleName(), method.getName()),
                    () -> assertRefused(object, method, file)));
  }

  private static void assertRefused(Object object, Method method, Path file) {
    Object[] arguments =
        Arrays.stream(method.getParameterTypes())
            .map(type -> type == Path.class ? file : ARGUMENTS.get(type))
            .toArray();
    for (Object argument : arguments) {
      assertTrue(argument != null, "this test has no argument for " + method);
    }
    InvocationTargetException e =
        assertThrows(
            InvocationTargetException.class,
            () -> method.invoke(object, arguments),
            "no exception from " + method);
    assertInstanceOf(IllegalStateException.class, e.getCause(), method.toString());
    assertTrue(e.getCause().getMessage().contains("closed"), e.getCause().getMessage());
  }

  @TestFactory
  Stream<DynamicTest> everyMethodAfterClose() {
    TextModel model = TinyModel.open(4);
    Path file = directory.resolve("saved.safetensors");
    Session ofClosedModel = model.newSession();
    ofClosedModel.appendTokens(1, 2, 3);
    ofClosedModel.save(file);
    Chat chatOfClosedModel = model.newChat();
    chatOfClosedModel.send("What is 1+1?");
    Session closedSession = model.newSession();
    closedSession.close();
    closedSession.close();
    Chat closedChat = model.newChat();
    closedChat.close();
    closedChat.close();
    TokenStream closedStream = model.stream(endless(1, 1).build());
    closedStream.close();
    closedStream.close();
    List<DynamicTest> tests = new ArrayList<>();
    Set<String> closing = Set.of("close");
    refusals("closed", closedSession, file, closing).forEach(tests::add);
    refusals("closed", closedChat, file, closing).forEach(tests::add);
    // What was generated until then may still be asked for, and cancelling after the end changes
    // nothing.
    refusals("closed", closedStream, file, Set.of("close", "result", "cancel")).forEach(tests::add);
    model.close();
    model.close();
    refusals("model closed", model, file, closing).forEach(tests::add);
    refusals("model closed", ofClosedModel, file, closing).forEach(tests::add);
    refusals("model closed", chatOfClosedModel, file, closing).forEach(tests::add);
    ofClosedModel.close();
    chatOfClosedModel.close();
    closedStream.close();
    assertTrue(tests.size() > 50, "only %d methods were found".formatted(tests.size()));
    return tests.stream();
  }

  @Test
  void aPublisherOfAClosedModelSaysSo() throws Exception {
    TextModel model = TinyModel.open(1);
    var publisher = model.publish(endless(1, 1).build());
    model.close();
    CompletableFuture<Throwable> heard = new CompletableFuture<>();
    publisher.subscribe(
        new java.util.concurrent.Flow.Subscriber<>() {
          @Override
          public void onSubscribe(java.util.concurrent.Flow.Subscription subscription) {}

          @Override
          public void onNext(GeneratedToken token) {}

          @Override
          public void onError(Throwable failure) {
            heard.complete(failure);
          }

          @Override
          public void onComplete() {
            heard.complete(new AssertionError("completed"));
          }
        });
    assertEquals("the model is closed", heard.get(60, TimeUnit.SECONDS).getMessage());
  }

  // ---- during work

  /** A generation that has begun, and will not end by itself soon. */
  private static RunningGeneration begun(TextModel model) throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    RunningGeneration running =
        model.start(
            endless(4000, 1).build(),
            new GenerationListener() {
              @Override
              public void onToken(GeneratedToken token) {
                begun.countDown();
              }
            });
    assertTrue(begun.await(60, TimeUnit.SECONDS));
    return running;
  }

  @Test
  void closeDuringGenerationsFromAnotherThread() throws Exception {
    TextModel model = TinyModel.open(2);
    RunningGeneration running = begun(model);
    TokenStream stream = model.stream(endless(4000, 1).build());
    stream.next();
    RunningGeneration waiting = model.start(endless(1, 1).build(), new GenerationListener() {});
    Thread closer = new Thread(model::close);
    closer.start();
    model.close();
    closer.join();
    for (RunningGeneration generation : List.of(running, waiting)) {
      IllegalStateException e = assertThrows(IllegalStateException.class, generation::result);
      assertEquals("the model is closed", e.getMessage());
      assertTrue(generation.isDone());
      generation.cancel();
    }
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> stream.forEachRemaining(token -> {}));
    assertEquals("the model is closed", e.getMessage());
    assertThrows(IllegalStateException.class, stream::hasNext);
    stream.close();
  }

  @Test
  void closeWhileManyThreadsUseTheModel() throws Exception {
    for (int round = 0; round < 5; round++) {
      TextModel model = TinyModel.open(4);
      CountDownLatch working = new CountDownLatch(4);
      List<CompletableFuture<Throwable>> ends = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        int kind = i;
        CompletableFuture<Throwable> end = new CompletableFuture<>();
        ends.add(end);
        Thread thread =
            new Thread(
                () -> {
                  try {
                    while (true) {
                      use(model, kind);
                      working.countDown();
                    }
                  } catch (Throwable failure) {
                    end.complete(failure);
                  }
                });
        thread.setDaemon(true);
        thread.start();
      }
      assertTrue(working.await(60, TimeUnit.SECONDS));
      model.close();
      for (CompletableFuture<Throwable> end : ends) {
        Throwable failure = end.get(60, TimeUnit.SECONDS);
        assertInstanceOf(IllegalStateException.class, failure);
        assertTrue(failure.getMessage().contains("closed"), failure.toString());
      }
    }
  }

  private static void use(TextModel model, int kind) {
    switch (kind) {
      case 0 -> model.generate(endless(20, 1).build());
      case 1 -> model.allLogits(1, 2, 3);
      case 2 -> {
        try (Session session = model.newSession()) {
          session.appendTokens(1, 2, 3);
          session.generate(endless(5, 4).build());
          session.rewind(2);
        }
      }
      default -> {
        try (Chat chat = model.newChat()) {
          chat.send("What is 1+1?");
        }
      }
    }
  }

  @Test
  void cancelInThePromptAndInTheAnswer() throws Exception {
    try (TextModel model = TinyModel.open(1)) {
      RunningGeneration answer = begun(model);
      answer.cancel();
      Generation cut = answer.result();
      assertEquals(FinishReason.CANCELLED, cut.finishReason());
      assertFalse(cut.tokens().isEmpty());
      assertEquals(cut.text(), TinyModel.joined(cut));

      CountDownLatch reading = new CountDownLatch(1);
      RunningGeneration prompt =
          model.start(
              endless(1, new int[4000]).build(),
              new GenerationListener() {
                @Override
                public void onPrompt(int done, int total) {
                  reading.countDown();
                }
              });
      assertTrue(reading.await(60, TimeUnit.SECONDS));
      prompt.cancel();
      prompt.cancel();
      assertEquals(0, prompt.result().tokens().size());
      assertEquals(FinishReason.CANCELLED, prompt.result().finishReason());

      TokenStream left;
      try (TokenStream stream = model.stream(endless(4000, 1).build())) {
        left = stream;
        stream.next();
      }
      assertEquals(FinishReason.CANCELLED, left.result().finishReason());
      assertEquals(3, model.generate(endless(3, 1).build()).tokens().size());
    }
  }

  @Test
  void anInterruptEndsTheWaiting() throws Exception {
    try (TextModel model = TinyModel.open(1);
        Session session = model.newSession()) {
      GenerationRequest endless = endless(4000, 1).build();
      for (Runnable waiting :
          List.<Runnable>of(
              () -> session.generate(endless),
              () -> session.appendTokens(new int[3000]),
              () -> {
                try (TokenStream stream = session.stream(endless)) {
                  stream.forEachRemaining(token -> {});
                }
              })) {
        Thread.currentThread().interrupt();
        assertThrows(CancellationException.class, waiting::run);
        assertTrue(Thread.interrupted(), "the thread is still interrupted");
        while (busy(session)) {
          Thread.onSpinWait(); // a stream does not wait for the end; the time limit would tell
        }
        session.rewind(0);
      }
      RunningGeneration running = session.start(endless, new GenerationListener() {});
      Thread.currentThread().interrupt();
      CancellationException e = assertThrows(CancellationException.class, running::result);
      assertTrue(e.getMessage().contains("goes on"), e.getMessage());
      assertTrue(Thread.interrupted());
      running.cancel();
      assertEquals(FinishReason.CANCELLED, running.result().finishReason());
    }
  }

  private static boolean busy(Session session) {
    try {
      session.position();
      return false;
    } catch (IllegalStateException e) {
      return true;
    }
  }

  // ---- in callbacks

  @Test
  void waitingInACallbackIsRefusedInsteadOfADeadlock() throws Exception {
    try (TextModel model = TinyModel.open(4);
        Session session = model.newSession();
        Session own = model.newSession();
        Chat chat = model.newChat();
        TokenStream stream = model.stream(endless(4000, 1).build())) {
      GenerationRequest request = endless(1, 1).build();
      List<Runnable> calls =
          List.of(
              () -> model.generate(request),
              () -> model.score("What is"),
              () -> model.logits(1),
              () -> model.allLogits(1, 2),
              model::newSession,
              model::newChat,
              () -> session.append("x"),
              () -> session.generate(request),
              () -> session.start(request, new GenerationListener() {}),
              session::fork,
              session::keepCheckpoint,
              () -> chat.send("x"),
              () -> stream.forEachRemaining(token -> {}));
      for (int i = 0; i < calls.size(); i++) {
        if (i == 9) {
          session.appendTokens(1); // something to fork and keep
        }
        Runnable call = calls.get(i);
        CompletableFuture<Throwable> seen = new CompletableFuture<>();
        RunningGeneration[] self = new RunningGeneration[1];
        CountDownLatch started = new CountDownLatch(1);
        self[0] =
            own.start(
                request,
                new GenerationListener() {
                  @Override
                  public void onToken(GeneratedToken token) {
                    try {
                      started.await();
                      call.run();
                      seen.complete(new AssertionError("it returned"));
                    } catch (Throwable failure) {
                      seen.complete(failure);
                    }
                    assertThrows(IllegalStateException.class, () -> self[0].result());
                  }
                });
        started.countDown();
        Throwable failure = seen.get(60, TimeUnit.SECONDS);
        assertInstanceOf(IllegalStateException.class, failure, "call " + i);
        assertTrue(failure.getMessage().contains("callback"), "call %d: %s".formatted(i, failure));
        assertEquals(1, self[0].result().tokens().size());
      }
      assertEquals(1, session.generate(request).tokens().size());
      assertFalse(chat.send("What is 1+1?").text().isEmpty());
    }
  }

  @Test
  void whatDoesNotWaitIsAllowedInACallback() throws Exception {
    try (TextModel model = TinyModel.open(2)) {
      CompletableFuture<RunningGeneration> second = new CompletableFuture<>();
      model.start(
          endless(1, 1).build(),
          new GenerationListener() {
            @Override
            public void onComplete(Generation generation) {
              assertEquals(1, generation.tokens().size());
              assertTrue(model.contextLimit() > 0);
              second.complete(
                  model.start(
                      endless(2, generation.tokenIds()).build(), new GenerationListener() {}));
            }
          });
      assertEquals(2, second.get(60, TimeUnit.SECONDS).result().tokens().size());
    }
  }

  @Test
  void theModelClosedInACallback() throws Exception {
    TextModel model = TinyModel.open(1);
    RunningGeneration running =
        model.start(
            endless(100, 1).build(),
            new GenerationListener() {
              @Override
              public void onToken(GeneratedToken token) {
                if (token.index() == 2) {
                  model.close();
                }
              }
            });
    assertThrows(IllegalStateException.class, running::result);
    model.close(); // waits for the end
    assertThrows(IllegalStateException.class, model::config);
  }

  @Test
  void failingListenersAreTheirOwnTrouble() throws Exception {
    try (TextModel model = TinyModel.open(4)) {
      RunningGeneration neighbour = begun(model);
      for (int place = 0; place < 3; place++) {
        int failing = place;
        RunningGeneration running =
            model.start(
                endless(3, 1).build(),
                new GenerationListener() {
                  @Override
                  public void onPrompt(int done, int total) {
                    fail(0);
                  }

                  @Override
                  public void onToken(GeneratedToken token) {
                    fail(1);
                  }

                  @Override
                  public void onComplete(Generation generation) {
                    fail(2);
                  }

                  @Override
                  public void onError(Throwable failure) {
                    throw new AssertionError("also in its last call");
                  }

                  private void fail(int here) {
                    if (failing == here) {
                      throw new AssertionError("in place " + here);
                    }
                  }
                });
        if (failing == 2) {
          assertEquals(3, running.result().tokens().size(), "it was complete");
        } else {
          AssertionError e = assertThrows(AssertionError.class, running::result);
          assertEquals("in place " + failing, e.getMessage());
        }
      }
      assertFalse(neighbour.isDone());
      neighbour.cancel();
      assertEquals(FinishReason.CANCELLED, neighbour.result().finishReason());
    }
  }

  // ---- memory and processes

  @Test
  void twoModelsAtOnce() throws Exception {
    try (TextModel one = TinyModel.open(2)) {
      int[] want = one.generate("What is 17+25?").tokenIds();
      try (TextModel two = TinyModel.open(2)) {
        RunningGeneration left = begun(one);
        RunningGeneration right = begun(two);
        assertArrayEquals(want, one.generate("What is 17+25?").tokenIds());
        assertArrayEquals(want, two.generate("What is 17+25?").tokenIds());
        left.cancel();
        right.cancel();
      }
      assertArrayEquals(want, one.generate("What is 17+25?").tokenIds());
    }
  }

  /** Opens and closes in a Java VM whose heap never grows, so that what grows is native. */
  static final class TwentyRounds {
    public static void main(String[] args) throws Exception {
      for (int i = 0; i < 5; i++) { // caches and pools fill up
        round();
      }
      long before = residentMib();
      for (int i = 0; i < 20; i++) {
        round();
      }
      System.out.println("resident MiB " + before + " " + residentMib());
    }
  }

  @Test
  void twentyRoundsOfOpenGenerateCloseKeepTheResidentSize() throws Exception {
    Assumptions.assumeTrue(Files.exists(Path.of("/proc/self/status")), "Linux counts pages");
    String output =
        forked(
            TwentyRounds.class,
            List.of("-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:+AlwaysPreTouch"),
            List.of());
    Matcher sizes = Pattern.compile("resident MiB (\\d+) (\\d+)").matcher(output);
    assertTrue(sizes.find(), output);
    long before = Long.parseLong(sizes.group(1));
    long after = Long.parseLong(sizes.group(2));
    assertTrue(
        after <= before + 40, "resident %d MiB before, %d MiB after".formatted(before, after));
  }

  /**
   * Takes some 40 MiB of native memory, and leaves things open that closing the model must free.
   */
  private static void round() {
    try (TextModel model = TinyModel.open(8)) {
      model.generate(endless(4, new int[1000]).build());
      Session left = model.newSession();
      left.appendTokens(new int[2000]);
      left.keepCheckpoint();
      left.fork();
      model.newChat().send("What is 1+1?");
    }
  }

  private static long residentMib() throws Exception {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024)
        .findFirst()
        .orElseThrow();
  }

  /** Ends the Java VM while the engine's thread computes, the model still open. */
  static final class ExitDuringGeneration {
    public static void main(String[] args) throws Exception {
      TextModel model = TinyModel.open(2);
      begun(model);
      begun(model);
      if (args[0].equals("exit")) {
        System.exit(0);
      }
    }
  }

  @Test
  void theVmEndsDuringAGeneration() throws Exception {
    for (String how : List.of("exit", "return")) {
      forked(ExitDuringGeneration.class, List.of(), List.of(how));
    }
  }

  /** What a Java VM of its own prints, which must end by itself and well. */
  private static String forked(Class<?> main, List<String> options, List<String> arguments)
      throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String property : List.of("sambay.root", "org.bytedeco.javacpp.cachedir")) {
      if (System.getProperty(property) != null) {
        command.add("-D%s=%s".formatted(property, System.getProperty(property)));
      }
    }
    command.addAll(options);
    String classPath = System.getProperty("surefire.test.class.path");
    command.add("-cp");
    command.add(classPath != null ? classPath : System.getProperty("java.class.path"));
    command.add(main.getName());
    command.addAll(arguments);
    Path log = Files.createTempFile(directory, "forked", ".log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    boolean ended = process.waitFor(180, TimeUnit.SECONDS);
    process.destroyForcibly();
    String output = Files.readString(log);
    assertTrue(ended, "it hangs: " + output);
    assertEquals(0, process.exitValue(), output);
    return output;
  }
}
