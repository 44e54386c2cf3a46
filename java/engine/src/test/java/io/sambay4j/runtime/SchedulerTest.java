package io.sambay4j.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.TestModels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who runs when, and that nobody's trouble is another's. */
@Timeout(120)
final class SchedulerTest {
  /** Enough to begin a step with all jobs of a test together. */
  private static void together(Scheduler scheduler, Runnable submit) {
    scheduler.call(
        () -> {
          submit.run();
          return true;
        });
  }

  private static Scheduler scheduler(int sequences, int stepTokens, int cacheTokens) {
    return new Scheduler(
        TestModels.load(TestModels.TINY_REASONER, sequences, 512, stepTokens, cacheTokens));
  }

  private static int[] prompt(int length) {
    int[] ids = new int[length];
    Arrays.setAll(ids, i -> (i * 31) % 400);
    return ids;
  }

  /** Reads a prompt and decodes greedily; writes down what happens in which order. */
  private static class Recorder extends Job {
    final String name;
    final int answer;
    final List<String> events;
    final List<Integer> generated = new ArrayList<>();
    final CompletableFuture<Boolean> end = new CompletableFuture<>();
    private float @Nullable [] logits;

    Recorder(
        String name, @Nullable SequenceState state, int[] input, int answer, List<String> events) {
      this(name, state, input, answer, events, Terms.reading(input.length + answer));
    }

    Recorder(
        String name,
        @Nullable SequenceState state,
        int[] input,
        int answer,
        List<String> events,
        Terms terms) {
      super(state, input, 0, terms);
      this.name = name;
      this.answer = answer;
      this.events = events;
    }

    @Override
    protected Chunk.Wanted wanted(int from, int to, int of) {
      return to == of ? Chunk.Wanted.LAST : Chunk.Wanted.NONE;
    }

    @Override
    protected void logits(int index, float[] row) {
      logits = row.clone();
    }

    @Override
    protected void fed(int[] ids, int done, int of) {
      events.add(name + " " + ids.length);
    }

    @Override
    protected int @Nullable [] next() {
      if (generated.size() == answer) {
        return null;
      }
      int best = 0;
      for (int i = 1; i < logits.length; i++) {
        best = logits[i] > logits[best] ? i : best;
      }
      generated.add(best);
      return new int[] {best};
    }

    @Override
    protected void ended(End how, @Nullable Throwable failure) {
      events.add(
          name
              + switch (how) {
                case DONE -> " ended";
                case CANCELLED -> " cancelled";
                case TIME_LIMIT -> " late";
                case FAILED -> " failed";
              });
      if (failure == null) {
        end.complete(how == End.CANCELLED);
      } else {
        end.completeExceptionally(failure);
      }
    }

    boolean wasCancelled() throws Exception {
      return end.get(60, TimeUnit.SECONDS);
    }

    Throwable failure() {
      return assertThrows(ExecutionException.class, () -> end.get(60, TimeUnit.SECONDS)).getCause();
    }
  }

  @Test
  void aLongPromptHoldsUpNobodysNextToken() throws Exception {
    try (Scheduler scheduler = scheduler(4, 16, 4096)) {
      List<String> events = new ArrayList<>();
      Recorder decoder = new Recorder("decoder", null, prompt(3), 20, events);
      Recorder reader = new Recorder("reader", null, prompt(150), 1, events);
      together(
          scheduler,
          () -> {
            scheduler.submit(reader);
            scheduler.submit(decoder);
          });
      assertFalse(decoder.wasCancelled());
      assertFalse(reader.wasCancelled());
      int read = 0;
      for (int i = 0; read < 150; i++) {
        if (events.get(i).startsWith("reader ")) {
          read += Integer.parseInt(events.get(i).substring("reader ".length()));
          assertTrue(
              i == 0 || events.get(i - 1).startsWith("decoder "),
              "the prompt went on without the decoder: " + events);
        }
      }
      assertTrue(events.indexOf("reader ended") < events.indexOf("decoder ended"), "beside it");
    }
  }

  @Test
  void promptsShareAStep() throws Exception {
    try (Scheduler scheduler = scheduler(4, 16, 4096)) {
      List<String> events = new ArrayList<>();
      Recorder big = new Recorder("long", null, prompt(160), 1, events);
      Recorder small = new Recorder("short", null, prompt(15), 1, events);
      together(
          scheduler,
          () -> {
            scheduler.submit(big);
            scheduler.submit(small);
          });
      assertFalse(small.wasCancelled());
      assertFalse(big.wasCancelled());
      assertEquals(
          List.of("long 13", "short 13", "long 13", "short 2"),
          events.subList(0, 4),
          "rows of steps");
      assertTrue(events.indexOf("short ended") < events.indexOf("long ended"));
    }
  }

