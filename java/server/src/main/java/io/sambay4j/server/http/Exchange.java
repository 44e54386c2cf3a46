package io.sambay4j.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One request and its answer. The answer is given once, from any thread, at once or much later:
 * {@link #json}, {@link #bytes}, {@link #error} or {@link #events}; whatever comes after the first
 * is dropped.
 */
public final class Exchange {
  private static final Logger log = LoggerFactory.getLogger(Exchange.class);

  private final Request request;
  private final Response response;
  private final Callback callback;
  private final String id;
  private final String endpoint;
  private final Ticker ticker;
  private final Pulse pulse;
  private final AtomicBoolean answered = new AtomicBoolean();
  private final AtomicBoolean completed = new AtomicBoolean();
  private volatile boolean failed;
  private final long began = System.nanoTime();
  private String tail = "";
  private @Nullable ObjectNode body;
  private final AtomicReference<@Nullable Runnable> leave = new AtomicReference<>();
  private final ClientWatch watch;

  Exchange(
      Request request,
      Response response,
      Callback callback,
      String id,
      String endpoint,
      Ticker ticker,
      Pulse pulse) {
    this.request = request;
    this.response = response;
    this.callback = callback;
    this.id = id;
    this.endpoint = endpoint;
    this.ticker = ticker;
    this.pulse = pulse;
    this.watch =
        new ClientWatch(
            request.getConnectionMetaData().getConnection().getEndPoint(),
            () -> fail(new EofException("the client has left")));
  }

  /** What logs and the header {@code x-request-id} call this request. */
  public String id() {
    return id;
  }

  /** Method and path as routed, such as {@code POST /v1/chat/completions}. */
  public String endpoint() {
    return endpoint;
  }

  /** {@link System#nanoTime} when the request's headers had come. */
  public long began() {
    return began;
  }

  /** What follows the route's path, such as a model's name; empty if nothing does. */
  public String tail() {
    return tail;
  }

  /** The fields of the body. */
  public Fields fields() {
    ObjectNode object = body;
    if (object == null) {
      throw new IllegalStateException(endpoint + " takes no body");
    }
    return new Fields(object);
  }

  /** A header of the request, or null. */
  public @Nullable String header(String name) {
    return request.getHeaders().get(name);
  }

  void tail(String value) {
    tail = value;
  }

  void body(ObjectNode value) {
    body = value;
  }

  Request request() {
    return request;
  }

  Response response() {
    return response;
  }

  Ticker ticker() {
    return ticker;
  }

  Pulse pulse() {
    return pulse;
  }

  private Executor executor() {
    return request.getComponents().getExecutor();
  }

  /** Whether an answer has been begun. */
  public boolean answered() {
    return answered.get();
  }

  /**
   * Runs an action, once, if the client closes the connection before the answer has ended. An end
   * of the client's sending counts as leaving. Called at most once, after the body was read.
   */
  public void onLeave(Runnable action) {
    leave.set(action);
    watch.start(); // does nothing if the answer has already ended
    if (failed) { // before there was an action
      runLeave();
    }
  }

  private void runLeave() {
    Runnable action = leave.getAndSet(null);
    if (action != null) {
      action.run();
    }
  }

  /** Runs something that takes time, or writes the answer, on a thread of the server. */
  public void run(Runnable task) {
    executor()
        .execute(
            () -> {
              try {
                task.run();
              } catch (RuntimeException failure) {
                error(failure);
              }
            });
  }

  /** Answers with JSON. */
  public void json(int status, JsonNode answer) {
    bytes(status, "application/json", Json.buffer(answer));
  }

  /** Answers with a status alone. */
  void empty(int status) {
    if (answered.compareAndSet(false, true)) {
      response.setStatus(status);
      response.write(true, ByteBuffer.allocate(0), Callback.from(this::complete, this::fail));
    }
  }

  /** Sets a header of the answer, before it is given. */
  public void responseHeader(String name, String value) {
    response.getHeaders().put(name, value);
  }

  /** Answers with bytes. */
  public void bytes(int status, String contentType, ByteBuffer content) {
    if (!answered.compareAndSet(false, true)) {
      return;
    }
    response.setStatus(status);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, contentType);
    response.getHeaders().put(HttpHeader.CONTENT_LENGTH, content.remaining());
    stopWatching();
    long started = System.nanoTime();
    Runnable deadline = ticker.deadline(started, this::tooSlow);
    response.write(
        true,
        content,
        Callback.from(
            () -> {
              ticker.remove(deadline);
              complete();
            },
            failure -> {
              ticker.remove(deadline);
              fail(failure);
            }));
  }

  private void tooSlow() {
    log.warn("{} {}: the client did not read its answer; connection closed", id, endpoint);
    closeConnection();
  }

  /** Answers that the request cannot be served. */
  public void error(ApiException failure) {
    if (answered.get()) {
      return;
    }
    log.debug("{} {}: {} {}", id, endpoint, failure.status(), failure.getMessage());
    failure.headers().forEach((name, value) -> response.getHeaders().put(name, value));
    json(failure.status(), Json.error(failure));
  }

  /** As {@link #error(Throwable)}, for a request whose body has not been read to its end. */
  void errorAndClose(Throwable failure) {
    response.getHeaders().put(HttpHeader.CONNECTION, "close");
    error(failure);
  }

  /** Answers with whatever a failure means to a client; what it does not expect goes to the log. */
  public void error(Throwable failure) {
    if (failure instanceof ApiException known) {
      error(known);
      return;
    }
    if (failure instanceof HttpException broken && broken.getCode() < 500) {
      error(
          ApiException.of(
              broken.getCode(), "bad_request", "the request broke off or is malformed"));
      return;
    }
    if (failure instanceof IOException) { // there is nobody left to answer
      fail(failure);
      return;
    }
    log.error("{} {}: failed", id, endpoint, failure);
    error(ApiException.internal(id));
  }

  /** An answer of server-sent events, to be opened. */
  public EventStream events() {
    return new EventStream(this);
  }

  /** Whether the answer may be a stream of events: nothing else has been begun. */
  boolean beginEvents() {
    if (!answered.compareAndSet(false, true)) {
      return false;
    }
    response.setStatus(200);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream; charset=utf-8");
    response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-cache");
    response.getHeaders().put("X-Accel-Buffering", "no"); // a proxy must not collect the events
    return true;
  }

  void stopWatching() {
    watch.stop();
  }

  /** The answer has been sent. */
  void complete() {
    if (completed.compareAndSet(false, true)) {
      if (watch.sawMore()) {
        closeConnection();
      }
      callback.succeeded();
    }
  }

  /** The answer cannot be sent, or not to its end: the connection is closed. */
  void fail(Throwable cause) {
    answered.set(true);
    if (completed.compareAndSet(false, true)) {
      log.debug("{} {}: no answer to the end: {}", id, endpoint, cause.toString());
      stopWatching();
      failed = true;
      runLeave();
      closeConnection();
      callback.failed(cause instanceof EofException ? cause : new EofException(cause));
    }
  }

  void closeConnection() {
    request.getConnectionMetaData().getConnection().getEndPoint().close();
  }
}
