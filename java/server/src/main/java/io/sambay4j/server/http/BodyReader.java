package io.sambay4j.server.http;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;

/** Reads a request's body without holding a thread, within limits of size and time. */
final class BodyReader implements Runnable {
  private static final int FIRST_BYTES = 1 << 12;

  private final Request request;
  private final Limits limits;
  private final Ticker ticker;
  private final boolean keep;
  private final Consumer<byte[]> done;
  private final Consumer<Throwable> failed;
  private final Runnable deadline;
  private final AtomicBoolean ended = new AtomicBoolean();
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(FIRST_BYTES);
  private long length;
  private long held; // counted in the limits

  /**
   * What bodies may take.
   *
   * @param maxBytes of one
   * @param maxHeldBytes of all that are being read
   * @param maxNanos from the headers to the end of one
   * @param heldBytes of all that are being read now
   */
  record Limits(int maxBytes, long maxHeldBytes, long maxNanos, AtomicLong heldBytes) {}

  private BodyReader(
      Request request,
      Limits limits,
      Ticker ticker,
      boolean keep,
      Consumer<byte[]> done,
      Consumer<Throwable> failed) {
    this.request = request;
    this.limits = limits;
    this.ticker = ticker;
    this.keep = keep;
    this.done = done;
    this.failed = failed;
    long began = System.nanoTime();
    this.deadline =
        () -> {
          if (System.nanoTime() - began > limits.maxNanos()) {
            fail(tooLate());
          }
        };
  }

  /**
   * Reads a body.
   *
   * @param done given the body, on a thread of the server
   * @param failed given what was wrong; the rest of the body has not been read then
   */
  static void read(
      Request request,
      Limits limits,
      Ticker ticker,
      Consumer<byte[]> done,
      Consumer<Throwable> failed) {
    start(request, limits, ticker, true, done, failed);
  }

  /**
   * Reads a body that nobody wants: an answer given before its end would close the connection, and
   * the client might never see it.
   */
  static void discard(
      Request request, Limits limits, Ticker ticker, Runnable done, Consumer<Throwable> failed) {
    start(request, limits, ticker, false, body -> done.run(), failed);
  }

  private static void start(
      Request request,
      Limits limits,
      Ticker ticker,
      boolean keep,
      Consumer<byte[]> done,
      Consumer<Throwable> failed) {
    if (request.getLength() > limits.maxBytes()) {
      failed.accept(tooLarge(limits));
      return;
    }
    BodyReader reader = new BodyReader(request, limits, ticker, keep, done, failed);
    ticker.add(reader.deadline);
    reader.run();
  }

  @Override
  public void run() {
    while (!ended.get()) {
      Content.Chunk chunk = request.read();
      if (chunk == null) {
        request.demand(this);
        return;
      }
      if (Content.Chunk.isFailure(chunk)) {
        fail(chunk.getFailure() instanceof TimeoutException ? tooLate() : chunk.getFailure());
        return;
      }
      append(chunk);
      if (chunk.isLast() && end()) {
        done.accept(bytes.toByteArray());
      }
    }
  }

  private void append(Content.Chunk chunk) {
    ByteBuffer content = chunk.getByteBuffer();
    int size = content.remaining();
    length += size;
    if (length > limits.maxBytes()) {
      fail(tooLarge(limits));
    } else if (keep && limits.heldBytes().addAndGet(size) > limits.maxHeldBytes()) {
      limits.heldBytes().addAndGet(-size);
      fail(
          ApiException.tooMany(
              "too_many_bytes", "too many large requests are being read; try again later", 1));
    } else if (keep) {
      held += size;
      byte[] copy = new byte[size];
      content.get(copy);
      bytes.writeBytes(copy);
    }
    chunk.release();
  }

  /** Whether this is the first end. */
  private boolean end() {
    if (!ended.compareAndSet(false, true)) {
      return false;
    }
    ticker.remove(deadline);
    limits.heldBytes().addAndGet(-held);
    return true;
  }

  private void fail(Throwable failure) {
    if (end()) {
      failed.accept(failure);
    }
  }

  private static ApiException tooLarge(Limits limits) {
    return ApiException.of(
        413,
        "request_too_large",
        "the body must have at most %d bytes".formatted(limits.maxBytes()));
  }

  private static ApiException tooLate() {
    return ApiException.of(408, "request_timeout", "the body did not come in time");
  }
}
