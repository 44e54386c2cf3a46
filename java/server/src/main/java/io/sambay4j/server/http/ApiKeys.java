package io.sambay4j.server.http;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/**
 * The keys that open the API. Only their SHA-256 is kept, and every comparison looks at all bytes
 * of all keys: neither a heap dump nor the time an answer takes tells a key.
 */
final class ApiKeys {
  private static final String SCHEME = "bearer ";

  private final List<byte[]> digests;

  ApiKeys(List<String> keys) {
    digests = keys.stream().map(ApiKeys::digest).toList();
  }

  /**
   * Returns if there are no keys or the request has one of them.
   *
   * @throws ApiException (401) otherwise
   */
  void check(Request request) {
    if (digests.isEmpty()) {
      return;
    }
    String key = key(request.getHeaders().get(HttpHeader.AUTHORIZATION));
    if (key == null) {
      throw ApiException.unauthorized(
          "an API key is needed: send the header \"Authorization: Bearer KEY\"");
    }
    byte[] digest = digest(key);
    boolean found = false;
    for (byte[] known : digests) {
      found |= MessageDigest.isEqual(known, digest);
    }
    if (!found) {
      throw ApiException.unauthorized("the API key is not known here");
    }
  }

  private static @Nullable String key(@Nullable String authorization) {
    if (authorization == null
        || !authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return null;
    }
    return authorization.substring(SCHEME.length()).strip();
  }

  private static byte[] digest(String key) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
