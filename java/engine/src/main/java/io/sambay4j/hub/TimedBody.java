package io.sambay4j.hub;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A response's body, pulled piece by piece with a limit on the wait for each: the client's own time
 * limit ends with the headers, and a server that falls silent afterwards would be waited for
 * without end.
 */
final class TimedBody implements HttpResponse.BodySubscriber<TimedBody>, AutoCloseable {
  /** What came: bytes, the end, or a failure. At most one piece is asked for ahead. */
  private record Event(@Nullable List<ByteBuffer> bytes, @Nullable Throwable failure) {}

  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final Duration timeout;
  private volatile Flow.@Nullable Subscription subscription;
  private boolean ended;

  TimedBody(Duration timeout) {
    this.timeout = timeout;
  }

  @Override
  public CompletionStage<TimedBody> getBody() {
    return CompletableFuture.completedFuture(this);
  }

  @Override
  public void onSubscribe(Flow.Subscription started) {
    subscription = started;
    started.request(1);
  }

  @Override
  public void onNext(List<ByteBuffer> bytes) {
    events.add(new Event(bytes, null));
  }

  @Override
  public void onError(Throwable failure) {
    events.add(new Event(null, failure));
  }

  @Override
  public void onComplete() {
    events.add(new Event(null, null));
  }

  /**
   * The next bytes; null at the end.
   *
   * @throws HttpTimeoutException if none come in time
   * @throws IOException if the connection broke
   */
  @Nullable List<ByteBuffer> next() throws IOException, InterruptedException {
    if (ended) {
      return null;
    }
    Event event = events.poll(timeout.toMillis(), TimeUnit.MILLISECONDS);
    if (event == null) {
      close();
      throw new HttpTimeoutException("no byte came for %d s".formatted(timeout.toSeconds()));
    }
    if (event.bytes != null) {
      Flow.Subscription source = subscription;
      if (source != null) {
        source.request(1);
      }
      return event.bytes;
    }
    ended = true;
    if (event.failure != null) {
      throw new IOException(
          event.failure.getMessage() == null ? "the connection broke" : event.failure.getMessage(),
          event.failure);
    }
    return null;
  }

  /** Gives the connection up unless the body has been read to its end. */
  @Override
  public void close() {
    ended = true;
    Flow.Subscription source = subscription;
    if (source != null) {
      source.cancel();
    }
  }
}
