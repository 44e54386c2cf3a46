package io.sambay4j.server.http;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Files of the class path, served as they are. */
public final class WebPage implements Router.Endpoint {
  /** Folders and a file of plain names; no way leads up. */
  private static final Pattern PATH =
      Pattern.compile("([A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)+");

  private static final Map<String, String> TYPES =
      Map.of(
          "html", "text/html; charset=utf-8",
          "css", "text/css; charset=utf-8",
          "js", "text/javascript; charset=utf-8",
          "mjs", "text/javascript; charset=utf-8",
          "svg", "image/svg+xml",
          "png", "image/png",
          "ico", "image/x-icon",
          "json", "application/json",
          "webmanifest", "application/manifest+json",
          "woff2", "font/woff2");

  /** The page loads from here alone, is framed by nobody and sends nothing elsewhere. */
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
          + "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
          + "frame-ancestors 'none'";

  private final Class<?> beside;
  private final String folder;
  private final Map<String, byte[]> files = new ConcurrentHashMap<>();

  /**
   * @param beside a class of the package under which the files lie
   * @param folder their folder below that package
   */
  public WebPage(Class<?> beside, String folder) {
    this.beside = beside;
    this.folder = folder;
  }

  @Override
  public void handle(Exchange exchange) throws IOException {
    String path = exchange.tail().isEmpty() ? "index.html" : exchange.tail();
    String type = TYPES.get(path.substring(path.lastIndexOf('.') + 1));
    byte[] content = type != null && PATH.matcher(path).matches() ? content(path) : null;
    if (content == null || type == null) {
      throw ApiException.of(404, "not_found", "there is no such path on this server");
    }
    exchange.responseHeader("Content-Security-Policy", POLICY);
    exchange.responseHeader("Referrer-Policy", "no-referrer");
    exchange.responseHeader("Cache-Control", "no-cache");
    exchange.bytes(200, type, ByteBuffer.wrap(content));
  }

  private byte @Nullable [] content(String path) throws IOException {
    byte[] known = files.get(path);
    if (known != null) {
      return known;
    }
    try (@Nullable InputStream in = beside.getResourceAsStream(folder + "/" + path)) {
      if (in == null) {
        return null;
      }
      byte[] read = in.readAllBytes();
      files.put(path, read);
      return read;
    }
  }
}
