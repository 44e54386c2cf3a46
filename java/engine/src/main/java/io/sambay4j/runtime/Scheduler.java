package io.sambay4j.runtime;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.SambayModel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
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
  private final Deque<Job> waiting = new ArrayDeque<>(); // guarded by this
  private final Deque<Runnable> commands = new ArrayDeque<>(); // guarded by this
  private boolean closed; // guarded by this
  private final List<Job> running = new ArrayList<>(); // of the thread alone

  /** Takes the model over: {@link #close} closes it. */
  public Scheduler(SambayModel model) {
    this.model = model;
    this.thread = new Thread(this::loop, "sambay-engine");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Queues a job.
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
   * @throws IllegalStateException after close, also if the model is closed before its turn comes
   */
  public <T> T call(Supplier<T> command) {
    if (Thread.currentThread() == thread) {
      throw new IllegalStateException(
          "the model cannot be called from within a callback of its own generation; hand the work to another thread");
    }
    CompletableFuture<T> result = new CompletableFuture<>();
    synchronized (this) {
      checkOpen();
      commands.add(
          () -> {
            try {
              if (isClosed()) {
                throw closedException();
              }
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
   * As {@link #call}; does nothing once the model is closed, which has freed everything already.
   */
  public void callUnlessClosed(Runnable command) {
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

  private synchronized boolean isClosed() {
    return closed;
  }

  private synchronized void checkOpen() {
    if (closed) {
      throw closedException();
    }
  }

  private static IllegalStateException closedException() {
    return new IllegalStateException("the model is closed");
  }

  private void loop() {
    while (await()) {
      runCommands();
      dropCancelled();
      if (!running.isEmpty()) {
        step();
      }
    }
    IllegalStateException reason = closedException();
    running.forEach(job -> end(job, false, reason));
    running.clear();
    for (Job job = nextWaiting(); job != null; job = nextWaiting()) {
      end(job, false, reason);
    }
    runCommands();
    model.close();
  }

  /** Waits for work and admits what has a place; false once closed. */
  private synchronized boolean await() {
    while (!closed && running.isEmpty() && waiting.isEmpty() && commands.isEmpty()) {
      try {
        wait();
      } catch (InterruptedException e) {
        closed = true; // nobody but the JVM's end interrupts this thread
      }
    }
    if (closed) {
      return false;
    }
    while (!waiting.isEmpty()) {
      Job job = waiting.peek();
      if (!job.isCancelled() && !admit(job)) {
        break;
      }
      running.add(waiting.remove());
    }
    return true;
  }

  private boolean admit(Job job) {
    if (!job.needsSequence()) {
      return true;
    }
    if (model.states().freeSlots() == 0) {
      return false;
    }
    job.start(model.states().acquire());
    return true;
  }

  private synchronized @Nullable Job nextWaiting() {
    return waiting.poll();
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
      command.run();
    }
  }

  private void dropCancelled() {
    running.removeIf(
        job -> {
          if (job.isCancelled()) {
            end(job, true, null);
          }
          return job.isCancelled();
        });
  }

  private void step() {
    List<Job> jobs = new ArrayList<>();
    List<Chunk> chunks = new ArrayList<>();
    int room = model.maxStepTokens();
    for (boolean decoding :
        new boolean[] {true, false}) { // next tokens first, prompts fill the rest
      for (Job job : running) {
        if ((job.remaining() == 1) == decoding && room > 0) {
          int tokens = Math.min(room, job.remaining());
          jobs.add(job);
          chunks.add(job.chunk(tokens));
          room -= tokens;
        }
      }
    }
    @Nullable Throwable[] failures = new Throwable[jobs.size()];
    try {
      model.forward(
          chunks,
          (chunk, token, logits) -> {
            try {
              jobs.get(chunk).takeLogits(token, logits);
            } catch (Throwable failure) { // a job's own trouble must not stop its neighbours
              failures[chunk] = failure;
            }
          });
    } catch (Throwable failure) { // nobody's tokens were fed
      log.debug("a step failed", failure);
      jobs.forEach(job -> finish(job, failure));
      return;
    }
    for (int i = 0; i < jobs.size(); i++) {
      Job job = jobs.get(i);
      try {
        if (failures[i] != null) {
          finish(job, failures[i]);
        } else if (!job.advance(chunks.get(i).ids())) {
          finish(job, null);
        }
      } catch (Throwable failure) { // from the job's listener
        finish(job, failure);
      }
    }
  }

  private void finish(Job job, @Nullable Throwable failure) {
    running.remove(job);
    end(job, false, failure);
  }

  private static void end(Job job, boolean cancelled, @Nullable Throwable failure) {
    try {
      job.end(cancelled, failure);
    } catch (RuntimeException e) {
      log.warn("a listener failed at the end of its generation", e);
    }
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
    if (Thread.currentThread() == thread) {
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
