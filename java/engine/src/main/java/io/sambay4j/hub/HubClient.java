package io.sambay4j.hub;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import io.sambay4j.json.StrictJson;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The requests of the hub's protocol: which commit a revision is, its files, their bytes. */
final class HubClient {
  private static final int MAX_REDIRECTS = 5;
  private static final int MAX_LISTING_BYTES = 16 << 20;
  private static final int MAX_PAGES = 100;
  private static final int MAX_FILES = 100_000;
  private static final Pattern NEXT_PAGE = Pattern.compile("<([^<>]*)>\\s*;\\s*rel=\"?next\"?");
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final HubSettings settings;
  private final Duration firstRetryDelay;
  private final PullListener listener;
  private final HttpClient http;

  HubClient(HubSettings settings, Duration firstRetryDelay, PullListener listener) {
    this.settings = settings;
    this.firstRetryDelay = firstRetryDelay;
    this.listener = listener;
    this.http =
        HttpClient.newBuilder()
            .connectTimeout(settings.timeout())
            .followRedirects(HttpClient.Redirect.NEVER) // the token must not follow to other hosts
            .version(HttpClient.Version.HTTP_1_1) // a connection for each of the parallel downloads
            .proxy(EnvironmentProxy.of(System.getenv()))
            .build();
  }

  Retries retries(String what) {
    return new Retries(what, firstRetryDelay, listener);
  }

  /** The commit that a revision is now. */
  String commit(ModelName model) throws InterruptedException {
    URI uri =
        at("/api/models/" + model.repository() + "/revision/" + encode(model.revision(), false));
    JsonNode answer = json(uri, model, new ArrayList<>());
    String commit = answer.path("sha").asText("");
    if (!ModelName.isCommit(commit) || (model.isPinned() && !commit.equals(model.revision()))) {
      throw new HubException(
          "%s says that %s of %s is commit %s, expected %s"
              .formatted(
                  settings.endpoint(),
                  model.revision(),
                  model.repository(),
                  Quote.of(commit),
                  model.isPinned() ? model.revision() : "40 hexadecimal digits"));
    }
    return commit;
  }

  /** All files of a commit. */
  List<RemoteFile> files(ModelName model, String commit) throws InterruptedException {
    List<RemoteFile> files = new ArrayList<>();
    Set<String> paths = new HashSet<>();
    URI page = at("/api/models/%s/tree/%s?recursive=true".formatted(model.repository(), commit));
    for (int pages = 1; page != null; pages++) {
      List<URI> next = new ArrayList<>();
      JsonNode entries = json(page, model, next);
      if (!entries.isArray() || pages > MAX_PAGES || files.size() > MAX_FILES) {
        throw new HubException(
            "%s does not answer with a list of files; is it a hub of models?".formatted(page));
      }
      for (JsonNode entry : entries) {
        RemoteFile file = RemoteFile.read(entry);
        if (file != null) {
          if (!paths.add(file.path())) {
            throw new HubException("the hub lists %s twice".formatted(Quote.of(file.path())));
          }
          files.add(file);
        }
      }
      page = next.isEmpty() ? null : next.get(0);
    }
    return files;
  }

  /**
   * Asks for a file from one of its bytes on. The answer has status 200, with all of the file, or
   * 206.
   *
   * @throws IOException if it may succeed later
   */
  HttpResponse<TimedBody> open(ModelName model, String commit, RemoteFile file, long from)
      throws IOException, InterruptedException {
    URI uri =
        at("/%s/resolve/%s/%s".formatted(model.repository(), commit, encode(file.path(), true)));
    return send(uri, model, from);
  }

  private URI at(String path) {
    return URI.create(settings.endpoint() + path);
  }

  private static String encode(String text, boolean keepSlashes) {
    String encoded = URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    return keepSlashes ? encoded.replace("%2F", "/") : encoded;
  }

  private JsonNode json(URI uri, ModelName model, List<URI> next) throws InterruptedException {
    Retries retries = retries(model.repository());
    while (true) {
      try {
        HttpResponse<TimedBody> response = send(uri, model, 0);
        try (TimedBody body = response.body()) {
          byte[] bytes = read(body);
          nextPage(uri, response.headers()).ifPresent(next::add);
          try (JsonParser parser = StrictJson.parser(bytes)) {
            JsonNode node = MAPPER.readTree(parser);
            return node == null ? MAPPER.missingNode() : node;
          } catch (IOException e) {
            InvalidModelException invalid = StrictJson.invalid("the answer of " + uri, e);
            throw new HubException(String.valueOf(invalid.getMessage()), invalid);
          }
        }
      } catch (IOException e) {
        retries.failed(e);
      }
    }
  }

