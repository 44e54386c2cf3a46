package io.sambay4j.server.http;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Which path and method is answered by what. */
public final class Router {
  /** Answers one request, at once or later; what it throws becomes an error answer. */
  @FunctionalInterface
  public interface Endpoint {
    /** Answers. */
    void handle(Exchange exchange) throws Exception;
  }

  /**
   * What a path leads to.
   *
   * @param open whether it needs no API key
   * @param takesBody whether a JSON object must be sent
   */
  record Route(Endpoint endpoint, boolean open, boolean takesBody) {}

  /** A route and what follows its path. */
  record Match(String path, Route route, String tail) {}

  private final Map<String, Map<String, Route>> exact = new LinkedHashMap<>();
  private final Map<String, Map<String, Route>> prefixes = new LinkedHashMap<>();

  /** A path to read, for those who have a key. */
  public Router get(String path, Endpoint endpoint) {
    return add(exact, path, "GET", new Route(endpoint, false, false));
  }

  /** A path to read, for everybody. */
  public Router getOpen(String path, Endpoint endpoint) {
    return add(exact, path, "GET", new Route(endpoint, true, false));
  }

  /** All paths that begin so, to read, for those who have a key. */
  public Router getBelow(String prefix, Endpoint endpoint) {
    return add(prefixes, prefix, "GET", new Route(endpoint, false, false));
  }

  /** All paths that begin so, to read, for everybody. */
  public Router getOpenBelow(String prefix, Endpoint endpoint) {
    return add(prefixes, prefix, "GET", new Route(endpoint, true, false));
  }

  /** A path that takes a JSON object, for those who have a key. */
  public Router post(String path, Endpoint endpoint) {
    return add(exact, path, "POST", new Route(endpoint, false, true));
  }

  private Router add(
      Map<String, Map<String, Route>> routes, String path, String method, Route route) {
    routes.computeIfAbsent(path, key -> new TreeMap<>()).put(method, route);
    return this;
  }

  /**
   * What answers a request.
   *
   * @throws ApiException 404 if there is no such path, 405 if it is there but not with this method
   */
  Match find(String method, String path) {
    Map<String, Route> routes = exact.get(path);
    String matched = path;
    String tail = "";
    if (routes == null) {
      for (Map.Entry<String, Map<String, Route>> entry : prefixes.entrySet()) {
        boolean catchAll = entry.getKey().equals("/");
        if (path.startsWith(entry.getKey()) && (!catchAll || isRead(method))) {
          routes = entry.getValue();
          matched = entry.getKey();
          tail = path.substring(matched.length());
          break;
        }
      }
    }
    if (routes == null) {
      throw ApiException.of(404, "not_found", "there is no such path on this server");
    }
    @Nullable Route route = routes.get(isRead(method) ? "GET" : method);
    if (route == null) {
      throw ApiException.methodNotAllowed(
          method.length() > 16 ? "this" : method, matched, String.join(", ", routes.keySet()));
    }
    return new Match(matched, route, tail);
  }

  private static boolean isRead(String method) {
    return method.equals("GET") || method.equals("HEAD");
  }
}
