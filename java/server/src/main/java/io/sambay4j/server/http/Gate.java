package io.sambay4j.server.http;

import java.util.Locale;
import java.util.Set;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.HostPort;
import org.jspecify.annotations.Nullable;

/**
 * Decides by host and origin who may ask at all, before anything is read.
 *
 * <p>A page on the web can make its reader's browser send requests to this machine. It cannot
 * choose their {@code Origin}, and after pointing its own name to 127.0.0.1 (DNS rebinding) not
 * their {@code Host}; so a server for this machine alone answers only to this machine's names, and
 * no server answers to a foreign origin that was not allowed by name.
 */
final class Gate {
  private static final Set<String> LOOPBACK_NAMES =
      Set.of("localhost", "127.0.0.1", "[::1]", "::1");
  private static final String METHODS = "GET, POST, OPTIONS";
  private static final String REQUEST_HEADERS = "authorization, content-type, x-request-id";

  private final boolean loopbackOnly;
  private final Set<String> hosts;
  private final Set<String> origins;

  /**
   * @param loopbackOnly whether the server listens to this machine alone
   * @param hosts names that are allowed besides; if there are any, others are refused
   * @param origins origins of other pages that may read answers
   */
  Gate(boolean loopbackOnly, Set<String> hosts, Set<String> origins) {
    this.loopbackOnly = loopbackOnly;
    this.hosts = hosts;
    this.origins = origins;
  }

  /**
   * Checks host and origin, and tells browsers which origin may read the answer.
   *
   * @throws ApiException (403) if either is not allowed
   */
  void check(Request request, Response response) {
    String host = request.getHeaders().get(HttpHeader.HOST);
    checkHost(host);
    checkHost(request.getHttpURI().getAuthority()); // of a request target in absolute form
    response.getHeaders().add(HttpHeader.VARY, "Origin");
    String origin = request.getHeaders().get(HttpHeader.ORIGIN);
    if (origin == null) {
      return;
    }
    if (origins.contains(origin)) {
      response.getHeaders().put(HttpHeader.ACCESS_CONTROL_ALLOW_ORIGIN, origin);
      response.getHeaders().put("Access-Control-Expose-Headers", "x-request-id, retry-after");
    } else if (!isOwn(origin, host)) {
      throw ApiException.forbidden(
          "origin_not_allowed",
          "pages of this origin may not use this server; its operator can allow them with --cors-origin");
    }
  }

  /** Whether a request only asks what may be asked. */
  static boolean isPreflight(Request request) {
    return request.getMethod().equals("OPTIONS")
        && request.getHeaders().contains("Access-Control-Request-Method");
  }

  /** Answers such a request. */
  static void allow(HttpFields.Mutable headers) {
    headers.put("Access-Control-Allow-Methods", METHODS);
    headers.put("Access-Control-Allow-Headers", REQUEST_HEADERS);
    headers.put("Access-Control-Max-Age", "600");
  }

  private void checkHost(@Nullable String authority) {
    if (authority == null || (!loopbackOnly && hosts.isEmpty())) {
      return;
    }
    String name = name(authority);
    if (!hosts.contains(name) && !LOOPBACK_NAMES.contains(name)) {
      throw ApiException.forbidden(
          "host_not_allowed",
          "this server does not answer to this host name; its operator can allow it with --allowed-host");
    }
  }

  private static String name(String authority) {
    try {
      return new HostPort(authority).getHost().toLowerCase(Locale.ROOT);
    } catch (IllegalArgumentException e) {
      throw ApiException.badRequest("invalid_host", "the header Host names no host");
    }
  }

  /** The origin of our own page: its scheme may differ behind a proxy that ends TLS. */
  private static boolean isOwn(String origin, @Nullable String host) {
    int scheme = origin.indexOf("://");
    return scheme > 0 && host != null && origin.substring(scheme + 3).equalsIgnoreCase(host);
  }
}
