package io.sambay4j.hub;

import io.sambay4j.json.Quote;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which hub, with which token, and where models lie on disk, as the tools of Hugging Face read it
 * from the environment.
 *
 * @param endpoint of the hub, without a slash at the end
 * @param cache directory of the downloaded models; it need not exist
 * @param token sent to the endpoint and to nobody else, or null
 * @param offline whether no connection may be made
 * @param timeout the longest wait for a connection, an answer, or the next byte
 */
public record HubSettings(
    URI endpoint, Path cache, @Nullable String token, boolean offline, Duration timeout) {
  private static final String DEFAULT_ENDPOINT = "https://huggingface.co";
  private static final int DEFAULT_TIMEOUT_SECONDS = 10;
  private static final int MAX_TIMEOUT_SECONDS = 86_400;
  private static final int MAX_TOKEN_BYTES = 4096;
  private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");
  private static final Pattern TOKEN = Pattern.compile("[!-~]+");

  /**
   * Checks the endpoint and the token.
   *
   * @throws IllegalArgumentException if one of them makes no sense
   */
  public HubSettings {
    String scheme = String.valueOf(endpoint.getScheme()).toLowerCase(Locale.ROOT);
    if (!(scheme.equals("http") || scheme.equals("https"))
        || endpoint.getHost() == null
        || endpoint.getUserInfo() != null
        || endpoint.getQuery() != null
        || endpoint.getFragment() != null) {
      throw new IllegalArgumentException(
          "the hub's address "
              + Quote.of(endpoint.toString())
              + " is not acceptable, expected http://HOST or https://HOST (HF_ENDPOINT)");
    }
    if (token != null && !TOKEN.matcher(token).matches()) {
      throw new IllegalArgumentException(
          "the hub's token holds characters that no token has; look at HF_TOKEN or the token file");
    }
    if (timeout.isNegative() || timeout.isZero()) {
      throw new IllegalArgumentException("the hub's time-out must be positive but was " + timeout);
    }
  }

  /** The settings of this process: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and so on. */
  public static HubSettings fromEnvironment() {
    return from(System.getenv(), Path.of(System.getProperty("user.home", ".")));
  }

  /** The settings of an environment. */
  static HubSettings from(Map<String, String> environment, Path userHome) {
    Variables variables = new Variables(environment, userHome);
    Path caches = variables.path("XDG_CACHE_HOME", userHome.resolve(".cache"));
    Path home = variables.path("HF_HOME", caches.resolve("huggingface"));
    Path cache =
        variables.path(
            "HF_HUB_CACHE", variables.path("HUGGINGFACE_HUB_CACHE", home.resolve("hub")));
    return new HubSettings(
        endpoint(variables.text("HF_ENDPOINT", DEFAULT_ENDPOINT)),
        cache,
        token(variables, variables.path("HF_TOKEN_PATH", home.resolve("token"))),
        variables.isTrue("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
        Duration.ofSeconds(variables.seconds("HF_HUB_DOWNLOAD_TIMEOUT")));
  }

  /** The same with another cache. */
  public HubSettings withCache(Path other) {
    return new HubSettings(endpoint, other, token, offline, timeout);
  }

  /** Without the token itself. */
  @Override
  public String toString() {
    return "%s, cache %s, %s%s, time-out %s"
        .formatted(
            endpoint,
            cache,
            token == null ? "no token" : "with a token",
            offline ? ", offline" : "",
            timeout);
  }

  private static URI endpoint(String text) {
    try {
      return new URI(text.replaceFirst("/+$", ""));
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(
          "HF_ENDPOINT is " + Quote.of(text) + ", expected http://HOST or https://HOST", e);
    }
  }

  private static @Nullable String token(Variables variables, Path file) {
    String token = variables.text("HF_TOKEN", variables.text("HUGGING_FACE_HUB_TOKEN", ""));
    if (token.isEmpty() && Files.isRegularFile(file)) {
      try {
        if (Files.size(file) > MAX_TOKEN_BYTES) {
          throw new IllegalArgumentException(file + " is too long for a token");
        }
        token = Files.readString(file).strip();
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read the token of the hub, " + file, e);
      }
    }
    return token.isEmpty() ? null : token;
  }

  /** Environment variables; one that is empty or blank counts as absent. */
  private record Variables(Map<String, String> values, Path userHome) {
    private static final Pattern REFERENCE = Pattern.compile("\\$(?:(\\w+)|\\{(\\w+)})");

    String text(String name, String absent) {
      String value = values.getOrDefault(name, "").strip();
      return value.isEmpty() ? absent : value;
    }

    /** A path; {@code ~} and {@code $VARIABLE} are replaced, as in the other tools. */
    Path path(String name, Path absent) {
      String value = text(name, "");
      if (value.isEmpty()) {
        return absent;
      }
      String expanded =
          REFERENCE
              .matcher(value)
              .replaceAll(
                  match -> {
                    String variable = Objects.requireNonNullElse(match.group(1), match.group(2));
                    return Matcher.quoteReplacement(values.getOrDefault(variable, match.group()));
                  });
      if (expanded.equals("~") || expanded.startsWith("~/")) {
        return userHome.resolve(expanded.length() < 2 ? "" : expanded.substring(2));
      }
      return Path.of(expanded);
    }

    boolean isTrue(String name, String oldName) {
      return TRUE.contains(text(name, text(oldName, "")).toUpperCase(Locale.ROOT));
    }

    int seconds(String name) {
      String value = text(name, "");
      if (value.isEmpty()) {
        return DEFAULT_TIMEOUT_SECONDS;
      }
      try {
        int seconds = Integer.parseInt(value);
        if (seconds >= 1 && seconds <= MAX_TIMEOUT_SECONDS) {
          return seconds;
        }
      } catch (NumberFormatException e) {
        throw badSeconds(name, value, e);
      }
      throw badSeconds(name, value, null);
    }

    private static IllegalArgumentException badSeconds(
        String name, String value, @Nullable Exception cause) {
      return new IllegalArgumentException(
          "%s is %s, expected seconds from 1 to %d"
              .formatted(name, Quote.of(value), MAX_TIMEOUT_SECONDS),
          cause);
    }
  }
}
