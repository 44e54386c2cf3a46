package io.sambay4j.server.http;

import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says when event streams are sent: at once, or with the next beat together with all others that
 * wait for it. One thread wakes for all of them, because a small model makes thousands of tokens a
 * second, and to wake a thread for each costs more than the token. Between two streams that waited
 * for a beat lies at least its interval; without any, the thread sleeps.
 */
final class Pulse implements Runnable, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Pulse.class);

  /** Streams after which another thread helps with those left. */
  private static final int MANY = 32;

  private final long interval; // nanoseconds
  private final Executor helpers;
  private final Queue<EventStream> hurried = new ConcurrentLinkedQueue<>();
  private final Queue<EventStream> gathering = new ConcurrentLinkedQueue<>();
  private final Thread thread = new Thread(this, "http-pulse");
  private volatile boolean resting; // no beat is coming
  private volatile boolean stopped;

  /**
   * @param interval from beat to beat; zero: no stream ever waits
   * @param helpers where streams go when there are many
   */
  Pulse(Duration interval, Executor helpers) {
    this.interval = interval.toNanos();
    this.helpers = helpers;
    thread.setDaemon(true);
  }

  /** Begins to beat. */
  void start() {
    thread.start();
  }

  /** Nanoseconds from beat to beat; 0: no stream waits, and none gathers. */
  long interval() {
    return interval;
  }

  /** Sends a stream at once. Never waits, as little as {@link #gather}. */
  void hurry(EventStream stream) {
    hurried.add(stream);
    LockSupport.unpark(thread);
  }

  /** Sends a stream with the next beat. */
  void gather(EventStream stream) {
    gathering.add(stream);
    if (resting) {
      LockSupport.unpark(thread);
    }
  }

  @Override
  public void run() {
    long beat = 0;
    boolean beating = false;
    while (!stopped) {
      send(hurried);
      if (beating && System.nanoTime() - beat >= 0) {
        beating = send(gathering);
        beat = System.nanoTime() + interval;
      }
      resting = !beating;
      if (resting && !gathering.isEmpty()) { // the first after a rest
        resting = false;
        beating = true;
        beat = System.nanoTime() + interval;
      }
      if (!hurried.isEmpty() || stopped) {
        continue;
      }
      if (beating) {
        LockSupport.parkNanos(this, beat - System.nanoTime());
      } else {
        LockSupport.park(this);
      }
    }
  }

  /** Sends all that are there; false if there were none. */
  private boolean send(Queue<EventStream> streams) {
    int sent = 0;
    EventStream stream;
    while ((stream = streams.poll()) != null) {
      try {
        stream.send();
      } catch (RuntimeException e) {
        log.error("an event stream could not be sent", e);
      }
      if (++sent % MANY == 0 && !streams.isEmpty()) {
        help(streams);
      }
    }
    return sent > 0;
  }

  private void help(Queue<EventStream> streams) {
    try {
      helpers.execute(() -> send(streams));
    } catch (RejectedExecutionException e) { // the server stops; this thread does it alone
      log.debug("no help to send event streams", e);
    }
  }

  /** Ends the thread; streams are sent no more. */
  @Override
  public void close() {
    stopped = true;
    LockSupport.unpark(thread);
  }
}
