package io.sambay4j.server.http;

import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/** What the HTTP library refuses by itself, such as a malformed or too long header, as JSON too. */
final class JsonErrors extends ErrorHandler {
  @Override
  public boolean handle(Request request, Response response, Callback callback) {
    int status = response.getStatus();
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
    ApiException error =
        status >= 500 && status != HttpStatus.HTTP_VERSION_NOT_SUPPORTED_505
            ? ApiException.internal("-")
            : ApiException.of(status, code(status), sentence(status));
    response.write(true, Json.buffer(Json.error(error)), callback);
    return true;
  }

  private static String code(int status) {
    return HttpStatus.getMessage(status).toLowerCase(java.util.Locale.ROOT).replace(' ', '_');
  }

  private static String sentence(int status) {
    return switch (status) {
      case HttpStatus.URI_TOO_LONG_414 -> "the request's path is too long";
      case HttpStatus.REQUEST_HEADER_FIELDS_TOO_LARGE_431 -> "the request's headers are too long";
      case HttpStatus.BAD_REQUEST_400 -> "this is not an HTTP request that can be read";
      case HttpStatus.REQUEST_TIMEOUT_408 -> "the request did not come in time";
      default -> HttpStatus.getMessage(status);
    };
  }
}
