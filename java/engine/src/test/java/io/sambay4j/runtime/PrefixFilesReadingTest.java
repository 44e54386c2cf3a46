package io.sambay4j.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.InvalidModelException;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.StateFile;
import io.sambay4j.model.TestModels;
import io.sambay4j.runtime.Job.End;
import io.sambay4j.runtime.Job.Terms;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Jobs whose state lies in a file, on a disk that takes its time. */
@Timeout(300)
final class PrefixFilesReadingTest {
  private static final int PROMPTS = 4;

  @TempDir private Path directory;
  private final List<String> events = Collections.synchronizedList(new ArrayList<>());
  private final CountDownLatch disk = new CountDownLatch(1);
  private final AtomicInteger readings = new AtomicInteger();
  private int[][] cold = {};

  private static SambayModel model() {
    return TestModels.load(TestModels.TINY_REASONER, 4, 2048, 256, 16_384, 64 << 20);
  }

  private Scheduler scheduler(PrefixFiles.Source source) {
    return new Scheduler(
        model(), new Scheduler.Settings(100, 128, 64 << 20, directory, 1 << 30), source);
  }

  /** One that gives nothing before the disk does, unless nobody wants it any more. */
  private StateFile.State slowly(Path file, SambayModel model) {
    readings.incrementAndGet();
    try {
      assertTrue(disk.await(200, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InvalidModelException("interrupted");
    }
    return StateFile.read(file, model);
  }

  private static int[] prompt(int which) {
    int[] ids = GreedyJob.prompt(200);
    Arrays.fill(ids, 0, 5, 401 + which);
    return ids;
  }

  private GreedyJob job(int which, @Nullable Duration limit) {
    return new GreedyJob(
        "known " + which, null, prompt(which), 5, events, new Terms(0, 210, 0, limit, true, null));
  }

  private GreedyJob stranger(int answer) {
    return new GreedyJob(
        "stranger",
        null,
        GreedyJob.prompt(20),
        answer,
        events,
        new Terms(0, 20 + answer, 0, null, true, null));
  }

  /** States of all prompts go into files when the first run ends. */
  @BeforeEach
  void fillTheDirectory() throws Exception {
    cold = new int[PROMPTS][];
    try (Scheduler scheduler = scheduler(StateFile::read)) {
      for (int i = 0; i < PROMPTS; i++) {
        GreedyJob job = job(i, null);
        scheduler.submit(job);
        assertEquals(End.DONE, job.end());
        cold[i] = job.ids();
      }
    }
  }

  private void assertFromFile(GreedyJob job, int which) throws Exception {
    assertEquals(End.DONE, job.end());
    assertEquals(199, job.cachedTokens());
    assertArrayEquals(cold[which], job.ids());
  }

  @Test
  void othersGoOnWhileAFileIsRead() throws Exception {
    try (Scheduler scheduler = scheduler(this::slowly)) {
      GreedyJob known = job(0, null);
      scheduler.submit(known);
      GreedyJob stranger = stranger(300);
      scheduler.submit(stranger);
      assertEquals(End.DONE, stranger.end(), "three hundred steps while the disk is silent");
      assertFalse(known.end.isDone());
      assertEquals(1, readings.get());
      disk.countDown();
      assertFromFile(known, 0);
    }
  }

  /** More than may be read at once, two of them with the same beginning. */
  @Test
  void manyWaitAndEachFileIsReadOnce() throws Exception {
    try (Scheduler scheduler = scheduler(this::slowly)) {
      List<GreedyJob> jobs = new ArrayList<>();
      for (int i = 0; i < PROMPTS; i++) {
        jobs.add(job(i, null));
        jobs.add(job(i, null));
      }
      GreedyJob.together(scheduler, jobs);
      GreedyJob stranger = stranger(20);
      scheduler.submit(stranger);
      assertEquals(End.DONE, stranger.end());
      disk.countDown();
      for (int i = 0; i < jobs.size(); i++) {
        assertFromFile(jobs.get(i), i / 2);
      }
      assertEquals(PROMPTS, readings.get());
    }
  }

  @Test
  void whoWaitsForAFileCanBeCancelledAndBeLate() throws Exception {
    try (Scheduler scheduler = scheduler(this::slowly)) {
      GreedyJob late = job(0, Duration.ofMillis(100));
      GreedyJob cancelled = job(1, null);
      scheduler.submit(late);
      scheduler.submit(cancelled);
      assertEquals(End.TIME_LIMIT, late.end(), "while nobody runs and the disk is silent");
      cancelled.cancel();
      assertEquals(End.CANCELLED, cancelled.end());
      GreedyJob stranger = stranger(5);
      scheduler.submit(stranger);
      assertEquals(End.DONE, stranger.end());
      disk.countDown();
      GreedyJob known = job(1, null);
      scheduler.submit(known);
      assertFromFile(known, 1);
    }
  }

  @Test
  void aModelThatIsClosedWaitsForNoDisk() throws Exception {
    Scheduler scheduler = scheduler(this::slowly);
    GreedyJob known = job(0, null);
    scheduler.submit(known);
    while (readings.get() == 0) {
      Thread.sleep(1);
    }
    scheduler.close();
    assertEquals("the model is closed", known.failure().getMessage());
  }

  /** The longest state is in a bad file: the next shorter one, or none, is as good. */
  @Test
  void whatCannotBeReadIsReadFromThePrompt() throws Exception {
    PrefixFiles.Source broken =
        (file, model) -> {
          readings.incrementAndGet();
          throw new InvalidModelException(file + " is damaged, says the test");
        };
    try (Scheduler scheduler = scheduler(broken)) {
      GreedyJob known = job(0, null);
      scheduler.submit(known);
      assertEquals(End.DONE, known.end());
      assertArrayEquals(cold[0], known.ids());
      assertEquals(0, known.cachedTokens());
      assertTrue(readings.get() > 0);
    }
  }
}
