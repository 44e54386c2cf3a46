package io.sambay4j.server.http;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.server.Request;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts connections and requests, and closes a connection whose headers come too slowly: an idle
 * timeout alone would let a byte now and then hold it for hours.
 */
final class ConnectionWatch implements Connection.Listener, Runnable {
  private static final Logger log = LoggerFactory.getLogger(ConnectionWatch.class);

  private final Map<Connection, State> connections = new ConcurrentHashMap<>();
  private final AtomicLong requests = new AtomicLong();
  private final AtomicLong active = new AtomicLong();
  private final long headerNanos;

  /** What is known of a connection; guarded by itself. */
  private static final class State {
    private boolean busy;
    private long bytesBefore; // that had come when the last request ended
    private long headersBegan; // 0: no headers are on their way
  }

  ConnectionWatch(Duration headerTimeout) {
    this.headerNanos = headerTimeout.toNanos();
  }

  @Override
  public void onOpened(Connection connection) {
    if (!(connection instanceof SslConnection)) { // the connection inside it is told as well
      connections.put(connection, new State());
    }
  }

  @Override
  public void onClosed(Connection connection) {
    connections.remove(connection);
  }

  void requestBegan(Request request) {
    requests.incrementAndGet();
    active.incrementAndGet();
    State state = connections.get(request.getConnectionMetaData().getConnection());
    if (state != null) {
      synchronized (state) {
        state.busy = true;
        state.headersBegan = 0;
      }
    }
  }

  void requestEnded(Request request) {
    active.decrementAndGet();
    Connection connection = request.getConnectionMetaData().getConnection();
    State state = connections.get(connection);
    if (state != null) {
      synchronized (state) {
        state.busy = false;
        state.bytesBefore = connection.getBytesIn();
      }
    }
  }

  int connections() {
    return connections.size();
  }

  long requests() {
    return requests.get();
  }

  long active() {
    return active.get();
  }

  @Override
  public void run() {
    long now = System.nanoTime();
    connections.forEach(
        (connection, state) -> {
          boolean late;
          synchronized (state) {
            if (state.busy || connection.getBytesIn() == state.bytesBefore) {
              return;
            }
            if (state.headersBegan == 0) {
              state.headersBegan = now == 0 ? 1 : now;
            }
            late = now - state.headersBegan > headerNanos;
          }
          if (late) {
            log.debug("headers came too slowly; connection closed");
            connection.getEndPoint().close();
          }
        });
  }
}
