package io.sambay4j;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** A generation under way. Every method may be called from any thread. */
public final class RunningGeneration {
  private final CompletableFuture<Generation> future;
  private final Runnable cancel;

  RunningGeneration(CompletableFuture<Generation> future, Runnable cancel) {
    this.future = future;
    this.cancel = cancel;
  }

  /**
   * Ends the generation before its next step, also in the middle of a prompt; what has been
   * generated is kept. Cancelling twice, or after the end, changes nothing.
   */
  public void cancel() {
    cancel.run();
  }

  public boolean isDone() {
    return future.isDone();
  }

  /**
   * Waits for the end.
   *
   * @throws IllegalStateException if the model was closed meanwhile
   */
  public Generation result() {
    try {
      return future.join();
    } catch (CompletionException | CancellationException e) {
      throw unwrapped(e);
    }
  }

  /**
   * Completes with the generation or its failure. Cancelling this future does not cancel the
   * generation.
   */
  public CompletableFuture<Generation> future() {
    return future.copy();
  }

  static RuntimeException unwrapped(RuntimeException e) {
    Throwable cause = e.getCause();
    if (cause instanceof Error error) {
      throw error;
    }
    if (cause instanceof RuntimeException runtime) {
      runtime.addSuppressed(new IllegalStateException("seen by the caller here"));
      return runtime;
    }
    return e;
  }
}
