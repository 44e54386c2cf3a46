package io.sambay4j.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A server that speaks the hub's protocol as far as downloads need it, with faults on demand: files
 * of LFS are redirected to a second server, as the real hub does with its store.
 */
final class FakeHub implements AutoCloseable {
  static final String REPOSITORY = "tiny/reasoner";
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  /** Answers a request instead of the hub; returns whether it did. */
  interface Fault {
    boolean answer(HttpExchange exchange) throws IOException;
  }

  /** What somebody asked for. */
  record Seen(String host, String path, String range, String token) {}

  private record Stored(byte[] bytes, boolean lfs) {}

  private final HttpServer hub;
  private final HttpServer store;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, Stored> files = new LinkedHashMap<>();
  private final Map<String, Fault> faults = new ConcurrentHashMap<>();
  final List<Seen> seen = new CopyOnWriteArrayList<>();
  volatile String commit = COMMIT;
  volatile int pageSize = Integer.MAX_VALUE;
  volatile boolean ranges = true;

  FakeHub() throws IOException {
    hub = start("hub");
    store = start("store");
    hub.createContext("/api/models/" + REPOSITORY + "/revision/", e -> serve(e, this::revision));
    hub.createContext("/api/models/" + REPOSITORY + "/tree/", e -> serve(e, this::tree));
    hub.createContext("/" + REPOSITORY + "/resolve/", e -> serve(e, this::resolve));
    hub.createContext("/", e -> serve(e, x -> error(x, 401, "RepoNotFound")));
    store.createContext("/blob/", e -> serve(e, this::blob));
  }

