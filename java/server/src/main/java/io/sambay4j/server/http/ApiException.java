package io.sambay4j.server.http;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request that cannot be served, as its sender is told: an HTTP status and OpenAI's error object.
 * The message is written for the sender; it never holds a stack trace or an address of this
 * machine.
 */
public final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int status;
  private final String type;
  private final @Nullable String param;
  private final @Nullable String code;
  private final transient Map<String, String> headers;

  private ApiException(
      int status,
      String type,
      @Nullable String param,
      @Nullable String code,
      String message,
      Map<String, String> headers) {
    super(message, null, false, false);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
    this.headers = Map.copyOf(headers);
  }

  /** Any other status of a client's mistake. */
  public static ApiException of(int status, @Nullable String code, String message) {
    return new ApiException(status, "invalid_request_error", null, code, message, Map.of());
  }

  /** 400: a field that is missing, of the wrong type, outside its range or not supported. */
  public static ApiException field(String param, String code, String message) {
    return new ApiException(400, "invalid_request_error", param, code, message, Map.of());
  }

  /** 400: the request as a whole makes no sense. */
  public static ApiException badRequest(@Nullable String code, String message) {
    return of(400, code, message);
  }

  /** 404: a field names something that is not here. */
  public static ApiException notFound(@Nullable String param, String code, String message) {
    return new ApiException(404, "invalid_request_error", param, code, message, Map.of());
  }

  /** 401: no key, or one that is not known. */
  public static ApiException unauthorized(String message) {
    return new ApiException(
        401,
        "authentication_error",
        null,
        "invalid_api_key",
        message,
        Map.of("WWW-Authenticate", "Bearer"));
  }

  /** 403: the key, host or origin may not do this. */
  public static ApiException forbidden(String code, String message) {
    return new ApiException(403, "permission_error", null, code, message, Map.of());
  }

  /** 405: the path is known, the method is not. */
  public static ApiException methodNotAllowed(String method, String path, String allowed) {
    return new ApiException(
        405,
        "invalid_request_error",
        null,
        "method_not_allowed",
        "%s is not a method of %s; use %s".formatted(method, path, allowed),
        Map.of("Allow", allowed));
  }

  /** 429: nothing wrong with the request, but too many wait already. */
  public static ApiException tooMany(String code, String message, int retryAfterSeconds) {
    return new ApiException(
        429,
        "rate_limit_error",
        null,
        code,
        message,
        Map.of("Retry-After", Integer.toString(retryAfterSeconds)));
  }

  /** 503: not now. */
  public static ApiException unavailable(String code, String message) {
    return new ApiException(
        503, "service_unavailable_error", null, code, message, Map.of("Retry-After", "5"));
  }

  /** 500: our own mistake; what it was stands in the log. */
  public static ApiException internal(String requestId) {
    return new ApiException(
        500,
        "server_error",
        null,
        "internal_error",
        "the server failed to answer; its log says why under the request id " + requestId,
        Map.of());
  }

  /** HTTP status. */
  public int status() {
    return status;
  }

  /** What kind of error, in OpenAI's words. */
  public String type() {
    return type;
  }

  /** Path of the field that is to blame, or null. */
  public @Nullable String param() {
    return param;
  }

  /** A word for programs, or null. */
  public @Nullable String code() {
    return code;
  }

  /** Headers of the answer. */
  public Map<String, String> headers() {
    return headers;
  }
}
