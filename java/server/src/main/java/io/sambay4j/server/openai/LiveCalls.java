package io.sambay4j.server.openai;

import io.sambay4j.server.http.ApiException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The generations under way, and whether new ones are taken. */
public final class LiveCalls {
  private static final Logger log = LoggerFactory.getLogger(LiveCalls.class);
  private static final long POLL_MILLIS = 20;

  private final Set<Call> calls = ConcurrentHashMap.newKeySet();
  private final AtomicLong started = new AtomicLong();
  private final AtomicLong left = new AtomicLong();
  private volatile boolean draining;

  /**
   * Counts a call in.
   *
   * @throws ApiException (503) if the server is about to stop
   */
  void add(Call call) {
    calls.add(call);
    started.incrementAndGet();
    if (draining) {
      calls.remove(call);
      throw ApiException.unavailable(
          "draining", "the server is about to stop and takes no new requests");
    }
  }

  void remove(Call call) {
    calls.remove(call);
  }

  void countLeft() {
    left.incrementAndGet();
  }

  /** Calls that have not ended. */
  public int running() {
    return calls.size();
  }

  /** Calls that have been started. */
  public long started() {
    return started.get();
  }

  /** Calls whose client left before the end. */
  public long left() {
    return left.get();
  }

  /** Whether the server is about to stop. */
  public boolean draining() {
    return draining;
  }

  /**
   * Takes no new calls, waits for those that run, and cancels what has not ended in time.
   *
   * @throws InterruptedException if the wait was interrupted; then everything is cancelled too
   */
  public void drain(Duration patience) throws InterruptedException {
    draining = true;
    long deadline = System.nanoTime() + patience.toNanos();
    try {
      waitUntil(deadline);
    } finally {
      if (!calls.isEmpty()) {
        log.warn(
            "{} requests have not ended within {} s and are cancelled",
            calls.size(),
            patience.toSeconds());
        calls.forEach(Call::stop);
      }
    }
    waitUntil(System.nanoTime() + Duration.ofSeconds(5).toNanos());
  }

  private void waitUntil(long deadline) throws InterruptedException {
    while (!calls.isEmpty() && System.nanoTime() < deadline) {
      Thread.sleep(POLL_MILLIS);
    }
  }
}
