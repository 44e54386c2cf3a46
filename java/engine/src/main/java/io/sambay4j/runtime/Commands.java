package io.sambay4j.runtime;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is to be done between two steps, in the order it came. Any thread may use it. */
final class Commands {
  private static final Logger log = LoggerFactory.getLogger(Commands.class);

  private final Deque<Runnable> commands = new ArrayDeque<>(); // guarded by this

  synchronized void add(Runnable command) {
    commands.add(command);
  }

  synchronized boolean isEmpty() {
    return commands.isEmpty();
  }

  private synchronized @Nullable Runnable next() {
    return commands.poll();
  }

  /** Does all there is to do. */
  void runAll() {
    for (Runnable command = next(); command != null; command = next()) {
      try {
        command.run();
      } catch (RuntimeException e) { // of a release nobody waits for
        log.warn("giving something back failed", e);
      }
    }
  }

  /** Waits for a command's result, and throws what it threw. */
  static <T> T join(CompletableFuture<T> result) {
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
}
