package io.sambay4j.server.http;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;

/**
 * Notices that a client has left while nothing is written to it. Between the end of a request and
 * the end of its answer nobody reads from the connection; this does, so that a close is seen at
 * once and not with the next write.
 *
 * <p>Bytes that come meanwhile belong to a request sent before the answer to this one (pipelining).
 * They are dropped, and the connection must be closed after the answer, see {@link #sawMore}: HTTP
 * lets a client expect that and send the request again.
 */
final class ClientWatch implements Callback {
  private static final int BUFFER = 512;

  private final EndPoint endPoint;
  private final Runnable left;
  private boolean started;
  private boolean stopped;
  private boolean sawMore;

  /**
   * @param left run at most once, on a thread of the server
   */
  ClientWatch(EndPoint endPoint, Runnable left) {
    this.endPoint = endPoint;
    this.left = left;
  }

  /** Begins to watch. */
  synchronized void start() {
    if (!stopped) {
      started = endPoint.tryFillInterested(this);
    }
  }

  /** Ends watching; whatever comes from now on is left to be read as the next request. */
  synchronized void stop() {
    if (stopped) {
      return;
    }
    stopped = true;
    if (started && endPoint instanceof AbstractEndPoint selectable) {
      selectable.getFillInterest().onFail(new EofException("no longer watched"));
    }
  }

  /** Whether bytes were dropped, so that the connection must not be used for another request. */
  synchronized boolean sawMore() {
    return sawMore;
  }

  @Override
  public void succeeded() {
    if (hasEnded()) {
      left.run();
    }
  }

  /** Reads what is there; true at the end of input. Watches on otherwise. */
  private synchronized boolean hasEnded() {
    if (stopped) {
      return false;
    }
    ByteBuffer buffer = BufferUtil.allocate(BUFFER);
    try {
      while (true) {
        BufferUtil.clear(buffer);
        int filled = endPoint.fill(buffer);
        if (filled < 0) {
          stopped = true;
          return true;
        }
        if (filled == 0) {
          endPoint.tryFillInterested(this);
          return false;
        }
        sawMore = true;
      }
    } catch (IOException e) { // reset by the other side: as much an end as the end
      stopped = true;
      return true;
    }
  }

  @Override
  public void failed(Throwable failure) {
    synchronized (this) {
      if (stopped) {
        return;
      }
      stopped = true;
    }
    left.run();
  }
}
