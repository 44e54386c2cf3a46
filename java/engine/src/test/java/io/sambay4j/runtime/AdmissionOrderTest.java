package io.sambay4j.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.EngineBusyException;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.TestModels;
import io.sambay4j.runtime.Job.Terms;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who is let in when: queue, priorities, time limits, memory. */
@Timeout(300)
final class AdmissionOrderTest {
  private static final Scheduler.Settings SMALL_QUEUE =
      new Scheduler.Settings(3, Integer.MAX_VALUE, 0, null, 0);

  private static SambayModel model(int sequences, int cacheTokens) {
    return TestModels.load(TestModels.TINY_REASONER, sequences, 2048, 256, cacheTokens);
  }

  private static Terms asking(int longest, int priority, @Nullable Duration limit) {
    return new Terms(0, longest, priority, limit, false, null);
  }

  private static List<String> events() {
    return Collections.synchronizedList(new ArrayList<>());
  }

  @Test
  void priorityIsAHeadStartInTheQueue() throws Exception {
    try (Scheduler scheduler = new Scheduler(model(1, 2048))) {
      List<String> events = events();
      List<GreedyJob> jobs = new ArrayList<>();
      jobs.add(
          new GreedyJob("first", null, GreedyJob.prompt(5), 50, events, asking(60, 100, null)));
      for (int priority : new int[] {-100, 0, 7, 100}) {
        jobs.add(
            new GreedyJob(
                "" + priority, null, GreedyJob.prompt(5), 2, events, asking(9, priority, null)));
      }
      GreedyJob.together(scheduler, jobs);
      for (GreedyJob job : jobs) {
        assertEquals(Job.End.DONE, job.end());
      }
      assertEquals(List.of("first", "100", "7", "0", "-100"), GreedyJob.ended(events));
    }
  }

  /** A stream of more important jobs passes one of lower priority only for so many seconds. */
  @Test
  void whoWaitsLongEnoughComesBeforeAnyPriority() throws Exception {
    try (Scheduler scheduler = new Scheduler(model(1, 2048))) {
      List<String> events = events();
      GreedyJob modest =
          new GreedyJob("modest", null, GreedyJob.prompt(5), 2, events, asking(9, -1, null));
      GreedyJob blocks =
          new GreedyJob("blocks", null, GreedyJob.prompt(5), 1900, events, asking(1905, 100, null));
      GreedyJob.together(scheduler, List.of(blocks, modest));
      List<GreedyJob> important = new ArrayList<>();
      long start = System.nanoTime();
      while (!modest.end.isDone()) { // a point of priority is a second
        GreedyJob next =
            new GreedyJob("important", null, GreedyJob.prompt(5), 20, events, asking(30, 1, null));
        scheduler.submit(next);
        important.add(next);
        if (System.nanoTime() - start < TimeUnit.SECONDS.toNanos(3)) {
          Thread.sleep(20);
        } else {
          next.end();
        }
      }
      assertEquals(Job.End.DONE, modest.end());
      important.forEach(Job::cancel);
      for (GreedyJob job : important) {
        job.end();
      }
    }
  }

