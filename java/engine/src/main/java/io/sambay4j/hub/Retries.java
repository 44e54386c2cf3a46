package io.sambay4j.hub;

import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Counts failures in a row and waits ever longer between them. */
final class Retries {
  /** How often something is tried before it is given up. */
  static final int ATTEMPTS = 6;

  private static final int SLOWEST = 6; // doublings
  private static final Duration LONGEST_ASKED = Duration.ofMinutes(5);

  private final String what;
  private final Duration first;
  private final PullListener listener;
  private int failures;

  /** A failure that may be gone soon, with the wait that the server asked for. */
  static final class Busy extends IOException {
    private static final long serialVersionUID = 1L;
    final @Nullable Duration retryAfter;

    Busy(String message, @Nullable Duration retryAfter) {
      super(message);
      this.retryAfter = retryAfter;
    }
  }

  /**
   * Begins to count.
   *
   * @param what is tried, for messages
   * @param first wait; each further one is twice as long
   */
  Retries(String what, Duration first, PullListener listener) {
    this.what = what;
    this.first = first;
    this.listener = listener;
  }

  /** There was progress: earlier failures no longer count. */
  void succeeded() {
    failures = 0;
  }

  /**
   * Waits before the next attempt.
   *
   * @throws HubException if there have been enough, or the server asks for too long a wait
   */
  void failed(IOException failure) throws InterruptedException {
    failures++;
    Duration asked = failure instanceof Busy busy ? busy.retryAfter : null;
    if (failures >= ATTEMPTS || (asked != null && asked.compareTo(LONGEST_ASKED) > 0)) {
      throw new HubException(
          "%s: %s%s; run the same command again later, what has arrived is kept"
              .formatted(
                  what,
                  sentence(failure),
                  asked != null && failures < ATTEMPTS
                      ? " and asks to wait %d s".formatted(asked.toSeconds())
                      : ", %d times in a row".formatted(failures)),
          failure);
    }
    long millis = first.toMillis() << Math.min(failures - 1, SLOWEST);
    millis = millis / 2 + ThreadLocalRandom.current().nextLong(millis / 2 + 1); // not all at once
    if (asked != null) {
      millis = Math.max(millis, asked.toMillis());
    }
    listener.note(
        "%s: %s; trying again in %.1f s".formatted(what, sentence(failure), millis / 1000.0));
    TimeUnit.MILLISECONDS.sleep(millis);
  }

  static String sentence(IOException failure) {
    if (failure instanceof HttpTimeoutException) {
      String message = failure.getMessage();
      return message != null && message.startsWith("no byte") ? message : "no answer in time";
    }
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof UnknownHostException || cause.toString().contains("Unresolved")) {
      return "the hub's name is not known (is there a network?)";
    }
    if (failure instanceof ConnectException) {
      return "the hub cannot be reached";
    }
    return failure.getMessage() == null ? "the connection broke" : failure.getMessage();
  }
}
