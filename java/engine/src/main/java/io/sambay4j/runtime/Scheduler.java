package io.sambay4j.runtime;

import io.sambay4j.model.SambayModel;
import io.sambay4j.model.StateFile;
import io.sambay4j.model.StatePool;
import io.sambay4j.runtime.Job.End;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that touches the model. Between steps ({@link Steps}) it does what others ask for
 * ({@link Commands}) and lets jobs in ({@link Admission}); each step takes all decoding jobs and a
 * piece of the prompts being read, so that a long prompt does not hold up anybody's next token
 * ({@link StepPlan}).
 */
public final class Scheduler implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Scheduler.class);

  /** How often to see who was cancelled while all wait for a file and nobody runs. */
  private static final long FILE_WAIT_MILLIS = 10;

  private final SambayModel model;
  private final Sequences sequences;
  private final Thread thread;
  private final WaitingJobs waiting;
  private final Commands commands = new Commands();
  private final RunningJobs running;
  private final Admission admission;
  private final Steps steps;
  private final long opened = System.nanoTime();
  private boolean closed; // guarded by this
  private boolean news; // guarded by this: something happened since the thread looked last
  private volatile EngineCounters counters;

  /**
   * How a scheduler works.
   *
   * @param queueLimit jobs that may wait, at least 1
   * @param chunkTokens most tokens of a prompt in one step, at least 1; fewer where a step is small
   * @param prefixCacheBytes for the prefix cache; 0: none
   * @param prefixCacheDirectory where states go that memory has no room for; null: nowhere
   * @param prefixCacheFileBytes for files there
   */
  public record Settings(
      int queueLimit,
      int chunkTokens,
      long prefixCacheBytes,
      @Nullable Path prefixCacheDirectory,
      long prefixCacheFileBytes) {
    /** No limits, no prefix cache. */
    public static final Settings PLAIN =
        new Settings(Integer.MAX_VALUE, Integer.MAX_VALUE, 0, null, 0);
  }

  /** Takes the model over: {@link #close} closes it. */
  public Scheduler(SambayModel model) {
    this(model, Settings.PLAIN);
  }

  /** Takes the model over: {@link #close} closes it. */
  public Scheduler(SambayModel model, Settings settings) {
    this(model, settings, StateFile::read);
  }

  /**
   * As {@link #Scheduler(SambayModel, Settings)}.
   *
   * @param source reads the prefix cache's files
   */
  Scheduler(SambayModel model, Settings settings, PrefixFiles.Source source) {
    this.model = model;
    int besideOthers = model.maxStepTokens() - (model.states().slots() - 1);
    StepPlan plan =
        new StepPlan(model.maxStepTokens(), Math.min(besideOthers, settings.chunkTokens()));
    this.waiting = new WaitingJobs(settings.queueLimit());
    boolean keeps = settings.prefixCacheBytes() > 0 && model.states().freeParkingPlaces() > 0;
    this.sequences =
        new Sequences(
            model,
            keeps
                ? new PrefixCache(
                    model,
                    settings.prefixCacheBytes(),
                    settings.prefixCacheDirectory(),
                    settings.prefixCacheFileBytes(),
                    source,
                    this::wake)
                : null);
    this.running = new RunningJobs(sequences);
    this.admission = new Admission(model.states(), sequences, waiting, running);
    this.steps = new Steps(model, plan, sequences, running);
    this.counters = count();
    this.thread = new Thread(this::loop, "sambay-engine");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Queues a job. One with a sequence joins the next step; one without waits until a slot is free.
   * It fails if no slot will become free by itself, because sessions hold them all, and so does one
   * that needs more of the growing cache than there is or will be.
   *
   * @throws IllegalStateException after close
   * @throws io.sambay4j.EngineBusyException if the queue is full
   */
  public void submit(Job job) {
    submitAll(List.of(job));
  }

  /** Queues jobs, all or none, see {@link #submit}. */
  public synchronized void submitAll(List<? extends Job> jobs) {
    checkOpen();
    waiting.add(jobs, Math.max(0, model.states().slots() - counters.running()));
    wake();
  }

  private synchronized void wake() {
    news = true;
    notifyAll();
  }

  /**
   * Runs something between two steps and waits for it.
   *
   * @throws IllegalStateException after close, also if the model is closed before its turn comes,
   *     and on the engine's own thread
   */
  public <T> T call(Supplier<T> command) {
    checkMayWait();
    CompletableFuture<T> result = new CompletableFuture<>();
    synchronized (this) {
      checkOpen();
      commands.add(
          () -> {
            try {
              checkOpen();
              result.complete(command.get());
            } catch (Throwable failure) { // handed to the caller
              result.completeExceptionally(failure);
            }
          });
      wake();
    }
    return Commands.join(result);
  }

  /**
   * As {@link #call}, for giving things back: does nothing once the model is closed, which has
   * freed everything already, and does not wait on the engine's own thread.
   */
  public void release(Runnable command) {
    if (isEngineThread()) {
      commands.add(
          () -> {
            if (!isClosed()) {
              command.run();
            }
          });
      return;
    }
    try {
      call(
          () -> {
            command.run();
            return true;
          });
    } catch (IllegalStateException e) {
      if (!isClosed()) {
        throw e;
      }
    }
  }

  /** Whether this is the thread that runs the steps, and with them every callback. */
  public boolean isEngineThread() {
    return Thread.currentThread() == thread;
  }

  /**
   * Waiting on the engine's thread would wait for itself.
   *
   * @throws IllegalStateException in a callback
   */
  public void checkMayWait() {
    if (isEngineThread()) {
      throw new IllegalStateException(
          "a callback of a generation cannot wait for the model, which waits for the callback; hand the work to another"
              + " thread");
    }
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  /**
   * Returns if the model can be used.
   *
   * @throws IllegalStateException after close
   */
  public synchronized void checkOpen() {
    if (closed) {
      throw closedException();
    }
  }

  private static IllegalStateException closedException() {
    return new IllegalStateException("the model is closed");
  }

  /** What has been counted up to the last step. */
  public EngineCounters counters() {
    return counters;
  }

  /** Jobs in the queue now. */
  public int waitingJobs() {
    return waiting.size();
  }

  /** What sequences gave back when they ended may have become the prefix cache's alone. */
  private void takeStock() {
    sequences.trim();
    counters = count();
  }

  private EngineCounters count() {
    StatePool states = model.states();
    return new EngineCounters(
        running.size(),
        states.slots() - states.freeSlots(),
        states.blocks() - states.freeBlocks(),
        states.blocks(),
        running.ended(),
        steps.promptTokens(),
        running.cachedTokens(),
        steps.generatedTokens(),
        steps.count(),
        Duration.ofNanos(System.nanoTime() - opened),
        sequences.counters());
  }

  private void loop() {
    try {
      while (await()) {
        commands.runAll();
        admission.dropOverdue();
        admission.admit();
        takeStock();
        if (!running.isEmpty()) {
          steps.run();
        }
        takeStock();
      }
    } catch (
        Throwable
            failure) { // no step, job or command lets one out: nobody must wait for a dead thread
      log.error("the engine's thread failed; the model is closed", failure);
    }
    shutDown();
  }

  /** Waits for something to do; false once closed. */
  private synchronized boolean await() {
    boolean waitsForFiles = false;
    while (!closed && !news && !waitsForFiles && running.isEmpty() && commands.isEmpty()) {
      waitsForFiles = !waiting.isEmpty() && admission.waitsForFiles();
      if (!waiting.isEmpty() && !waitsForFiles) {
        break;
      }
      try {
        wait(waitsForFiles ? FILE_WAIT_MILLIS : 0);
      } catch (InterruptedException e) {
        closed = true; // nobody but the JVM's end interrupts this thread
      }
    }
    news = false;
    return !closed;
  }

  private void shutDown() {
    synchronized (this) {
      closed = true; // nobody joins the queue from here on
    }
    for (Job job : running.copy()) {
      running.finish(job, End.FAILED, closedException());
    }
    for (Job job : waiting.inOrder()) {
      waiting.remove(job);
      running.end(job, End.FAILED, closedException());
    }
    commands.runAll();
    sequences.close();
    counters = count();
    model.close();
  }

  /**
   * Ends all jobs after the current step, closes the model and waits for it. Closing twice changes
   * nothing.
   */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    if (isEngineThread()) {
      return; // from a callback: the loop ends after this step
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // the step must end before its memory goes
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