  private HttpServer start(String name) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.start();
    return server;
  }

  URI endpoint() {
    return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
  }

  private String storeHost() {
    return "localhost:" + store.getAddress().getPort(); // another origin than the hub's
  }

  /** A small file: kept in git itself, served by the hub. */
  void add(String path, byte[] bytes) {
    files.put(path, new Stored(bytes, false));
  }

  /** A large file: kept in LFS, served by the store. */
  void addLfs(String path, byte[] bytes) {
    files.put(path, new Stored(bytes, true));
  }

  void remove(String path) {
    files.remove(path);
  }

  /** Each request whose path contains the text is given to the fault first. */
  void fault(String pathPart, Fault fault) {
    faults.put(pathPart, fault);
  }

  void noFaults() {
    faults.clear();
  }

  long requests(String pathPart) {
    return seen.stream().filter(request -> request.path().contains(pathPart)).count();
  }

  String hash(String path) {
    Stored file = files.get(path);
    return file.lfs ? sha256(file.bytes) : blobId(file.bytes);
  }

  static String sha256(byte[] bytes) {
    return hex("SHA-256", bytes);
  }

  static String blobId(byte[] bytes) {
    byte[] head = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII);
    byte[] all = Arrays.copyOf(head, head.length + bytes.length);
    System.arraycopy(bytes, 0, all, head.length, bytes.length);
    return hex("SHA-1", all);
  }

  private static String hex(String algorithm, byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private void serve(HttpExchange exchange, Answer answer) throws IOException {
    try (exchange) {
      seen.add(
          new Seen(
              exchange.getRequestHeaders().getFirst("Host"),
              exchange.getRequestURI().toString(),
              exchange.getRequestHeaders().getFirst("Range"),
              exchange.getRequestHeaders().getFirst("Authorization")));
      for (Map.Entry<String, Fault> fault : faults.entrySet()) {
        if (exchange.getRequestURI().toString().contains(fault.getKey())
            && fault.getValue().answer(exchange)) {
          return;
        }
      }
      answer.to(exchange);
    }
  }

  private interface Answer {
    void to(HttpExchange exchange) throws IOException;
  }

  static void error(HttpExchange exchange, int status, String code) throws IOException {
    exchange.getResponseHeaders().set("X-Error-Code", code);
    exchange.sendResponseHeaders(status, -1);
  }

  static void send(HttpExchange exchange, String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private void revision(HttpExchange exchange) throws IOException {
    String revision = exchange.getRequestURI().getPath().replaceFirst(".*/revision/", "");
    if (revision.equals("main") || revision.equals("refs/pr/1") || revision.equals(commit)) {
      send(exchange, "{\"id\":\"%s\",\"sha\":\"%s\"}".formatted(REPOSITORY, commit));
    } else {
      error(exchange, 404, "RevisionNotFound");
    }
  }

  private void tree(HttpExchange exchange) throws IOException {
    String query = exchange.getRequestURI().getQuery();
    int from =
        query.contains("cursor=") ? Integer.parseInt(query.replaceFirst(".*cursor=", "")) : 0;
    ArrayNode entries = new ObjectMapper().createArrayNode();
    List<String> paths = List.copyOf(files.keySet());
    int to = (int) Math.min(paths.size(), (long) from + pageSize);
    for (String path : paths.subList(from, to)) {
      Stored file = files.get(path);
      ObjectNode entry =
          entries
              .addObject()
              .put("type", "file")
              .put("path", path)
              .put("size", file.bytes.length)
              .put(
                  "oid",
                  blobId(file.lfs ? "pointer".getBytes(StandardCharsets.UTF_8) : file.bytes));
      if (file.lfs) {
        entry
            .putObject("lfs")
            .put("oid", sha256(file.bytes))
            .put("size", file.bytes.length)
            .put("pointerSize", 130);
      }
    }
    if (to < paths.size()) {
      String next = endpoint() + exchange.getRequestURI().getPath();
      exchange
          .getResponseHeaders()
          .set("Link", "<%s?recursive=true&cursor=%d>; rel=\"next\"".formatted(next, to));
    }
    send(exchange, entries.toString());
  }

  private void resolve(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath().replaceFirst(".*/resolve/[^/]*/", "");
    Stored file = files.get(path);
    if (file == null) {
      error(exchange, 404, "EntryNotFound");
    } else if (file.lfs) {
      exchange.getResponseHeaders().set("X-Repo-Commit", commit);
      exchange.getResponseHeaders().set("X-Linked-Etag", "\"" + sha256(file.bytes) + "\"");
      exchange.getResponseHeaders().set("X-Linked-Size", "" + file.bytes.length);
      exchange.getResponseHeaders().set("Location", "http://" + storeHost() + "/blob/" + path);
      exchange.sendResponseHeaders(302, -1);
    } else {
      exchange.getResponseHeaders().set("ETag", "\"" + blobId(file.bytes) + "\"");
      exchange.getResponseHeaders().set("X-Repo-Commit", commit);
      send(exchange, file.bytes);
    }
  }

  private void blob(HttpExchange exchange) throws IOException {
    send(
        exchange, files.get(exchange.getRequestURI().getPath().substring("/blob/".length())).bytes);
  }

  /** A file, or the part of it that was asked for. */
  void send(HttpExchange exchange, byte[] bytes) throws IOException {
    int from = from(exchange);
    if (from > 0 && from >= bytes.length) {
      exchange.sendResponseHeaders(416, -1);
      return;
    }
    if (from > 0) {
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes %d-%d/%d".formatted(from, bytes.length - 1, bytes.length));
    }
    exchange.sendResponseHeaders(
        from > 0 ? 206 : 200, bytes.length - from == 0 ? -1 : bytes.length - from);
    exchange.getResponseBody().write(bytes, from, bytes.length - from);
  }

  /** Promises all that was asked for, sends a part of it, and breaks the connection. */
  void sendPart(HttpExchange exchange, String path, int count) throws IOException {
    byte[] bytes = files.get(path).bytes;
    int from = from(exchange);
    if (from > 0) {
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes %d-%d/%d".formatted(from, bytes.length - 1, bytes.length));
    }
    exchange.sendResponseHeaders(from > 0 ? 206 : 200, bytes.length - from);
    OutputStream out = exchange.getResponseBody();
    out.write(bytes, from, Math.min(count, bytes.length - from));
    out.flush();
    // Leaving without the rest makes the server close the connection.
  }

  private int from(HttpExchange exchange) {
    String range = exchange.getRequestHeaders().getFirst("Range");
    return range == null || !ranges ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
  }

  @Override
  public void close() {
    hub.stop(0);
    store.stop(0);
    threads.shutdownNow();
  }
}
