package io.sambay4j.hub;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.json.Quote;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A file of a repository, as the hub lists it.
 *
 * @param path inside the repository, of plain segments
 * @param bytes its length
 * @param hash its SHA-256, 64 hexadecimal digits, for large files; its git blob id, 40, for others
 */
record RemoteFile(String path, long bytes, String hash) {
  private static final Pattern SHA1 = Pattern.compile("[0-9a-f]{40}");
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
  private static final long MAX_BYTES = 1L << 48;

  /**
   * Reads one entry of a listing; null for a folder.
   *
   * @throws HubException if it is not acceptable
   */
  static @Nullable RemoteFile read(JsonNode entry) {
    String path = checkPath(entry.path("path").asText(""));
    if (!entry.path("type").asText("").equals("file")) {
      return null;
    }
    JsonNode lfs = entry.path("lfs");
    boolean large = lfs.isObject();
    String hash = (large ? lfs : entry).path("oid").asText("");
    JsonNode size = (large ? lfs : entry).path("size");
    if (!(large ? SHA256 : SHA1).matcher(hash).matches()) {
      throw new HubException(
          "the hub lists %s with the checksum %s, expected %d hexadecimal digits"
              .formatted(Quote.of(path), Quote.of(hash), large ? 64 : 40));
    }
    if (!size.isIntegralNumber()
        || !size.canConvertToLong()
        || size.longValue() < 0
        || size.longValue() > MAX_BYTES) {
      throw new HubException(
          "the hub lists %s with the size %s, expected a number of bytes"
              .formatted(Quote.of(path), Quote.of(size.toString())));
    }
    return new RemoteFile(path, size.longValue(), hash);
  }

  /** Refuses what could lead out of a directory on any system. */
  private static String checkPath(String path) {
    boolean hostile = path.isEmpty() || path.startsWith("/") || path.length() > 1024;
    for (String segment : path.split("/", -1)) {
      hostile |= segment.isEmpty() || segment.equals(".") || segment.equals("..");
    }
    hostile |= path.chars().anyMatch(c -> c == '\\' || Character.isISOControl(c));
    if (hostile) {
      throw new HubException(
          "the hub lists a file named "
              + Quote.of(path)
              + ", which could lie outside the model's directory; nothing of this model is taken");
    }
    return path;
  }

  /** The last segment of the path. */
  String name() {
    return path.substring(path.lastIndexOf('/') + 1);
  }
}