  private static byte[] read(TimedBody body) throws IOException, InterruptedException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (List<ByteBuffer> piece = body.next(); piece != null; piece = body.next()) {
      for (ByteBuffer buffer : piece) {
        if (bytes.size() + buffer.remaining() > MAX_LISTING_BYTES) {
          throw new HubException(
              "the hub's list of files is longer than %d MiB".formatted(MAX_LISTING_BYTES >> 20));
        }
        byte[] copy = new byte[buffer.remaining()];
        buffer.get(copy);
        bytes.writeBytes(copy);
      }
    }
    return bytes.toByteArray();
  }

  private Optional<URI> nextPage(URI uri, HttpHeaders headers) {
    Matcher link = NEXT_PAGE.matcher(headers.firstValue("Link").orElse(""));
    if (!link.find()) {
      return Optional.empty();
    }
    URI next = resolve(uri, link.group(1));
    if (!isHub(next)) {
      throw new HubException(
          "the hub's list of files goes on at another host, " + Quote.of(next.toString()));
    }
    return Optional.of(next);
  }

  private HttpResponse<TimedBody> send(URI first, ModelName model, long from)
      throws IOException, InterruptedException {
    URI uri = first;
    for (int redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      HttpResponse<TimedBody> response = http.send(request(uri, from), this::body);
      int status = response.statusCode();
      if (status == 200 || (status == 206 && from > 0)) {
        return response;
      }
      response.body().close();
      if (status < 300 || status >= 400 || response.headers().firstValue("Location").isEmpty()) {
        throw failure(response, model);
      }
      URI next = resolve(uri, response.headers().firstValue("Location").get());
      boolean secure = "https".equalsIgnoreCase(uri.getScheme());
      if (secure && !"https".equalsIgnoreCase(next.getScheme())) {
        throw new HubException(
            "the hub redirects from https to " + Quote.of(next.getScheme() + ""));
      }
      uri = next;
    }
    throw new HubException("%s redirects more than %d times".formatted(first, MAX_REDIRECTS));
  }

  private HttpResponse.BodySubscriber<TimedBody> body(HttpResponse.ResponseInfo info) {
    return new TimedBody(settings.timeout());
  }

  private HttpRequest request(URI uri, long from) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .timeout(settings.timeout())
            .header("User-Agent", "sambay4j")
            .header("Accept-Encoding", "identity");
    if (from > 0) {
      request.header("Range", "bytes=%d-".formatted(from));
    }
    if (settings.token() != null && isHub(uri)) {
      request.header("Authorization", "Bearer " + settings.token());
    }
    return request.build();
  }

  private boolean isHub(URI uri) {
    return origin(uri).equals(origin(settings.endpoint()));
  }

  private static String origin(URI uri) {
    String scheme = uri.getScheme().toLowerCase(Locale.ROOT);
    int port = uri.getPort() != -1 ? uri.getPort() : scheme.equals("https") ? 443 : 80;
    return scheme + "://" + uri.getHost().toLowerCase(Locale.ROOT) + ":" + port;
  }

  private static URI resolve(URI from, String location) {
    URI uri;
    try {
      uri = from.resolve(location);
    } catch (IllegalArgumentException e) {
      throw new HubException("the hub redirects to " + Quote.of(location), e);
    }
    String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
    if (uri.getHost() == null || !(scheme.equals("http") || scheme.equals("https"))) {
      throw new HubException("the hub redirects to " + Quote.of(location));
    }
    return uri;
  }

  // ---- failures

  /** What a status means: a failure that may pass, which is returned, or one that will not. */
  private IOException failure(HttpResponse<?> response, ModelName model) {
    int status = response.statusCode();
    String host = response.uri().getHost();
    if (status == 408 || status == 429 || status >= 500) {
      return new Retries.Busy(
          "%s answers with status %d%s"
              .formatted(host, status, status == 429 ? " (too many requests)" : ""),
          retryAfter(response.headers()));
    }
    if (status == 416) {
      return new Retries.Busy(host + " does not have the rest of the file", null);
    }
    throw new HubException(sentence(status, response, model));
  }

  private String sentence(int status, HttpResponse<?> response, ModelName model) {
    String code = response.headers().firstValue("X-Error-Code").orElse("");
    String repository = model.repository();
    String endpoint = settings.endpoint().toString();
    if (code.equals("GatedRepo")) {
      return settings.token() == null
          ? "%s is gated: accept its conditions at %s/%s, then give your token in HF_TOKEN"
              .formatted(repository, endpoint, repository)
          : "%s is gated, and your token has no access: accept its conditions at %s/%s"
              .formatted(repository, endpoint, repository);
    }
    if (code.equals("RevisionNotFound")) {
      return "%s has no revision %s".formatted(repository, model.revision());
    }
    if (code.equals("EntryNotFound")) {
      return "%s has no longer the file that %s lists".formatted(repository, endpoint);
    }
    if (!isHub(response.uri())) {
      return "%s, where %s sent us for a file of %s, answers with status %d; try again later"
          .formatted(response.uri().getHost(), endpoint, repository, status);
    }
    return switch (status) {
      case 401 ->
          settings.token() == null
              ? "%s is private or does not exist at %s; check the name, or give a token in HF_TOKEN"
                  .formatted(repository, endpoint)
              : "%s does not accept your token for %s; check the name, and the token in HF_TOKEN"
                  .formatted(endpoint, repository);
      case 403 ->
          "%s refuses access to %s%s"
              .formatted(
                  endpoint,
                  repository,
                  settings.token() == null
                      ? "; give a token in HF_TOKEN"
                      : "; your token lacks the permission");
      case 404 ->
          "%s has no model %s%s"
              .formatted(
                  endpoint,
                  repository,
                  model.revision().equals(ModelName.DEFAULT_REVISION)
                      ? ""
                      : ", or no revision " + model.revision() + " of it");
      default -> "%s answers with status %d for %s".formatted(endpoint, status, repository);
    };
  }

  /** Seconds, or a date. */
  private static @Nullable Duration retryAfter(HttpHeaders headers) {
    String value = headers.firstValue("Retry-After").orElse("").strip();
    if (value.matches("\\d{1,9}")) {
      return Duration.ofSeconds(Long.parseLong(value));
    }
    try {
      ZonedDateTime date = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME);
      Duration wait = Duration.between(ZonedDateTime.now(date.getZone()), date);
      return wait.isNegative() ? Duration.ZERO : wait;
    } catch (DateTimeException e) {
      return null; // none, or not one that we understand: our own wait counts
    }
  }
}
