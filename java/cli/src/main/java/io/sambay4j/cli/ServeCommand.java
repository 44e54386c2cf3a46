package io.sambay4j.cli;

import io.sambay4j.LongRopePolicy;
import io.sambay4j.TextModel;
import io.sambay4j.answer.AnswerFormat;
import io.sambay4j.server.SambayServer;
import io.sambay4j.server.http.HttpOptions;
import io.sambay4j.server.openai.CallObserver;
import io.sambay4j.server.openai.ServedModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "serve",
    description =
        "OpenAI's API and a web page, at this machine alone unless --host says otherwise. Ctrl-C or SIGTERM lets running "
            + "answers end first.",
    header = "Serves a model over HTTP.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay serve",
      "  sambay serve --model OWNER/NAME --name phi --port 8000",
      "  sambay serve --host 0.0.0.0 --api-key-file keys.txt --tls-certificate cert.pem --tls-key key.pem"
    })
final class ServeCommand implements Callable<Integer> {
  private static final String KEYS_VARIABLE = "SAMBAY_API_KEYS";
  private static final String TLS_PASSWORD_VARIABLE = "SAMBAY_TLS_PASSWORD";

  private final Console console;

  @Mixin private ModelOptions model = new ModelOptions();
  @Mixin private DeviceOptions device = new DeviceOptions();
  @Mixin private CacheOptions cache = new CacheOptions();

  @Option(
      names = "--name",
      paramLabel = "NAME",
      order = 10,
      description =
          "What clients call the model, more than once for more names. Default: its own, or its directory's.")
  private List<String> names = new ArrayList<>();

  @Option(
      names = "--add-model",
      paramLabel = "NAME=MODEL",
      order = 11,
      description = "One more model, with the same settings; more than once for more.")
  private List<String> more = new ArrayList<>();

  @Option(
      names = "--host",
      paramLabel = "HOST",
      order = 12,
      defaultValue = "127.0.0.1",
      description = "Address to listen at; 0.0.0.0 for every one. Default: 127.0.0.1.")
  private String host = "127.0.0.1";

  @Option(
      names = "--port",
      paramLabel = "N",
      order = 13,
      defaultValue = "8080",
      description = "Port to listen at; 0 for any that is free. Default: 8080.")
  private int port;

  @Option(
      names = "--queue",
      paramLabel = "N",
      order = 15,
      defaultValue = "256",
      description = "Answers that may wait; one more is refused (429). Default: 256.")
  private int queue;

  @Option(
      names = "--request-seconds",
      paramLabel = "N",
      order = 17,
      defaultValue = "0",
      description = "Time a request may take, waiting included; 0 for no limit. Default: 0.")
  private int requestSeconds;

  @Option(
      names = "--drain-seconds",
      paramLabel = "N",
      order = 18,
      defaultValue = "30",
      description = "Time that running answers get to end when the server stops. Default: 30.")
  private int drainSeconds;

  @Option(
      names = "--api-key-file",
      paramLabel = "FILE",
      order = 20,
      description =
          "API keys, one a line; lines that begin with # are comments. Or in the variable SAMBAY_API_KEYS, with commas. "
              + "Default: no key is needed.")
  private @Nullable Path keyFile;

  @Option(
      names = "--cors-origin",
      paramLabel = "ORIGIN",
      order = 21,
      description =
          "Origin of another web page that may use the API, such as https://example.com; more than once for more.")
  private List<String> corsOrigins = new ArrayList<>();

  @Option(
      names = "--allowed-host",
      paramLabel = "NAME",
      order = 22,
      description =
          "Name that requests may give as Host besides localhost; more than once for more. Default: at 127.0.0.1 "
              + "localhost alone, elsewhere any.")
  private List<String> allowedHosts = new ArrayList<>();

  @Option(
      names = "--tls-certificate",
      paramLabel = "FILE",
      order = 23,
      description =
          "Certificate chain in PEM format, or a PKCS #12 file with the key (password: variable SAMBAY_TLS_PASSWORD).")
  private @Nullable Path certificate;

  @Option(
      names = "--tls-key",
      paramLabel = "FILE",
      order = 24,
      description = "Private key of the certificate in PEM format (PKCS #8, unencrypted).")
  private @Nullable Path key;

