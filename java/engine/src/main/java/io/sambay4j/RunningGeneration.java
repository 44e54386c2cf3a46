package io.sambay4j;

import io.sambay4j.runtime.Job;
import io.sambay4j.runtime.Scheduler;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;

/** A generation under way. Every method may be called from any thread. */
public final class RunningGeneration {
  private final CompletableFuture<Generation> future;
  private final Job job;
  private final Scheduler scheduler;

  RunningGeneration(CompletableFuture<Generation> future, Job job, Scheduler scheduler) {
    this.future = future;
    this.job = job;
    this.scheduler = scheduler;
  }

  /**
   * Ends the generation before its next step, also in the middle of a prompt; what has been
   * generated is kept. Cancelling twice, or after the end, changes nothing.
   */
  public void cancel() {
    job.cancel();
  }

  /** Whether it has ended: by itself, by a cancel, or with a failure. */
  public boolean isDone() {
    return future.isDone();
  }

  /**
   * Waits for the end. A failure is thrown as it happened on the engine's thread: an exception of a
   * listener or a hook as it was thrown there.
   *
   * @throws CancellationException (an {@link IllegalStateException}) if the waiting thread was
   *     interrupted; the generation goes on
   * @throws IllegalStateException if the model was closed meanwhile, no memory was left for the
   *     sequence, or this is called in a callback before the end
   */
  public Generation result() {
    checkMayWait();
    try {
      return Waiting.uninterrupted(future);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (CancellationException)
          new CancellationException("interrupted while waiting for a generation, which goes on")
              .initCause(e);
    }
  }

  /**
   * As {@link #result}, for a caller who alone knows of the generation: an interrupt cancels it.
   */
  Generation resultOrCancel() {
    checkMayWait();
    return Waiting.orCancel(future, job::cancel);
  }

  private void checkMayWait() {
    if (!future.isDone()) {
      scheduler.checkMayWait();
    }
  }

  /**
   * Completes with the generation or its failure. Cancelling this future does not cancel the
   * generation. What is chained to it runs on the engine's thread unless it is chained {@code
   * Async}.
   */
  public CompletableFuture<Generation> future() {
    return future.copy();
  }
}
