package io.sambay4j.server.http;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** Listens, and answers what a {@link Router} leads to. */
public final class HttpServer implements AutoCloseable {
  /** Nothing waits on these threads, so a few serve thousands of connections. */
  private static final int MAX_THREADS = 64;

  private static final int MIN_THREADS = 8;

  /** Bodies that may be read at once, as a multiple of the largest. */
  private static final int BODIES = 16;

  private final HttpOptions options;
  private final Server server;
  private final ServerConnector connector;
  private final Ticker ticker;
  private final Pulse pulse;
  private final ConnectionWatch connections;

  /** Sets a server up; it does not listen yet. */
  public HttpServer(HttpOptions options, Router router) {
    this.options = options;
    QueuedThreadPool threads = new QueuedThreadPool(MAX_THREADS, MIN_THREADS);
    threads.setName("http");
    threads.setDaemon(true);
    server = new Server(threads);
    server.setErrorHandler(new JsonErrors());
    connections = new ConnectionWatch(options.headerTimeout());
    ticker = new Ticker(server.getScheduler(), options.writeTimeout(), options.pingInterval());
    ticker.add(connections);
    pulse = new Pulse(options.eventInterval(), threads);
    connector = connector(options, server);
    connector.addBean(connections);
    server.addConnector(connector);
    server.addBean(new NetworkConnectionLimit(options.maxConnections(), connector));
    BodyReader.Limits limits =
        new BodyReader.Limits(
            options.maxBodyBytes(),
            (long) BODIES * options.maxBodyBytes(),
            options.bodyTimeout().toNanos(),
            new AtomicLong());
    Gate gate = new Gate(isLoopback(options.host()), options.allowedHosts(), options.corsOrigins());
    server.setHandler(
        new ApiHandler(
            gate, new ApiKeys(options.apiKeys()), router, limits, ticker, pulse, connections));
  }

  private static ServerConnector connector(HttpOptions options, Server server) {
    HttpConfiguration http = new HttpConfiguration();
    http.setSendServerVersion(false);
    http.setSendDateHeader(true);
    http.setRequestHeaderSize(options.maxHeaderBytes());
    http.setUriCompliance(UriCompliance.RFC3986);
    http.setOutputAggregationSize(0);
    // The cache takes a value for another that differs from it in upper and lower case alone: a
    // wrong key for a right one.
    http.setHeaderCacheSize(0);
    http.setHeaderCacheCaseSensitive(true);
    HttpOptions.Tls tls = options.tls();
    ServerConnector connector;
    if (tls == null) {
      connector = new ServerConnector(server, 1, 2, new HttpConnectionFactory(http));
    } else {
      http.addCustomizer(new SecureRequestCustomizer(false)); // any name may lead here
      connector =
          new ServerConnector(
              server,
              1,
              2,
              new SslConnectionFactory(Certificates.read(tls), "http/1.1"),
              new HttpConnectionFactory(http));
    }
    connector.setHost(options.host());
    connector.setPort(options.port());
    connector.setIdleTimeout(options.idleTimeout().toMillis());
    connector.setAcceptQueueSize(1024);
    return connector;
  }

  private static boolean isLoopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("cannot listen at %s: no such address".formatted(host), e);
    }
  }

  /**
   * Begins to listen.
   *
   * @throws UncheckedIOException if the address cannot be had
   */
  public void start() {
    try {
      server.start();
      ticker.start();
      pulse.start();
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot listen at %s port %d: %s"
              .formatted(options.host(), options.port(), e.getMessage()),
          e);
    } catch (Exception e) {
      throw new IllegalStateException("the server could not be started: " + e.getMessage(), e);
    }
  }

  /** The port it listens at. */
  public int port() {
    return connector.getLocalPort();
  }

  /** Runs something about ten times a second. */
  public Ticker ticker() {
    return ticker;
  }

  /** Connections open now. */
  public int connections() {
    return connections.connections();
  }

  /** Requests that have come. */
  public long requests() {
    return connections.requests();
  }

  /** Requests whose answer has not ended. */
  public long activeRequests() {
    return connections.active();
  }

  /** Stops listening and closes every connection. Closing twice changes nothing. */
  @Override
  public void close() {
    ticker.stop();
    try {
      server.stop();
    } catch (Exception e) {
      throw new IllegalStateException("the server could not be stopped", e);
    } finally {
      pulse.close();
    }
  }
}
