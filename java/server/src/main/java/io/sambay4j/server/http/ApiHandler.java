package io.sambay4j.server.http;

import java.util.UUID;
import java.util.regex.Pattern;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.MimeTypes;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/** The way of every request: id, host and origin, route, key, body, endpoint. */
final class ApiHandler extends Handler.Abstract {
  private static final String ID_HEADER = "x-request-id";
  private static final String MDC_KEY = "request";

  /** What a client may call its request: nothing that could forge a line of the log. */
  private static final Pattern SANE_ID = Pattern.compile("[A-Za-z0-9._:-]{1,64}");

  private final Gate gate;
  private final ApiKeys keys;
  private final Router router;
  private final BodyReader.Limits limits;
  private final Ticker ticker;
  private final Pulse pulse;
  private final ConnectionWatch connections;

  ApiHandler(
      Gate gate,
      ApiKeys keys,
      Router router,
      BodyReader.Limits limits,
      Ticker ticker,
      Pulse pulse,
      ConnectionWatch connections) {
    this.gate = gate;
    this.keys = keys;
    this.router = router;
    this.limits = limits;
    this.ticker = ticker;
    this.pulse = pulse;
    this.connections = connections;
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) {
    String id = id(request.getHeaders().get(ID_HEADER));
    response.getHeaders().put(ID_HEADER, id);
    response.getHeaders().put("X-Content-Type-Options", "nosniff");
    connections.requestBegan(request);
    // Silence is normal while a model thinks; bodies and writes have time limits of their own.
    request.addIdleTimeoutListener(timeout -> false);
    Callback counted =
        Callback.from(
            () -> {
              connections.requestEnded(request);
              callback.succeeded();
            },
            failure -> {
              connections.requestEnded(request);
              callback.failed(failure);
            });
    String path = Request.getPathInContext(request);
    Exchange exchange =
        new Exchange(
            request, response, counted, id, request.getMethod() + " " + path, ticker, pulse);
    try (MDC.MDCCloseable ignored = MDC.putCloseable(MDC_KEY, id)) {
      gate.check(request, response);
      if (Gate.isPreflight(request)) {
        Gate.allow(response.getHeaders());
        exchange.empty(204);
        return true;
      }
      Router.Match match = router.find(request.getMethod(), path);
      if (!match.route().open()) {
        keys.check(request);
      }
      exchange.tail(match.tail());
      if (match.route().takesBody()) {
        checkContentType(request.getHeaders().get(HttpHeader.CONTENT_TYPE));
        BodyReader.read(
            request,
            limits,
            ticker,
            body -> withBody(match.route(), exchange, body),
            exchange::errorAndClose);
      } else {
        match.route().endpoint().handle(exchange);
      }
    } catch (Throwable failure) { // an answer must come, whatever happened
      BodyReader.discard(
          request,
          limits,
          ticker,
          () -> exchange.error(failure),
          unread -> exchange.errorAndClose(failure));
    }
    return true;
  }

  private static void withBody(Router.Route route, Exchange exchange, byte[] body) {
    try (MDC.MDCCloseable ignored = MDC.putCloseable(MDC_KEY, exchange.id())) {
      exchange.body(Json.parseObject(body));
      route.endpoint().handle(exchange);
    } catch (Throwable failure) {
      exchange.error(failure);
    }
  }

  private static String id(@Nullable String given) {
    return given != null && SANE_ID.matcher(given).matches()
        ? given
        : "req-" + UUID.randomUUID().toString().replace("-", "");
  }

  /** A form on a foreign page can send text and forms unasked, but not this. */
  private static void checkContentType(@Nullable String contentType) {
    String type = contentType == null ? "" : MimeTypes.getContentTypeWithoutCharset(contentType);
    if (!type.equalsIgnoreCase("application/json")) {
      throw ApiException.of(
          415,
          "unsupported_media_type",
          "the body must be JSON: send the header \"Content-Type: application/json\"");
    }
  }
}
