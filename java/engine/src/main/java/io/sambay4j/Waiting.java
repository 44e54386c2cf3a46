package io.sambay4j;

import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** Waiting for what the engine's thread does. */
final class Waiting {
  private Waiting() {}

  /**
   * Waits for the end of work that nobody else waits for: an interrupt cancels it.
   *
   * @throws CancellationException if the thread was interrupted, once the work has ended; the
   *     thread stays interrupted
   */
  static <T> T orCancel(CompletableFuture<T> work, Runnable cancel) {
    try {
      return uninterrupted(work);
    } catch (InterruptedException e) {
      cancel.run();
      awaitEnd(work);
      Thread.currentThread().interrupt();
      throw (CancellationException)
          new CancellationException("interrupted while waiting; the work was cancelled")
              .initCause(e);
    }
  }

  /** The value, or the failure as it was thrown. */
  static <T> T uninterrupted(CompletableFuture<T> work) throws InterruptedException {
    try {
      return work.get();
    } catch (ExecutionException e) {
      throw unwrapped(Objects.requireNonNull(e.getCause()));
    }
  }

  private static void awaitEnd(CompletableFuture<?> work) {
    while (true) {
      try {
        work.get();
        return;
      } catch (InterruptedException e) {
        // a cancelled job ends with its step
      } catch (ExecutionException e) {
        return; // nobody asked for the value any more
      }
    }
  }

  private static RuntimeException unwrapped(Throwable cause) {
    if (cause instanceof Error error) {
      throw error;
    }
    return cause instanceof RuntimeException runtime ? runtime : new IllegalStateException(cause);
  }
}