  @Test
  void aFullQueueTakesNoMore() throws Exception {
    try (Scheduler scheduler = new Scheduler(model(1, 2048), SMALL_QUEUE)) {
      List<String> events = events();
      GreedyJob runs = new GreedyJob("runs", null, GreedyJob.prompt(5), 1000, events);
      scheduler.submit(runs);
      while (scheduler.counters().running() == 0) {
        Thread.sleep(1);
      }
      List<GreedyJob> waiting = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        waiting.add(new GreedyJob("waits", null, GreedyJob.prompt(5), 1, events));
        scheduler.submit(waiting.get(i));
      }
      EngineBusyException busy =
          assertThrows(
              EngineBusyException.class,
              () ->
                  scheduler.submit(new GreedyJob("refused", null, GreedyJob.prompt(5), 1, events)));
      assertTrue(busy.getMessage().contains("3 requests wait"), busy.getMessage());
      waiting.get(0).cancel();
      waiting.get(0).end();
      assertThrows(
          EngineBusyException.class,
          () ->
              scheduler.submitAll(
                  List.of(
                      new GreedyJob("a", null, GreedyJob.prompt(5), 1, events),
                      new GreedyJob("b", null, GreedyJob.prompt(5), 1, events))),
          "all or none");
      GreedyJob fits = new GreedyJob("fits", null, GreedyJob.prompt(5), 1, events);
      scheduler.submit(fits);
      runs.cancel();
      assertEquals(Job.End.DONE, fits.end());
      assertFalse(
          GreedyJob.ended(events).contains("refused") || GreedyJob.ended(events).contains("a"));
    }
  }

  @Test
  void timeLimitsEndWhoRunsAndWhoWaits() throws Exception {
    try (Scheduler scheduler = new Scheduler(model(1, 4096))) {
      List<String> events = events();
      Duration soon = Duration.ofMillis(150);
      GreedyJob runs =
          new GreedyJob("runs", null, GreedyJob.prompt(5), 2000, events, asking(2005, 0, soon));
      GreedyJob waits =
          new GreedyJob(
              "waits",
              null,
              GreedyJob.prompt(5),
              2000,
              events,
              asking(2005, 0, Duration.ofNanos(1)));
      GreedyJob after = new GreedyJob("after", null, GreedyJob.prompt(5), 1, events);
      GreedyJob.together(scheduler, List.of(runs, waits, after));
      assertEquals(Job.End.TIME_LIMIT, waits.end());
      assertEquals(0, waits.generated.size());
      Job.End end = runs.end();
      assertTrue(
          end == Job.End.TIME_LIMIT || runs.generated.size() == 2000, "as fast as that: " + end);
      assertEquals(Job.End.DONE, after.end());
    }
  }

  /** Twelve blocks, jobs of up to six: nobody is stopped half way, everybody gets in. */
  @Test
  void memoryIsSetAsideBeforeAJobBegins() throws Exception {
    int[][] alone = new int[8][];
    for (int i = 0; i < alone.length; i++) {
      try (Scheduler scheduler = new Scheduler(model(8, 12 * 64))) {
        GreedyJob job =
            new GreedyJob("alone", null, GreedyJob.prompt(20 + 10 * i), 300 - 30 * i, events());
        scheduler.submit(job);
        job.end();
        alone[i] = job.ids();
      }
    }
    SambayModel model = model(8, 12 * 64);
    try (Scheduler scheduler = new Scheduler(model)) {
      List<GreedyJob> jobs = new ArrayList<>();
      for (int i = 0; i < alone.length; i++) {
        jobs.add(new GreedyJob("job", null, GreedyJob.prompt(20 + 10 * i), 300 - 30 * i, events()));
      }
      GreedyJob.together(scheduler, jobs);
      for (int i = 0; i < alone.length; i++) {
        assertEquals(Job.End.DONE, jobs.get(i).end());
        assertArrayEquals(alone[i], jobs.get(i).ids(), "job " + i);
      }
      assertEquals(12, scheduler.call(() -> model.states().freeBlocks()));
    }
  }

  @Test
  void whatNoEmptyCacheWouldHoldIsRefusedAtOnce() throws Exception {
    try (Scheduler scheduler = new Scheduler(model(2, 4 * 64))) {
      GreedyJob runs = new GreedyJob("runs", null, GreedyJob.prompt(10), 200, events());
      GreedyJob large = new GreedyJob("large", null, GreedyJob.prompt(300), 1, events());
      GreedyJob.together(scheduler, List.of(runs, large));
      ExecutionException e = assertThrows(ExecutionException.class, large::end);
      Throwable cause = assertInstanceOf(IllegalStateException.class, e.getCause());
      assertTrue(cause.getMessage().contains("the key/value cache is full"), cause.getMessage());
      assertEquals(Job.End.DONE, runs.end());
    }
  }

  /**
   * A session's job takes part beside requests, and one waits for the memory that the other has.
   */
  @Test
  void sessionsAndRequestsShareMemory() throws Exception {
    SambayModel model = model(2, 4 * 64);
    try (Scheduler scheduler = new Scheduler(model)) {
      SequenceState session = scheduler.call(() -> model.states().acquire());
      List<String> events = events();
      GreedyJob request = new GreedyJob("request", null, GreedyJob.prompt(10), 180, events);
      GreedyJob inSession = new GreedyJob("session", session, GreedyJob.prompt(90), 30, events);
      GreedyJob.together(scheduler, List.of(request, inSession));
      assertEquals(Job.End.DONE, request.end());
      assertEquals(Job.End.DONE, inSession.end());
      assertEquals(List.of("request", "session"), GreedyJob.ended(events));
      GreedyJob tooMuch = new GreedyJob("too much", null, GreedyJob.prompt(140), 1, events);
      scheduler.submit(tooMuch);
      assertThrows(ExecutionException.class, tooMuch::end, "the session keeps its blocks");
    }
  }

  /** While somebody decodes, all prompts together get one chunk of a step, in turn. */
  @Test
  void promptsTakeTurnsBesideADecoder() throws Exception {
    SambayModel model = model(4, 8192);
    try (Scheduler scheduler = new Scheduler(model, new Scheduler.Settings(100, 32, 0, null, 0))) {
      List<String> events = events();
      GreedyJob decoder = new GreedyJob("decoder", null, GreedyJob.prompt(3), 500, events);
      scheduler.submit(decoder);
      while (scheduler.call(() -> decoder.generated.size()) < 3) {
        Thread.sleep(1);
      }
      GreedyJob large = new GreedyJob("large", null, GreedyJob.prompt(640), 1, events);
      GreedyJob small = new GreedyJob("small", null, GreedyJob.prompt(64), 1, events);
      int before = scheduler.call(() -> decoder.generated.size());
      GreedyJob.together(scheduler, List.of(large, small));
      large.end();
      int after = scheduler.call(() -> decoder.generated.size());
      assertEquals(Job.End.DONE, small.end());
      assertEquals(
          List.of("small", "large"), GreedyJob.ended(events).subList(0, 2), "read in turn");
      assertTrue(
          after - before >= 22 || decoder.end.isDone(),
          "a token of the decoder beside each of 22 chunks, had " + (after - before));
      assertEquals(Collections.nCopies(20, 32), large.chunks.subList(0, 20));
      decoder.end();
    }
  }
}
