package io.sambay4j.runtime;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.SambayModel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that touches the model. Each step it runs all decoding jobs together with as much
 * of the waiting prompts as fits, so that a long prompt does not hold up anybody's next token. Jobs
 * join and leave between steps.
 */
public final class Scheduler implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Scheduler.class);

  private final SambayModel model;
  private final Thread thread;
  private final List<Job> waiting = new ArrayList<>(); // guarded by this, in order of arrival
  private final Deque<Runnable> commands = new ArrayDeque<>(); // guarded by this
  private boolean closed; // guarded by this
  // Of the thread alone; who was served longest ago comes first.
  private final List<Job> running = new ArrayList<>();

  /** Takes the model over: {@link #close} closes it. */
  public Scheduler(SambayModel model) {
    this.model = model;
    this.thread = new Thread(this::loop, "sambay-engine");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Queues a job. One with a sequence joins the next step; one without waits until a slot is free,
   * first come, first served. It fails if no slot will become free by itself, because sessions hold
   * them all.
   *
   * @throws IllegalStateException after close
   */
  public synchronized void submit(Job job) {
    checkOpen();
    waiting.add(job);
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
      notifyAll();
    }
    return join(result);
  }

  /**
   * As {@link #call}, for giving things back: does nothing once the model is closed, which has
   * freed everything already, and does not wait on the engine's own thread.
   */
  public void release(Runnable command) {
    if (isEngineThread()) {
      synchronized (this) {
        commands.add(
            () -> {
              if (!isClosed()) {
                command.run();
              }
            });
      }
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

  private static <T> T join(CompletableFuture<T> result) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return result.get();
        } catch (InterruptedException e) {
          interrupted = true; // a command is short; the caller sees its interrupt afterwards
        } catch (ExecutionException e) {
          if (e.getCause() instanceof RuntimeException cause) {
            throw cause;
          }
          if (e.getCause() instanceof Error cause) {
            throw cause;
          }
          throw new IllegalStateException(e.getCause());
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
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

  private void loop() {
    try {
      while (await()) {
        runCommands();
        admit();
        dropCancelled();
        if (!running.isEmpty()) {
          step();
        }
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
    while (!closed && running.isEmpty() && waiting.isEmpty() && commands.isEmpty()) {
      try {
        wait();
      } catch (InterruptedException e) {
        closed = true; // nobody but the JVM's end interrupts this thread
      }
    }
    return !closed;
  }

  private void runCommands() {
    while (true) {
      Runnable command;
      synchronized (this) {
        command = commands.poll();
      }
      if (command == null) {
        return;
      }
      try {
        command.run();
      } catch (RuntimeException e) { // of a release nobody waits for
        log.warn("giving something back failed", e);
      }
    }
  }

  private void admit() {
    List<Job> hopeless = List.of();
    synchronized (this) {
      for (Iterator<Job> jobs = waiting.iterator(); jobs.hasNext(); ) {
        Job job = jobs.next();
        if (!job.isCancelled() && job.needsSequence()) {
          if (model.states().freeSlots() == 0) {
            continue;
          }
          job.giveSequence(model.states().acquire());
        }
        running.add(job);
        jobs.remove();
      }
      if (running.stream().noneMatch(Job::ownsSequence)) {
        hopeless = List.copyOf(waiting);
        waiting.clear();
      }
    }
    for (Job job : hopeless) {
      end(
          job,
          false,
          new IllegalStateException(
              "all %d sequence slots are held by open sessions; close one, or open the model with more sequences"
                  .formatted(model.states().slots())));
    }
  }

  private void dropCancelled() {
    for (Job job : List.copyOf(running)) {
      if (job.isCancelled()) {
        running.remove(job);
        end(job, true, null);
      }
    }
  }

  private void step() {
    List<Job> jobs = new ArrayList<>();
    List<Chunk> chunks = new ArrayList<>();
    plan(jobs, chunks);
    if (jobs.isEmpty()) {
      return;
    }
    @Nullable Throwable[] failures = new Throwable[jobs.size()];
    try {
      model.forward(chunks, new JobSink(jobs, failures));
    } catch (Throwable failure) { // the device's trouble is everybody's: nobody's tokens were fed
      log.debug("a step failed", failure);
      jobs.forEach(job -> finish(job, failure));
      return;
    }
    for (int i = 0; i < jobs.size(); i++) {
      Job job = jobs.get(i);
      try {
        job.wasFed(chunks.get(i));
        if (failures[i] != null) {
          finish(job, failures[i]);
        } else if (!job.goesOn()) {
          finish(job, null);
        }
      } catch (Throwable failure) { // from the job's listener
        finish(job, failure);
      }
    }
  }

  /** Passes logits and tokens on; a job's own trouble must not stop its neighbours. */
  @SuppressWarnings("ArrayRecordComponent")
  private record JobSink(List<Job> jobs, @Nullable Throwable[] failures)
      implements SambayModel.LogitsSink {
    @Override
    public void accept(int chunk, int token, float[] logits) {
      guard(chunk, () -> jobs.get(chunk).takeLogits(token, logits));
    }

    @Override
    public void chosen(int chunk, int token, double logProbability) {
      guard(chunk, () -> jobs.get(chunk).chosen(token, logProbability));
    }

    private void guard(int chunk, Runnable take) {
      if (failures[chunk] == null) {
        try {
          take.run();
        } catch (Throwable failure) {
          failures[chunk] = failure;
        }
      }
    }
  }

  /**
   * Shares the step's rows out: every next token first, then chunks of prompts, whoever was served
   * longest ago first. A prompt is cut at the same places whatever runs beside it, because where it
   * is cut shows in the last bits of its logits: in chunks that fit into a step beside a next token
   * of everybody else.
   */
  private void plan(List<Job> jobs, List<Chunk> chunks) {
    int room = model.maxStepTokens();
    int chunkSize = room - (model.states().slots() - 1);
    List<Job> order = new ArrayList<>(running);
    order.sort(Comparator.comparing(job -> job.remaining() > 1));
    for (Job job : order) {
      int tokens = Math.min(job.remaining(), chunkSize);
      if (tokens > room) {
        continue; // it comes first in one of the next steps
      }
      try {
        Chunk chunk = job.chunk(tokens);
        model.reserve(chunk);
        jobs.add(job);
        chunks.add(chunk);
        room -= tokens;
      } catch (Throwable failure) { // no room in the cache for this one
        finish(job, failure);
      }
    }
    running.removeAll(jobs);
    running.addAll(jobs);
  }

  private void finish(Job job, @Nullable Throwable failure) {
    running.remove(job);
    end(job, false, failure);
  }

  private static void end(Job job, boolean cancelled, @Nullable Throwable failure) {
    try {
      job.end(cancelled, failure);
    } catch (Throwable e) { // an assertion in somebody's callback must not stop the engine
      log.warn("a listener failed at the end of its generation", e);
    }
  }

  private void shutDown() {
    synchronized (this) {
      closed = true;
      running.addAll(waiting);
      waiting.clear();
    }
    running.forEach(job -> end(job, false, closedException()));
    running.clear();
    runCommands();
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
