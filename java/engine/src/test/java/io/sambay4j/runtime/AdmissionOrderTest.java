package io.sambay4j.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.EngineBusyException;
import io.sambay4j.model.Chunk;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.TestModels;
import io.sambay4j.runtime.Job.Terms;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
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

  private static int[] prompt(int length) {
    int[] ids = new int[length];
    Arrays.setAll(ids, i -> (i * 31) % 400);
    return ids;
  }

  private static Terms asking(int longest, int priority, @Nullable Duration limit) {
    return new Terms(0, longest, priority, limit, false, null);
  }

  /** Reads a prompt and decodes greedily so many tokens. */
  private static final class Answer extends Job {
    final String name;
    final int count;
    final List<String> ends;
    final List<Integer> generated = new ArrayList<>();
    final List<Integer> chunks = new ArrayList<>();
    final CompletableFuture<End> end = new CompletableFuture<>();
    private float @Nullable [] logits;

    Answer(String name, @Nullable SequenceState state, int[] prompt, int count, List<String> ends) {
      this(name, state, prompt, count, ends, asking(prompt.length + count, 0, null));
    }

    Answer(
        String name,
        @Nullable SequenceState state,
        int[] prompt,
        int count,
        List<String> ends,
        Terms terms) {
      super(state, prompt, 0, terms);
      this.name = name;
      this.count = count;
      this.ends = ends;
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
      chunks.add(ids.length);
    }

    @Override
    protected int @Nullable [] next() {
      if (generated.size() == count) {
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
      ends.add(name);
      if (failure == null) {
        end.complete(how);
      } else {
        end.completeExceptionally(failure);
      }
    }

    End end() throws Exception {
      return end.get(200, TimeUnit.SECONDS);
    }

    int[] ids() {
      return generated.stream().mapToInt(id -> id).toArray();
    }
  }

  private static void together(Scheduler scheduler, List<? extends Job> jobs) {
    scheduler.call(
        () -> {
          jobs.forEach(scheduler::submit);
          return true;
        });
  }

  private static List<String> ends() {
    return Collections.synchronizedList(new ArrayList<>());
  }

  @Test
  void priorityIsAHeadStartInTheQueue() throws Exception {
    try (Scheduler scheduler = new Scheduler(model(1, 2048))) {
      List<String> ends = ends();
      List<Answer> jobs = new ArrayList<>();
      jobs.add(new Answer("first", null, prompt(5), 50, ends, asking(60, 100, null)));
      for (int priority : new int[] {-100, 0, 7, 100}) {
        jobs.add(new Answer("" + priority, null, prompt(5), 2, ends, asking(9, priority, null)));
      }
      together(scheduler, jobs);
      for (Answer job : jobs) {
        assertEquals(Job.End.DONE, job.end());
      }
      assertEquals(List.of("first", "100", "7", "0", "-100"), ends);
    }
  }

  /** A stream of more important jobs passes one of lower priority only for so many seconds. */
  @Test
  void whoWaitsLongEnoughComesBeforeAnyPriority() throws Exception {
    try (Scheduler scheduler = new Scheduler(model(1, 2048))) {
      List<String> ends = ends();
      Answer modest = new Answer("modest", null, prompt(5), 2, ends, asking(9, -1, null));
      Answer blocks = new Answer("blocks", null, prompt(5), 1900, ends, asking(1905, 100, null));
      together(scheduler, List.of(blocks, modest));
      List<Answer> important = new ArrayList<>();
      long start = System.nanoTime();
      while (!modest.end.isDone()) { // a point of priority is a second
        Answer next = new Answer("important", null, prompt(5), 20, ends, asking(30, 1, null));
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
      for (Answer job : important) {
        job.end();
      }
    }
  }

  @Test
  void aFullQueueTakesNoMore() throws Exception {
    try (Scheduler scheduler = new Scheduler(model(1, 2048), SMALL_QUEUE)) {
      List<String> ends = ends();
      Answer runs = new Answer("runs", null, prompt(5), 1000, ends);
      scheduler.submit(runs);
      while (scheduler.counters().running() == 0) {
        Thread.sleep(1);
      }
      List<Answer> waiting = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        waiting.add(new Answer("waits", null, prompt(5), 1, ends));
        scheduler.submit(waiting.get(i));
      }
      EngineBusyException busy =
          assertThrows(
              EngineBusyException.class,
              () -> scheduler.submit(new Answer("refused", null, prompt(5), 1, ends)));
      assertTrue(busy.getMessage().contains("3 requests wait"), busy.getMessage());
      waiting.get(0).cancel();
      waiting.get(0).end();
      assertThrows(
          EngineBusyException.class,
          () ->
              scheduler.submitAll(
                  List.of(
                      new Answer("a", null, prompt(5), 1, ends),
                      new Answer("b", null, prompt(5), 1, ends))),
          "all or none");
      Answer fits = new Answer("fits", null, prompt(5), 1, ends);
      scheduler.submit(fits);
      runs.cancel();
      assertEquals(Job.End.DONE, fits.end());
      assertFalse(ends.contains("refused") || ends.contains("a"));
    }
  }

  @Test
  void timeLimitsEndWhoRunsAndWhoWaits() throws Exception {
    try (Scheduler scheduler = new Scheduler(model(1, 4096))) {
      List<String> ends = ends();
      Duration soon = Duration.ofMillis(150);
      Answer runs = new Answer("runs", null, prompt(5), 2000, ends, asking(2005, 0, soon));
      Answer waits =
          new Answer("waits", null, prompt(5), 2000, ends, asking(2005, 0, Duration.ofNanos(1)));
      Answer after = new Answer("after", null, prompt(5), 1, ends);
      together(scheduler, List.of(runs, waits, after));
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
        Answer job = new Answer("alone", null, prompt(20 + 10 * i), 300 - 30 * i, ends());
        scheduler.submit(job);
        job.end();
        alone[i] = job.ids();
      }
    }
    SambayModel model = model(8, 12 * 64);
    try (Scheduler scheduler = new Scheduler(model)) {
      List<Answer> jobs = new ArrayList<>();
      for (int i = 0; i < alone.length; i++) {
        jobs.add(new Answer("job", null, prompt(20 + 10 * i), 300 - 30 * i, ends()));
      }
      together(scheduler, jobs);
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
      Answer runs = new Answer("runs", null, prompt(10), 200, ends());
      Answer large = new Answer("large", null, prompt(300), 1, ends());
      together(scheduler, List.of(runs, large));
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
      List<String> ends = ends();
      Answer request = new Answer("request", null, prompt(10), 180, ends);
      Answer inSession = new Answer("session", session, prompt(90), 30, ends);
      together(scheduler, List.of(request, inSession));
      assertEquals(Job.End.DONE, request.end());
      assertEquals(Job.End.DONE, inSession.end());
      assertEquals(List.of("request", "session"), ends);
      Answer tooMuch = new Answer("too much", null, prompt(140), 1, ends);
      scheduler.submit(tooMuch);
      assertThrows(ExecutionException.class, tooMuch::end, "the session keeps its blocks");
    }
  }

  /** While somebody decodes, all prompts together get one chunk of a step, in turn. */
  @Test
  void promptsTakeTurnsBesideADecoder() throws Exception {
    SambayModel model = model(4, 8192);
    try (Scheduler scheduler = new Scheduler(model, new Scheduler.Settings(100, 32, 0, null, 0))) {
      List<String> ends = ends();
      Answer decoder = new Answer("decoder", null, prompt(3), 500, ends);
      scheduler.submit(decoder);
      while (scheduler.call(() -> decoder.generated.size()) < 3) {
        Thread.sleep(1);
      }
      Answer large = new Answer("large", null, prompt(640), 1, ends);
      Answer small = new Answer("small", null, prompt(64), 1, ends);
      int before = scheduler.call(() -> decoder.generated.size());
      together(scheduler, List.of(large, small));
      large.end();
      int after = scheduler.call(() -> decoder.generated.size());
      assertEquals(Job.End.DONE, small.end());
      assertEquals(List.of("small", "large"), ends.subList(0, 2), "read in turn");
      assertTrue(
          after - before >= 22 || decoder.end.isDone(),
          "a token of the decoder beside each of 22 chunks, had " + (after - before));
      assertEquals(Collections.nCopies(20, 32), large.chunks.subList(0, 20));
      decoder.end();
    }
  }
}
