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
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import jdk.jfr.Recording;
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

  @Test
  void aLongPromptHoldsUpNobodysNextToken() throws Exception {
    try (Scheduler scheduler = scheduler(4, 16, 4096)) {
      List<String> events = new ArrayList<>();
      GreedyJob decoder = new GreedyJob("decoder", null, GreedyJob.prompt(3), 20, events);
      GreedyJob reader = new GreedyJob("reader", null, GreedyJob.prompt(150), 1, events);
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
      GreedyJob big = new GreedyJob("long", null, GreedyJob.prompt(160), 1, events);
      GreedyJob small = new GreedyJob("short", null, GreedyJob.prompt(15), 1, events);
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
      List<GreedyJob> jobs = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        jobs.add(new GreedyJob("job " + i, null, GreedyJob.prompt(5 + i), 3, events));
      }
      together(scheduler, () -> jobs.forEach(scheduler::submit));
      for (GreedyJob job : jobs) {
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
      GreedyJob first = new GreedyJob("first", null, GreedyJob.prompt(5), 30, events);
      GreedyJob waits = new GreedyJob("waits", null, GreedyJob.prompt(5), 1, events);
      GreedyJob passes = new GreedyJob("passes", session, GreedyJob.prompt(5), 1, events);
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
      GreedyJob job = new GreedyJob("job", null, GreedyJob.prompt(5), 1, new ArrayList<>());
      scheduler.submit(job);
      Throwable failure = assertInstanceOf(IllegalStateException.class, job.failure());
      assertTrue(failure.getMessage().contains("held by open sessions"), failure.getMessage());
    }
  }

  @Test
  void aFullCacheFailsOnlyWhoNeedsMore() throws Exception {
    int[] alone;
    try (Scheduler scheduler = scheduler(3, 64, 512)) {
      GreedyJob job = new GreedyJob("alone", null, GreedyJob.prompt(100), 60, new ArrayList<>());
      scheduler.submit(job);
      job.wasCancelled();
      alone = job.ids();
    }
    SambayModel model = TestModels.load(TestModels.TINY_REASONER, 3, 512, 64, 5 * 64);
    try (Scheduler scheduler = new Scheduler(model)) { // 3 blocks for the neighbour, 2 are left
      List<String> events = new ArrayList<>();
      GreedyJob neighbour = new GreedyJob("neighbour", null, GreedyJob.prompt(100), 60, events);
      GreedyJob greedy = new GreedyJob("greedy", null, GreedyJob.prompt(400), 5, events);
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
      assertArrayEquals(alone, neighbour.ids());
      assertEquals(3, scheduler.call(() -> model.states().freeSlots()));
    }
  }

  /** Failing in each of the places where a job is called. */
  @Test
  void aFailingJobHarmsNoNeighbour() throws Exception {
    SambayModel model = TestModels.load(TestModels.TINY_REASONER, 6, 512, 64, 4096);
    try (Scheduler scheduler = new Scheduler(model)) {
      List<String> events = new ArrayList<>();
      GreedyJob neighbour = new GreedyJob("neighbour", null, GreedyJob.prompt(20), 30, events);
      GreedyJob wanted =
          new GreedyJob("wanted", null, GreedyJob.prompt(20), 30, events) {
            @Override
            protected Chunk.Wanted wanted(int from, int to, int of) {
              throw new ArithmeticException(name);
            }
          };
      GreedyJob logits =
          new GreedyJob("logits", null, GreedyJob.prompt(20), 30, events) {
            @Override
            protected void logits(int index, float[] row) {
              throw new AssertionError(name);
            }
          };
      GreedyJob fed =
          new GreedyJob("fed", null, GreedyJob.prompt(20), 30, events) {
            @Override
            protected void fed(int[] ids, int done, int of) {
              throw new ArithmeticException(name);
            }
          };
      GreedyJob next =
          new GreedyJob("next", null, GreedyJob.prompt(20), 30, events) {
            @Override
            protected int @Nullable [] next() {
              throw new StackOverflowError(name);
            }
          };
      GreedyJob ended =
          new GreedyJob("ended", null, GreedyJob.prompt(20), 2, events) {
            @Override
            protected void ended(End how, @Nullable Throwable failure) {
              super.ended(how, failure);
              throw new AssertionError(name);
            }
          };
      List<GreedyJob> failing = List.of(wanted, logits, fed, next);
      together(
          scheduler,
          () -> {
            failing.forEach(scheduler::submit);
            scheduler.submit(ended);
            scheduler.submit(neighbour);
          });
      for (GreedyJob job : failing) {
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
      GreedyJob job =
          new GreedyJob("job", session, GreedyJob.prompt(20), 1, events) {
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
      GreedyJob runs = new GreedyJob("runs", null, GreedyJob.prompt(200), 100, events);
      List<GreedyJob> wait = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        wait.add(new GreedyJob("waits " + i, null, GreedyJob.prompt(5), 1, events));
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
        List<GreedyJob> jobs = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
          GreedyJob job = new GreedyJob("job", null, GreedyJob.prompt(10), 400, new ArrayList<>());
          jobs.add(job);
          scheduler.submit(job);
        }
        List<Thread> threads = jobs.stream().map(job -> new Thread(job::cancel)).toList();
        threads.forEach(Thread::start);
        for (GreedyJob job : jobs) {
          assertTrue(job.wasCancelled(), "round " + round);
        }
      }
    }
  }

  /** As where the classes of flight recordings are missing: nobody may wait for ever. */
  @Test
  void whatCannotBeRecordedEndsAllTheSame() throws Exception {
    try (Recording recording = new Recording();
        Scheduler scheduler = scheduler(1, 16, 512)) {
      recording.enable("io.sambay4j.Request");
      recording.start();
      GreedyJob job =
          new GreedyJob("job", null, GreedyJob.prompt(5), 3, new ArrayList<>()) {
            @Override
            protected String finishReason(End reason) {
              throw new NoClassDefFoundError("jdk/jfr/Event");
            }
          };
      scheduler.submit(job);
      assertEquals(Job.End.DONE, job.end.get(60, TimeUnit.SECONDS));
    }
  }

  @Test
  void closeEndsWhatRunsAndWhatWaits() throws Exception {
    Scheduler scheduler = scheduler(1, 16, 512);
    GreedyJob runs = new GreedyJob("runs", null, GreedyJob.prompt(200), 200, new ArrayList<>());
    GreedyJob waits = new GreedyJob("waits", null, GreedyJob.prompt(5), 1, new ArrayList<>());
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
    for (GreedyJob job : List.of(runs, waits)) {
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
      GreedyJob job =
          new GreedyJob("job", null, GreedyJob.prompt(3), 1, new ArrayList<>()) {
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
