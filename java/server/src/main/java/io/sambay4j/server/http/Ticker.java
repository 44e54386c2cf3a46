package io.sambay4j.server.http;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.thread.Scheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs what has to look at the clock now and then: pings, write timeouts, deadlines of headers. One
 * timer for all, because thousands of connections need no precision.
 */
public final class Ticker {
  private static final Logger log = LoggerFactory.getLogger(Ticker.class);
  private static final long PERIOD_MILLIS = 100;

  private final Set<Runnable> tasks = ConcurrentHashMap.newKeySet();
  private final Scheduler scheduler;
  private final Duration writeTimeout;
  private final Duration pingInterval;
  private volatile boolean stopped;

  /**
   * @param writeTimeout how long a client may take to read what was written
   * @param pingInterval how long an event stream may be silent
   */
  public Ticker(Scheduler scheduler, Duration writeTimeout, Duration pingInterval) {
    this.scheduler = scheduler;
    this.writeTimeout = writeTimeout;
    this.pingInterval = pingInterval;
  }

  /** Begins to tick. */
  public void start() {
    scheduler.schedule(this::tick, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Ends ticking. */
  public void stop() {
    stopped = true;
  }

  /** Runs a task about ten times a second until it is removed. It must be quick. */
  public void add(Runnable task) {
    tasks.add(task);
  }

  /** Runs a task no more. */
  public void remove(Runnable task) {
    tasks.remove(task);
  }

  Duration writeTimeout() {
    return writeTimeout;
  }

  Duration pingInterval() {
    return pingInterval;
  }

  /**
   * Runs an action once if a write that began then has not ended in time; returns what to remove.
   */
  Runnable deadline(long began, Runnable action) {
    Runnable task =
        new Runnable() {
          @Override
          public void run() {
            if (System.nanoTime() - began > writeTimeout.toNanos()) {
              remove(this);
              action.run();
            }
          }
        };
    add(task);
    return task;
  }

  private void tick() {
    tasks.forEach(this::run);
    if (!stopped) {
      scheduler.schedule(this::tick, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  private void run(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      log.error("a timed task failed and is not run again", e);
      remove(task);
    }
  }
}