  @Option(
      names = "--thoughts",
      paramLabel = "FORMAT",
      order = 25,
      defaultValue = "none",
      description =
          "How the model marks its thought: none, think (<think>...</think>), or think-opened where the template writes "
              + "<think> itself. Default: none.")
  private String thoughts = "none";

  @Option(
      names = "--tool-calls",
      paramLabel = "FORMAT",
      order = 26,
      defaultValue = "tool_call",
      description =
          "How the model marks calls of tools: tool_call (<tool_call>...</tool_call>), phi (<|tool_call|>), or none. "
              + "Default: tool_call.")
  private String toolCalls = "tool_call";

  @Option(
      names = "--max-body",
      paramLabel = "MIB",
      order = 30,
      defaultValue = "16",
      description = "Largest request in MiB. Default: 16.")
  private int maxBody;

  @Option(
      names = "--max-connections",
      paramLabel = "N",
      order = 31,
      defaultValue = "8192",
      description = "Connections open at once. Default: 8192.")
  private int maxConnections;

  @Option(
      names = "--idle-seconds",
      paramLabel = "N",
      order = 32,
      defaultValue = "75",
      description = "A connection without a request is closed after so long. Default: 75.")
  private int idleSeconds;

  @Option(
      names = "--write-seconds",
      paramLabel = "N",
      order = 33,
      defaultValue = "30",
      description =
          "A client that has read nothing for so long is given up, and its answer cancelled. Default: 30.")
  private int writeSeconds;

  @Option(
      names = "--ping-seconds",
      paramLabel = "N",
      order = 34,
      defaultValue = "10",
      description = "A stream that has nothing to say pings so often. Default: 10.")
  private int pingSeconds;

  @Option(
      names = "--event-interval",
      paramLabel = "MS",
      order = 35,
      defaultValue = "20",
      description =
          "A stream that has sent something within so many milliseconds gathers what comes and sends it together; 0: each "
              + "token by itself. Default: 20.")
  private int eventInterval;

  ServeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    HttpOptions http = httpOptions();
    Duration limit = Duration.ofSeconds(atLeast("--request-seconds", requestSeconds, 0));
    Duration patience = Duration.ofSeconds(atLeast("--drain-seconds", drainSeconds, 0));
    List<ServedModel> models = new ArrayList<>();
    try {
      open(models);
      try (SambayServer server =
          SambayServer.start(http, models, new CallObserver() {}, limit.isZero() ? null : limit)) {
        greet(server, http, models);
        serveUntilStopped(server, patience);
      }
    } finally {
      models.forEach(served -> served.model().close());
    }
    return Cli.OK;
  }

  private void open(List<ServedModel> models) {
    Path path = model.path();
    String name = names.isEmpty() ? visible(model.label()) : names.get(0);
    List<String> aliases = names.isEmpty() ? List.of() : names.subList(1, names.size());
    models.add(new ServedModel(name, aliases, openText(path), Instant.now(), format()));
    for (String pair : more) {
      int separator = pair.indexOf('=');
      if (separator < 1 || separator == pair.length() - 1) {
        throw new IllegalArgumentException("--add-model takes NAME=MODEL but was given " + pair);
      }
      models.add(
          new ServedModel(
              pair.substring(0, separator),
              List.of(),
              openText(ModelOptions.path(pair.substring(separator + 1))),
              Instant.now(),
              format()));
    }
  }

  private TextModel openText(Path path) {
    return model.openText(
        console,
        device,
        path,
        cache.sequences(),
        LongRopePolicy.BY_LENGTH,
        ModelOptions.WeightType.AUTO,
        builder -> cache.apply(builder.queueLimit(atLeast("--queue", queue, 1))));
  }

  private AnswerFormat format() {
    return AnswerFormat.named(thoughts, toolCalls);
  }

  /** Names go into headers and labels. */
  private static String visible(String name) {
    return name.replaceAll("[^!-~]", "-");
  }

  private HttpOptions httpOptions() {
    if (key != null && certificate == null) {
      throw new IllegalArgumentException("--tls-key needs its certificate: --tls-certificate FILE");
    }
    String password = System.getenv(TLS_PASSWORD_VARIABLE);
    return HttpOptions.builder()
        .host(host)
        .port(port)
        .apiKeys(apiKeys())
        .corsOrigins(corsOrigins)
        .allowedHosts(allowedHosts)
        .tls(
            certificate == null
                ? null
                : new HttpOptions.Tls(certificate, key, password == null ? "" : password))
        .maxBodyBytes(Math.multiplyExact(atLeast("--max-body", maxBody, 1), 1 << 20))
        .maxConnections(maxConnections)
        .idleTimeout(Duration.ofSeconds(idleSeconds))
        .writeTimeout(Duration.ofSeconds(writeSeconds))
        .pingInterval(Duration.ofSeconds(pingSeconds))
        .eventInterval(Duration.ofMillis(eventInterval))
        .build();
  }

  private List<String> apiKeys() {
    List<String> keys = new ArrayList<>();
    String variable = System.getenv(KEYS_VARIABLE);
    if (variable != null) {
      Arrays.stream(variable.split(",", -1)).map(String::strip).forEach(keys::add);
    }
    if (keyFile != null) {
      try {
        Files.readAllLines(keyFile, StandardCharsets.UTF_8).stream()
            .map(String::strip)
            .filter(line -> !line.startsWith("#"))
            .forEach(keys::add);
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read " + keyFile, e);
      }
    }
    keys.removeIf(String::isEmpty);
    if (keys.isEmpty() && (keyFile != null || variable != null)) {
      throw new IllegalArgumentException(
          "no API key was found in %s"
              .formatted(keyFile == null ? "the variable " + KEYS_VARIABLE : keyFile));
    }
    return keys;
  }

  private static int atLeast(String option, int value, int min) {
    if (value < min) {
      throw new IllegalArgumentException(
          "%s must be at least %d but was %d".formatted(option, min, value));
    }
    return value;
  }

  private void greet(SambayServer server, HttpOptions http, List<ServedModel> models) {
    String scheme = http.tls() == null ? "http" : "https";
    String shown = host.equals("0.0.0.0") || host.equals("::") ? "localhost" : host;
    String url =
        "%s://%s:%d"
            .formatted(scheme, shown.contains(":") ? "[" + shown + "]" : shown, server.port());
    for (ServedModel served : models) {
      console.note(
          "%s on %s: context %d, %d answers at once, %d may wait, prefix cache %s"
              .formatted(
                  served.name(),
                  served.model().device(),
                  served.model().contextLimit(),
                  cache.sequences(),
                  queue,
                  prefixCache(served.model())));
    }
    console.note(
        "listening at %s, the API below %s/v1, %s"
            .formatted(
                url,
                url,
                http.apiKeys().isEmpty() ? "no key needed" : http.apiKeys().size() + " keys"));
    console.note("");
    console.note(
        "  curl %s%s/v1/chat/completions -H 'Content-Type: application/json' %s-d '{\"messages\":[{\"role\":\"user\",\"content\":\"What is 17+25?\"}]}'"
            .formatted(
                http.tls() == null ? "" : "-k ",
                url,
                http.apiKeys().isEmpty() ? "" : "-H 'Authorization: Bearer KEY' "));
    console.note("");
  }

  private static String prefixCache(TextModel model) {
    long bytes = model.statistics().prefixCacheLimitBytes();
    return bytes == 0 ? "off" : Units.bytes(bytes);
  }

  /** SIGTERM and Ctrl-C begin the VM's shutdown, which waits here until running answers ended. */
  private void serveUntilStopped(SambayServer server, Duration patience)
      throws InterruptedException {
    CountDownLatch stop = new CountDownLatch(1);
    CountDownLatch stopped = new CountDownLatch(1);
    Thread hook =
        new Thread(
            () -> {
              stop.countDown();
              try {
                stopped.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "stop");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      stop.await();
      if (server.calls().running() > 0) {
        console.note(
            "stopping: %d requests get %d s to end"
                .formatted(server.calls().running(), patience.toSeconds()));
      }
      server.drain(patience);
    } finally {
      server.close();
      stopped.countDown();
    }
  }
}
