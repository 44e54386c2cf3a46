package io.sambay4j.server.http;

import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where a server listens, to whom it answers, and what a client may take of it.
 *
 * @param host name or address to listen at; default {@code 127.0.0.1}: this machine alone
 * @param port in [0, 65535], 0 for any that is free; default 8080
 * @param apiKeys who has one of them may use the API; none: everybody may
 * @param corsOrigins origins of other web pages that may read answers, such as {@code
 *     https://example.com}; never {@code *}
 * @param allowedHosts names this server answers to besides this machine's own
 * @param tls certificate and key, or null for plain HTTP
 * @param maxBodyBytes of one request, in [1024, 2^30]
 * @param maxHeaderBytes of one request with its path, in [1024, 2^20]
 * @param maxConnections open at once, in [1, 10^6]; more wait to be accepted
 * @param idleTimeout after which a connection without a request is closed
 * @param headerTimeout from a request's first byte to the end of its headers
 * @param bodyTimeout from there to the end of its body
 * @param writeTimeout how long a client may take to read what was written
 * @param pingInterval how long an event stream may be silent
 * @param eventInterval in [0, 1 s]; a stream that has sent something so short a time ago gathers
 *     what comes, and sends it together; zero: each piece by itself
 */
public record HttpOptions(
    String host,
    int port,
    List<String> apiKeys,
    Set<String> corsOrigins,
    Set<String> allowedHosts,
    @Nullable Tls tls,
    int maxBodyBytes,
    int maxHeaderBytes,
    int maxConnections,
    Duration idleTimeout,
    Duration headerTimeout,
    Duration bodyTimeout,
    Duration writeTimeout,
    Duration pingInterval,
    Duration eventInterval) {

  private static final int MIN_KEY_LENGTH = 8;
  private static final Duration MAX_EVENT_INTERVAL = Duration.ofSeconds(1);

  /**
   * A certificate and its private key: two PEM files, or one PKCS #12 file that holds both.
   *
   * @param certificate PEM file with the certificate and those that signed it, or the PKCS #12 file
   * @param key PEM file with the unencrypted private key (PKCS #8), or null for PKCS #12
   * @param password of a PKCS #12 file; empty for PEM
   */
  public record Tls(Path certificate, @Nullable Path key, String password) {
    @Override
    public String toString() { // never the password
      return "Tls[" + certificate + "]";
    }
  }

  /**
   * Checks every range.
   *
   * @throws IllegalArgumentException naming the option, its range and the value, if one is outside
   */
  public HttpOptions {
    apiKeys = List.copyOf(apiKeys);
    corsOrigins = Set.copyOf(corsOrigins);
    allowedHosts = Set.copyOf(allowedHosts);
    check("port", port, 0, 65535);
    check("the limit of a body", maxBodyBytes, 1024, 1 << 30);
    check("the limit of headers", maxHeaderBytes, 1024, 1 << 20);
    check("the limit of connections", maxConnections, 1, 1_000_000);
    for (Duration duration :
        List.of(idleTimeout, headerTimeout, bodyTimeout, writeTimeout, pingInterval)) {
      if (duration.isZero() || duration.isNegative() || duration.toDays() > 1) {
        throw new IllegalArgumentException(
            "a timeout must be more than 0 and at most a day but was " + duration);
      }
    }
    if (eventInterval.isNegative() || eventInterval.compareTo(MAX_EVENT_INTERVAL) > 0) {
      throw new IllegalArgumentException(
          "the interval of events must be from 0 to %d ms but was %s"
              .formatted(MAX_EVENT_INTERVAL.toMillis(), eventInterval));
    }
    for (String key : apiKeys) {
      if (key.length() < MIN_KEY_LENGTH || !key.chars().allMatch(c -> c > ' ' && c < 127)) {
        throw new IllegalArgumentException(
            "an API key must have at least %d visible ASCII characters and no space"
                .formatted(MIN_KEY_LENGTH));
      }
    }
    for (String origin : corsOrigins) {
      if (!origin.matches("https?://[A-Za-z0-9.\\-\\[\\]:]+")) {
        throw new IllegalArgumentException(
            "a CORS origin must be one scheme, host and port, such as https://example.com, but was %s; name each, * is not taken"
                .formatted(origin));
      }
    }
  }

  private static void check(String option, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          "%s must be in [%d, %d] but was %d".formatted(option, min, max, value));
    }
  }

  /** A builder with every option at its default. */
  public static Builder builder() {
    return new Builder();
  }

  /** Collects the options; each is described at {@link HttpOptions}. */
  public static final class Builder {
    private String host = "127.0.0.1";
    private int port = 8080;
    private List<String> apiKeys = List.of();
    private Set<String> corsOrigins = Set.of();
    private Set<String> allowedHosts = Set.of();
    private @Nullable Tls tls;
    private int maxBodyBytes = 16 << 20;
    private int maxHeaderBytes = 16 << 10;
    private int maxConnections = 8192;
    private Duration idleTimeout = Duration.ofSeconds(75);
    private Duration headerTimeout = Duration.ofSeconds(15);
    private Duration bodyTimeout = Duration.ofSeconds(60);
    private Duration writeTimeout = Duration.ofSeconds(30);
    private Duration pingInterval = Duration.ofSeconds(10);
    private Duration eventInterval = Duration.ofMillis(20);

    private Builder() {}

    public Builder host(String value) {
      host = value;
      return this;
    }

    public Builder port(int value) {
      port = value;
      return this;
    }

    public Builder apiKeys(List<String> values) {
      apiKeys = values;
      return this;
    }

    public Builder corsOrigins(List<String> values) {
      corsOrigins = new LinkedHashSet<>(values);
      return this;
    }

    public Builder allowedHosts(List<String> values) {
      allowedHosts = new LinkedHashSet<>(values);
      return this;
    }

    public Builder tls(@Nullable Tls value) {
      tls = value;
      return this;
    }

    public Builder maxBodyBytes(int value) {
      maxBodyBytes = value;
      return this;
    }

    public Builder maxHeaderBytes(int value) {
      maxHeaderBytes = value;
      return this;
    }

    public Builder maxConnections(int value) {
      maxConnections = value;
      return this;
    }

    public Builder idleTimeout(Duration value) {
      idleTimeout = value;
      return this;
    }

    public Builder headerTimeout(Duration value) {
      headerTimeout = value;
      return this;
    }

    public Builder bodyTimeout(Duration value) {
      bodyTimeout = value;
      return this;
    }

    public Builder writeTimeout(Duration value) {
      writeTimeout = value;
      return this;
    }

    public Builder pingInterval(Duration value) {
      pingInterval = value;
      return this;
    }

    public Builder eventInterval(Duration value) {
      eventInterval = value;
      return this;
    }

    public HttpOptions build() {
      return new HttpOptions(
          host,
          port,
          apiKeys,
          corsOrigins,
          allowedHosts,
          tls,
          maxBodyBytes,
          maxHeaderBytes,
          maxConnections,
          idleTimeout,
          headerTimeout,
          bodyTimeout,
          writeTimeout,
          pingInterval,
          eventInterval);
    }
  }
}
