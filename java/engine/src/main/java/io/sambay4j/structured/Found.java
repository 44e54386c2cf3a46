package io.sambay4j.structured;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Something that is known, or that another thread is finding. Who needs it before anybody has begun
 * finds it himself, so nobody ever waits for a busy thread.
 *
 * @param <T> what is found
 */
final class Found<T> {
  private static final ThreadPoolExecutor THREADS = threads();

  private final FutureTask<T> task;

  private Found(FutureTask<T> task) {
    this.task = task;
  }

  /** What is known already. */
  static <T> Found<T> known(T value) {
    FutureTask<T> task = new FutureTask<>(() -> value);
    task.run();
    return new Found<>(task);
  }

  /** Begins to look for something. */
  static <T> Found<T> begin(Callable<T> search) {
    FutureTask<T> task = new FutureTask<>(search);
    THREADS.execute(task);
    return new Found<>(task);
  }

  /** What was found; an exception of the search is thrown here. */
  T get() {
    task.run(); // nothing, if it has begun
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return task.get();
        } catch (InterruptedException e) {
          interrupted = true; // a search is short; the caller sees its interrupt afterwards
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

  /** Few, beside those that run the model; they end when there has been nothing to do. */
  private static ThreadPoolExecutor threads() {
    int count = Math.max(1, Math.min(4, Runtime.getRuntime().availableProcessors() / 2));
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            count,
            count,
            5,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, "sambay-masks");
              thread.setDaemon(true);
              return thread;
            });
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }
}