  @Test
  void jobsGetSlotsInTheOrderTheyCame() throws Exception {
    try (Scheduler scheduler = scheduler(1, 16, 512)) {
      List<String> events = new ArrayList<>();
      List<Recorder> jobs = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        jobs.add(new Recorder("job " + i, null, prompt(5 + i), 3, events));
      }
      together(scheduler, () -> jobs.forEach(scheduler::submit));
      for (Recorder job : jobs) {
        assertFalse(job.wasCancelled());
      }
      assertEquals(
          List.of("job 0 ended", "job 1 ended", "job 2 ended", "job 3 ended", "job 4 ended"),
          events.stream().filter(event -> event.endsWith("ended")).toList());
    }
  }

  @Test
  void whoHasASequencePassesWhoWaitsForOne() throws Exception {
    SambayModel model = TestModels.load(TestModels.TINY_REASONER, 2, 512, 16, 1024);
    try (Scheduler scheduler = new Scheduler(model)) {
      List<String> events = new ArrayList<>();
      SequenceState session = scheduler.call(() -> model.states().acquire());
      Recorder first = new Recorder("first", null, prompt(5), 30, events);
      Recorder waits = new Recorder("waits", null, prompt(5), 1, events);
      Recorder passes = new Recorder("passes", session, prompt(5), 1, events);
      together(
          scheduler,
          () -> {
            scheduler.submit(first);
            scheduler.submit(waits);
            scheduler.submit(passes);
          });
      assertFalse(waits.wasCancelled());
      assertTrue(events.indexOf("passes ended") < events.indexOf("first ended"));
      assertTrue(events.indexOf("first ended") < events.indexOf("waits 5"));
    }
  }

  @Test
  void whoWaitsForWhatNeverComesIsTold() {
    SambayModel model = TestModels.load(TestModels.TINY_REASONER, 1, 512, 16, 512);
    try (Scheduler scheduler = new Scheduler(model)) {
      scheduler.call(() -> model.states().acquire());
      Recorder job = new Recorder("job", null, prompt(5), 1, new ArrayList<>());
      scheduler.submit(job);
      Throwable failure = assertInstanceOf(IllegalStateException.class, job.failure());
      assertTrue(failure.getMessage().contains("held by open sessions"), failure.getMessage());
    }
  }

  @Test
  void aFullCacheFailsOnlyWhoNeedsMore() throws Exception {
    int[] alone;
    try (Scheduler scheduler = scheduler(3, 64, 512)) {
      Recorder job = new Recorder("alone", null, prompt(100), 60, new ArrayList<>());
      scheduler.submit(job);
      job.wasCancelled();
      alone = job.generated.stream().mapToInt(id -> id).toArray();
    }
    SambayModel model = TestModels.load(TestModels.TINY_REASONER, 3, 512, 64, 5 * 64);
    try (Scheduler scheduler = new Scheduler(model)) { // 3 blocks for the neighbour, 2 are left
      List<String> events = new ArrayList<>();
      Recorder neighbour = new Recorder("neighbour", null, prompt(100), 60, events);
      Recorder greedy = new Recorder("greedy", null, prompt(400), 5, events);
      together(
          scheduler,
          () -> {
            scheduler.submit(neighbour);
            scheduler.submit(greedy);
          });
      Throwable failure = assertInstanceOf(IllegalStateException.class, greedy.failure());
      assertTrue(
          failure.getMessage().contains("the key/value cache is full"), failure.getMessage());
      assertFalse(neighbour.wasCancelled());
      assertArrayEquals(alone, neighbour.generated.stream().mapToInt(id -> id).toArray());
      assertEquals(3, scheduler.call(() -> model.states().freeSlots()));
    }
  }

  /** Failing in each of the places where a job is called. */
  @Test
  void aFailingJobHarmsNoNeighbour() throws Exception {
    SambayModel model = TestModels.load(TestModels.TINY_REASONER, 6, 512, 64, 4096);
    try (Scheduler scheduler = new Scheduler(model)) {
      List<String> events = new ArrayList<>();
      Recorder neighbour = new Recorder("neighbour", null, prompt(20), 30, events);
      Recorder wanted =
          new Recorder("wanted", null, prompt(20), 30, events) {
            @Override
            protected Chunk.Wanted wanted(int from, int to, int of) {
              throw new ArithmeticException(name);
            }
          };
      Recorder logits =
          new Recorder("logits", null, prompt(20), 30, events) {
            @Override
            protected void logits(int index, float[] row) {
              throw new AssertionError(name);
            }
          };
      Recorder fed =
          new Recorder("fed", null, prompt(20), 30, events) {
            @Override
            protected void fed(int[] ids, int done, int of) {
              throw new ArithmeticException(name);
            }
          };
      Recorder next =
          new Recorder("next", null, prompt(20), 30, events) {
            @Override
            protected int @Nullable [] next() {
              throw new StackOverflowError(name);
            }
          };
      Recorder ended =
          new Recorder("ended", null, prompt(20), 2, events) {
            @Override
            protected void ended(End how, @Nullable Throwable failure) {
              super.ended(how, failure);
              throw new AssertionError(name);
            }
          };
      List<Recorder> failing = List.of(wanted, logits, fed, next);
      together(
          scheduler,
          () -> {
            failing.forEach(scheduler::submit);
            scheduler.submit(ended);
            scheduler.submit(neighbour);
          });
      for (Recorder job : failing) {
        assertEquals(job.name, job.failure().getMessage());
      }
      assertFalse(ended.wasCancelled());
      assertFalse(neighbour.wasCancelled());
      assertEquals(30, neighbour.generated.size());
      assertEquals(6, scheduler.call(() -> model.states().freeSlots()));
    }
  }

  @Test
  void theSequenceIsAsLongAsTheJobWasTold() throws Exception {
    SambayModel model = TestModels.load(TestModels.TINY_REASONER, 1, 512, 8, 512);
    try (Scheduler scheduler = new Scheduler(model)) {
      SequenceState session = scheduler.call(() -> model.states().acquire());
      List<String> events = new ArrayList<>();
      Recorder job =
          new Recorder("job", session, prompt(20), 1, events) {
            @Override
            protected void logits(int index, float[] row) {
              throw new ArithmeticException("at the last chunk");
            }
          };
      scheduler.submit(job);
      job.failure();
      assertEquals(List.of("job 8", "job 8", "job 4", "job failed"), events);
      assertEquals(20, scheduler.call(session::length));
      assertFalse(scheduler.call(session::isTorn));
    }
  }

  @Test
  void cancelledJobsEndWhereverTheyAre() throws Exception {
    try (Scheduler scheduler = scheduler(1, 16, 512)) {
      List<String> events = new ArrayList<>();
      Recorder runs = new Recorder("runs", null, prompt(200), 100, events);
      List<Recorder> wait = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        wait.add(new Recorder("waits " + i, null, prompt(5), 1, events));
      }
      together(
          scheduler,
          () -> {
            scheduler.submit(runs);
            wait.forEach(scheduler::submit);
          });
      wait.get(1).cancel();
      assertTrue(wait.get(1).wasCancelled(), "in the queue");
      runs.cancel();
      runs.cancel();
      assertTrue(runs.wasCancelled(), "in its prompt or answer");
      assertFalse(wait.get(0).wasCancelled());
      assertFalse(wait.get(2).wasCancelled());
      wait.get(2).cancel(); // after the end: nothing
    }
  }

  @Test
  void cancelFromManyThreadsLosesNoJob() throws Exception {
    try (Scheduler scheduler = scheduler(8, 16, 4096)) {
      for (int round = 0; round < 50; round++) {
        List<Recorder> jobs = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
          Recorder job = new Recorder("job", null, prompt(10), 400, new ArrayList<>());
          jobs.add(job);
          scheduler.submit(job);
        }
        List<Thread> threads = jobs.stream().map(job -> new Thread(job::cancel)).toList();
        threads.forEach(Thread::start);
        for (Recorder job : jobs) {
          assertTrue(job.wasCancelled(), "round " + round);
        }
      }
    }
  }

  @Test
  void closeEndsWhatRunsAndWhatWaits() throws Exception {
    Scheduler scheduler = scheduler(1, 16, 512);
    Recorder runs = new Recorder("runs", null, prompt(200), 200, new ArrayList<>());
    Recorder waits = new Recorder("waits", null, prompt(5), 1, new ArrayList<>());
    together(
        scheduler,
        () -> {
          scheduler.submit(runs);
          scheduler.submit(waits);
        });
    Thread other = new Thread(scheduler::close);
    other.start();
    scheduler.close();
    other.join();
    for (Recorder job : List.of(runs, waits)) {
      assertEquals("the model is closed", job.failure().getMessage());
    }
    assertThrows(IllegalStateException.class, () -> scheduler.submit(runs));
    assertThrows(IllegalStateException.class, () -> scheduler.call(() -> 1));
    scheduler.release(
        () -> {
          throw new AssertionError("what is released after close is gone already");
        });
    scheduler.close();
  }

  @Test
  void whatACommandThrowsReachesItsCaller() {
    try (Scheduler scheduler = scheduler(1, 16, 512)) {
      ArithmeticException thrown = new ArithmeticException();
      assertSame(
          thrown,
          assertThrows(
              ArithmeticException.class,
              () ->
                  scheduler.call(
                      () -> {
                        throw thrown;
                      })));
      AssertionError error = new AssertionError();
      assertSame(
          error,
          assertThrows(
              AssertionError.class,
              () ->
                  scheduler.call(
                      () -> {
                        throw error;
                      })));
      assertEquals(1, scheduler.call(() -> 1), "the thread lives");
    }
  }

  @Test
  void waitingOnTheEnginesThreadIsRefused() throws Exception {
    try (Scheduler scheduler = scheduler(1, 16, 512)) {
      AtomicReference<@Nullable Throwable> seen = new AtomicReference<>();
      Recorder job =
          new Recorder("job", null, prompt(3), 1, new ArrayList<>()) {
            @Override
            protected int @Nullable [] next() {
              try {
                scheduler.call(() -> 1);
              } catch (IllegalStateException e) {
                seen.set(e);
              }
              return null;
            }
          };
      scheduler.submit(job);
      job.wasCancelled();
      assertTrue(String.valueOf(seen.get()).contains("callback"), String.valueOf(seen.get()));
    }
  }
}
