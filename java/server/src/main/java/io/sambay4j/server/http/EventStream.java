package io.sambay4j.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.util.IteratingCallback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An answer of server-sent events. Tasks that write events are posted from any thread, which never
 * waits; they run one at a time and in order on the server's threads, and what they wrote is sent
 * together. A stream that has sent something within the {@link HttpOptions#eventInterval} gathers
 * what comes until its end, see {@link Pulse}. A client that reads too slowly, so that tasks pile
 * up or a write does not end in time, loses its connection; {@link Exchange#onLeave} is how its
 * work learns of it.
 */
public final class EventStream extends IteratingCallback implements Runnable {
  private static final Logger log = LoggerFactory.getLogger(EventStream.class);

  /** Tasks that may wait: far more tokens than a reader that keeps up leaves behind. */
  static final int MAX_WAITING = 8192;

  private static final int WRITE_BYTES = 1 << 16;

  /** Tasks that run before something is sent: a bound for what they gather. */
  private static final int WRITE_TASKS = 256;

  private static final byte[] DATA = "data: ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] END = "\n\n".getBytes(StandardCharsets.US_ASCII);

  private final Exchange exchange;
  private final Pulse pulse;
  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final AtomicInteger waiting = new AtomicInteger();
  private final AtomicBoolean scheduled = new AtomicBoolean();
  private final ByteArrayOutputStream buffer = new ByteArrayOutputStream(); // of the running task
  private Runnable gathered = () -> {};
  private boolean last;
  private boolean lastWritten;
  private volatile boolean inHurry; // before it was opened
  private volatile boolean opened;
  private volatile boolean closed;
  private volatile long writeBegan; // 0: nothing is being written
  private volatile long lastWrite = System.nanoTime();

  EventStream(Exchange exchange) {
    this.exchange = exchange;
    this.pulse = exchange.pulse();
  }

  /**
   * Sets what writes the events of what tasks have only gathered. It runs as a task does, before
   * anything is sent; where streams do not gather, after each task. To be set before the first; a
   * task that ends the stream runs it itself.
   */
  public void gatherWith(Runnable writer) {
    gathered = writer;
  }

  /**
   * Begins the answer, with the first task in a hurry or the next beat; until then tasks only wait.
   *
   * @return false if the exchange has been answered otherwise
   */
  public boolean open() {
    if (!exchange.beginEvents()) {
      closed = true;
      return false;
    }
    opened = true;
    exchange.ticker().add(this);
    schedule(inHurry);
    return true;
  }

  /**
   * Runs a task that writes events, after those posted before: at once, or with the next beat if
   * the stream has just sent something. Dropped once the stream is closed.
   */
  public void post(Runnable task) {
    if (add(task) && scheduled.compareAndSet(false, true)) {
      schedule(System.nanoTime() - lastWrite >= pulse.interval());
    }
  }

  /** As {@link #post}, without waiting for a beat; tasks posted before do not either. */
  public void postHurried(Runnable task) {
    inHurry = true;
    if (add(task)) {
      scheduled.set(true);
      schedule(true);
    }
  }

  /** Whether the task is to be scheduled. */
  private boolean add(Runnable task) {
    if (closed) {
      return false;
    }
    if (waiting.incrementAndGet() > MAX_WAITING) {
      tooSlow("%d events wait for it".formatted(MAX_WAITING));
      return false;
    }
    tasks.add(task);
    return opened;
  }

  private void schedule(boolean hurried) {
    if (hurried || pulse.interval() == 0) {
      pulse.hurry(this);
    } else {
      pulse.gather(this);
    }
  }

  /** Sends what has been posted, unless a write is under way, which does so at its end. */
  void send() {
    scheduled.set(false);
    iterate();
  }

  /** Writes an event without a name. Only in a posted task, as everything below. */
  public void event(JsonNode data) {
    buffer.writeBytes(DATA);
    buffer.writeBytes(Json.bytes(data));
    buffer.writeBytes(END);
  }

  /** Writes an event with a name. */
  public void event(String name, JsonNode data) {
    buffer.writeBytes(("event: " + name + "\n").getBytes(StandardCharsets.US_ASCII));
    event(data);
  }

  /** Writes a word in place of JSON, such as {@code [DONE]}. */
  public void word(String word) {
    buffer.writeBytes(("data: " + word + "\n\n").getBytes(StandardCharsets.US_ASCII));
  }

  /** Ends the stream after what has been written. */
  public void end() {
    last = true;
  }

  /** Ends the stream with an error; may be called from any thread. */
  public void fail(ApiException failure) {
    postHurried(
        () -> {
          gathered.run();
          event(Json.error(failure));
          word("[DONE]");
          end();
        });
  }

  @Override
  protected Action process() {
    writeBegan = 0;
    if (lastWritten) {
      return Action.SUCCEEDED;
    }
    if (!opened) {
      return Action.IDLE;
    }
    do {
      runTasks();
    } while (buffer.size() == 0 && !last && !tasks.isEmpty());
    if (buffer.size() == 0 && !last) {
      return Action.IDLE;
    }
    ByteBuffer bytes = ByteBuffer.wrap(buffer.toByteArray());
    buffer.reset();
    if (last) {
      lastWritten = true;
      closed = true;
      exchange.stopWatching();
    }
    long now = System.nanoTime();
    lastWrite = now;
    writeBegan = now == 0 ? 1 : now;
    exchange.response().write(last, bytes, this);
    return Action.SCHEDULED;
  }

  private void runTasks() {
    Runnable task;
    for (int ran = 0;
        !last && ran < WRITE_TASKS && buffer.size() < WRITE_BYTES && (task = tasks.poll()) != null;
        ran++) {
      waiting.decrementAndGet();
      run(task);
      if (pulse.interval() == 0 && !last) {
        run(gathered);
      }
    }
    if (!last) {
      run(gathered);
    }
  }

  private void run(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      log.error("{} {}: an event could not be written", exchange.id(), exchange.endpoint(), e);
      throw e;
    }
  }

  /** Looks at the clock: pings a silent stream, gives up one that is not read. */
  @Override
  public void run() {
    long now = System.nanoTime();
    long began = writeBegan;
    if (began != 0 && now - began > exchange.ticker().writeTimeout().toNanos()) {
      tooSlow("it read nothing for %d s".formatted(exchange.ticker().writeTimeout().toSeconds()));
    } else if (began == 0 && now - lastWrite > exchange.ticker().pingInterval().toNanos()) {
      lastWrite = now;
      post(() -> buffer.writeBytes(": ping\n\n".getBytes(StandardCharsets.US_ASCII)));
    }
  }

  private void tooSlow(String why) {
    if (!closed) {
      closed = true;
      log.warn(
          "{} {}: the client reads too slowly ({}); its generation is cancelled and the connection closed",
          exchange.id(),
          exchange.endpoint(),
          why);
      EofException cause = new EofException("too slow a reader");
      exchange.fail(cause);
      abort(cause);
    }
  }

  @Override
  protected void onCompleteSuccess() {
    exchange.ticker().remove(this);
    exchange.complete();
  }

  @Override
  protected void onFailure(Throwable cause) {
    closed = true;
    exchange.ticker().remove(this);
    tasks.clear();
    exchange.fail(cause);
  }
}
