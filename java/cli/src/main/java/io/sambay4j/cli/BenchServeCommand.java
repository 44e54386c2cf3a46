package io.sambay4j.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.LongRopePolicy;
import io.sambay4j.TextModel;
import io.sambay4j.cli.load.Answer;
import io.sambay4j.cli.load.Clock;
import io.sambay4j.cli.load.Lengths;
import io.sambay4j.cli.load.Load;
import io.sambay4j.cli.load.LoadClient;
import io.sambay4j.cli.load.LoadPlot;
import io.sambay4j.cli.load.LoadReport;
import io.sambay4j.cli.load.Prompts;
import io.sambay4j.cli.load.Quantiles;
import io.sambay4j.server.SambayServer;
import io.sambay4j.server.http.HttpOptions;
import io.sambay4j.server.openai.ServedModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "bench-serve",
    description =
        "Sends streamed chat requests to a server that speaks OpenAI's API, and says how long answers took. Without --url a "
            + "server of its own is started for the model. Prompts are words drawn by a seed; their lengths are about those "
            + "asked for, the figures are what the server counts.",
    header = "Measures a server under load.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay bench-serve --concurrency 16 --requests 200",
      "  sambay bench-serve --rate 8 --prompt lognormal:256,0.8 --output uniform:16,256",
      "  sambay bench-serve --url http://127.0.0.1:8080 --shared-prefix 1000 --slo ttft=0.5,tpot=0.05",
      "  sambay bench-serve --concurrency 32 --json run.json --plot run.svg",
      "  sambay bench-serve --concurrency 1 --turns 2 --prompt 2048 --output 16"
    })
final class BenchServeCommand implements Callable<Integer> {
  private static final String COMMON_POOL_THREADS =
      "java.util.concurrent.ForkJoinPool.common.parallelism";
  private static final int PROBE_WORDS = 64;
  private static final int MAX_REQUESTS = 10_000_000;
  private static final double[] SHOWN = {0.5, 0.9, 0.95, 0.99, 1};

  private final Console console;

  @Mixin private ModelOptions model = new ModelOptions();
  @Mixin private DeviceOptions device = new DeviceOptions();
  @Mixin private CacheOptions cache = new CacheOptions();

  @Option(
      names = "--url",
      paramLabel = "URL",
      order = 10,
      description = "Address of a server that runs, with or without /v1.")
  private @Nullable URI url;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      order = 11,
      description = "Model that requests name. Default: the first that the server lists.")
  private @Nullable String name;

  @Option(
      names = "--api-key",
      paramLabel = "KEY",
      order = 12,
      description = "Key for the server. Default: the variable OPENAI_API_KEY.")
  private @Nullable String apiKey;

  @Option(
      names = {"-c", "--concurrency"},
      paramLabel = "N",
      order = 13,
      description = "Closed loop: so many requests under way at once. Default: 8.")
  private @Nullable Integer concurrency;

  @Option(
      names = "--rate",
      paramLabel = "R",
      order = 14,
      description =
          "Open loop: R requests a second at random moments (Poisson), however the server keeps up.")
  private @Nullable Double rate;

  @Option(
      names = {"-n", "--requests"},
      paramLabel = "N",
      order = 15,
      defaultValue = "100",
      description = "Requests that are measured. Default: 100.")
  private int requests;

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      order = 16,
      defaultValue = "8",
      description = "Requests before them. Default: 8.")
  private int warmUp;

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "LENGTHS",
      order = 17,
      defaultValue = "128",
      description =
          "Tokens of prompts: N, uniform:MIN,MAX or lognormal:MEDIAN,SIGMA (at most 16 medians). Default: 128.")
  private String promptLengths = "128";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "LENGTHS",
      order = 18,
      defaultValue = "64",
      description = "Tokens of answers, likewise. Default: 64.")
  private String outputLengths = "64";

  @Option(
      names = "--turns",
      paramLabel = "N",
      order = 18,
      defaultValue = "1",
      description =
          "Requests that make a conversation: each sends all that was said before, as soon as it was said. --requests, "
              + "--concurrency and --rate then count conversations. Default: 1.")
  private int turns;

  @Option(
      names = "--turn-prompt",
      paramLabel = "LENGTHS",
      order = 18,
      defaultValue = "16",
      description = "Tokens of what is said in later turns, likewise. Default: 16.")
  private String turnLengths = "16";

  @Option(
      names = "--shared-prefix",
      paramLabel = "N",
      order = 19,
      defaultValue = "0",
      description =
          "Tokens of a beginning that all prompts share, for the prefix cache. Default: 0.")
  private int sharedPrefix;

  @Option(
      names = "--stop-at-end-tokens",
      order = 20,
      description =
          "Let answers end where the model ends them; otherwise ignore_eos is sent, which not every server knows.")
  private boolean stopAtEndTokens;

  @Option(
      names = "--seed",
      paramLabel = "N",
      order = 21,
      defaultValue = "1",
      description = "Of lengths, words and moments. Default: 1.")
  private long seed;

  @Option(
      names = "--slo",
      paramLabel = "LIST",
      order = 22,
      description =
          "What a good answer keeps, in seconds: ttft=0.5,tpot=0.05,e2e=20, any of them. Goodput counts those.")
  private @Nullable String objectives;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      order = 23,
      defaultValue = "600",
      description = "The longest wait for an answer's end. Default: 600.")
  private int timeout;

  @Option(
      names = "--event-interval",
      paramLabel = "MS",
      order = 26,
      defaultValue = "20",
      description =
          "Of its own server: milliseconds for which streams gather tokens; 0: none. Default: 20.")
  private int eventInterval;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      order = 41,
      description = "Write all figures, and each request's, to a file; - for standard output.")
  private @Nullable String json;

  @Option(
      names = "--plot",
      paramLabel = "FILE",
      order = 42,
      description = "Write a picture (SVG) to a file.")
  private @Nullable Path plot;

  BenchServeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    check();
    keepThreads();
    LoadReport.Objectives demanded =
        objectives == null ? LoadReport.Objectives.NONE : LoadReport.Objectives.parse(objectives);
    Lengths prompt = Lengths.parse(promptLengths);
    Lengths turn = Lengths.parse(turnLengths);
    Lengths output = Lengths.parse(outputLengths);
    if (url != null) {
      return measure(url, prompt, turn, output, demanded);
    }
    try (TextModel opened =
            model.openText(
                console,
                device,
                model.path(),
                cache.sequences(),
                LongRopePolicy.BY_LENGTH,
                ModelOptions.WeightType.AUTO,
                builder -> cache.apply(builder.queueLimit(Math.max(requests, 1))));
        SambayServer server =
            SambayServer.start(
                HttpOptions.builder()
                    .port(0)
                    .eventInterval(Duration.ofMillis(eventInterval))
                    .build(),
                List.of(
                    new ServedModel(
                        model.label().replaceAll("[^!-~]", "-"),
                        List.of(),
                        opened,
                        Instant.now())))) {
      return measure(
          URI.create("http://127.0.0.1:" + server.port()), prompt, turn, output, demanded);
    }
  }

  /**
   * With two processors the JDK's common pool has one thread, and then its HTTP client starts a
   * thread for every answer. Has an effect before the pool's first use.
   */
  private static void keepThreads() {
    if (System.getProperty(COMMON_POOL_THREADS) == null
        && Runtime.getRuntime().availableProcessors() < 3) {
      System.setProperty(COMMON_POOL_THREADS, "2");
    }
  }

  private void check() {
    if (concurrency != null && rate != null) {
      throw new IllegalArgumentException(
          "--concurrency is a closed loop, --rate an open one; choose");
    }
    if (rate != null && !(rate > 0 && rate <= 100_000)) {
      throw new IllegalArgumentException("--rate must be above 0, up to 100000, but was " + rate);
    }
    range("--concurrency", concurrency == null ? 1 : concurrency, 1, 100_000);
    range("--requests", requests, 1, MAX_REQUESTS);
    range("--turns", turns, 1, MAX_REQUESTS / requests);
    range("--warm-up", warmUp, 0, 1_000_000);
    range("--shared-prefix", sharedPrefix, 0, 1_000_000);
    range("--timeout", timeout, 1, 86_400);
    range("--event-interval", eventInterval, 0, 1000);
    if (url != null
        && !(List.of("http", "https").contains(String.valueOf(url.getScheme()))
            && url.getHost() != null)) {
      throw new IllegalArgumentException(
          "--url must be http://HOST:PORT or https://HOST, but was " + url);
    }
  }

  private static void range(String option, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          "%s must be from %d to %d but was %d".formatted(option, min, max, value));
    }
  }

  @SuppressWarnings("try") // the handler of Ctrl-C works by being there
  private int measure(
      URI address, Lengths prompt, Lengths turn, Lengths output, LoadReport.Objectives demanded)
      throws InterruptedException {
    String key = apiKey != null ? apiKey : url == null ? null : System.getenv("OPENAI_API_KEY");
    try (LoadClient client =
        new LoadClient(address, key, Duration.ofSeconds(timeout), !stopAtEndTokens)) {
      String served = name != null ? name : client.firstModel();
      Prompts prompts = new Prompts(tokensPerWord(client, served), sharedPrefix, seed);
      Load.Plan plan =
          new Load.Plan(
              served,
              requests,
              turns,
              rate != null ? 0 : concurrency == null ? 8 : concurrency,
              rate == null ? 0 : rate,
              prompt,
              turn,
              output,
              seed);
      warmUp(client, plan, prompts);
      AtomicBoolean interrupted = new AtomicBoolean();
      List<Answer> answers;
      try (Progress progress = new Progress(console, "measuring")) {
        Load load = new Load(client, plan, prompts, done -> progress.update(done, plan.requests()));
        try (Interrupts interrupts =
            Interrupts.handle(
                () -> {
                  interrupted.set(true);
                  load.stop();
                })) {
          answers = load.run();
        }
      }
      LoadReport report = new LoadReport(answers, demanded);
      show(address, plan, report);
      return interrupted.get()
          ? Cli.INTERRUPTED
          : report.succeeded() == answers.size() ? Cli.OK : Cli.FAILURE;
    } catch (IOException e) {
      throw new UncheckedIOException("the server at " + address + " cannot be measured", e);
    }
  }

  /** How many tokens the server makes of a word: from two prompts of different lengths. */
  private double tokensPerWord(LoadClient client, String served)
      throws IOException, InterruptedException {
    int one = promptTokens(client, served, 1);
    int many = promptTokens(client, served, 1 + PROBE_WORDS);
    return many > one ? (double) (many - one) / PROBE_WORDS : 1;
  }

  private int promptTokens(LoadClient client, String served, int words) throws IOException {
    String prompt = Prompts.text(new Random(seed), words);
    Answer answer = client.ask(served, List.of(prompt), 1, new Clock(), 0).join().answer();
    if (!answer.succeeded()) {
      throw new IOException(String.valueOf(answer.error()));
    }
    return answer.promptTokens();
  }

  private void warmUp(LoadClient client, Load.Plan plan, Prompts prompts)
      throws InterruptedException {
    if (warmUp > 0) {
      new Load(
              client,
              new Load.Plan(
                  plan.model(),
                  warmUp,
                  plan.turns(),
                  plan.concurrency(),
                  plan.rate(),
                  plan.promptTokens(),
                  plan.turnTokens(),
                  plan.outputTokens(),
                  ~seed), // other prompts than those measured
              prompts,
              done -> {})
          .run();
    }
  }

  // ---- results

  private void show(URI address, Load.Plan plan, LoadReport report) throws IOException {
    boolean toOutput = "-".equals(json);
    if (!toOutput) {
      print(address, plan, report);
    }
    if (json != null) {
      String text = Json.line(toJson(address, plan, report));
      if (toOutput) {
        console.out().println(text);
      } else {
        Files.writeString(Path.of(json), text + "\n");
      }
    }
    if (plot != null) {
      String subtitle =
          "%s; %d requests, %d failed; %s requests/s, %s tokens/s out"
              .formatted(
                  description(plan),
                  report.answers().size(),
                  report.answers().size() - report.succeeded(),
                  Units.rate(report.requestRate()),
                  Units.rate(report.outputRate()));
      Files.writeString(plot, LoadPlot.of(plan.model(), subtitle, report));
    }
    console.out().flush();
  }

  private String description(Load.Plan plan) {
    return "%s, %sprompt %s%s, output %s"
        .formatted(
            plan.rate() > 0
                ? "open loop, %s requests/s".formatted(Units.rate(plan.rate()))
                : "closed loop, %d at once".formatted(plan.concurrency()),
            plan.turns() == 1
                ? ""
                : "%d turns, the later of %s, ".formatted(plan.turns(), plan.turnTokens()),
            sharedPrefix == 0 ? "" : sharedPrefix + " shared + ",
            plan.promptTokens(),
            plan.outputTokens());
  }

  private void print(URI address, Load.Plan plan, LoadReport report) {
    Table run = new Table("server", url == null ? "its own" : address.toString());
    run.row("model", plan.model());
    run.row("load", description(plan) + ", seed " + seed);
    run.row(
        "requests",
        "%d in %s, %d failed"
            .formatted(
                report.answers().size(),
                Units.seconds(report.duration()),
                report.answers().size() - report.succeeded()));
    report.errors().forEach((error, count) -> run.row("", count + " x " + error));
    run.row(
        "tokens",
        "prompt %.0f, output %.0f on average; %.0f %% of prompt tokens known"
            .formatted(
                report.meanPromptTokens(), report.meanOutputTokens(), 100 * report.cachedShare()));
    run.row(
        "throughput",
        "%s requests/s, %s tokens/s out, %s tokens/s in"
            .formatted(
                Units.rate(report.requestRate()),
                Units.rate(report.outputRate()),
                Units.rate(report.promptRate())));
    if (objectives != null) {
      run.row(
          "goodput",
          "%s requests/s, %.1f %% of requests keep %s"
              .formatted(Units.rate(report.goodput()), 100 * report.goodShare(), objectives));
    }
    if (rate != null) {
      run.row("sent late", "p99 %s".formatted(milliseconds(report.lateness().at(0.99)) + " ms"));
    }
    run.print(console.out());
    console.out().println();
    Table times = new Table("ms", ">mean", ">p50", ">p90", ">p95", ">p99", ">max");
    row(times, "time to first token", report.timeToFirstToken());
    if (plan.turns() > 1) {
      for (int turn = 1; turn <= report.turns(); turn++) {
        row(times, "  of turn " + turn, report.ofTurn(turn).timeToFirstToken());
      }
    }
    row(times, "time per output token", report.timePerOutputToken());
    row(times, "between pieces", report.interTokenLatency());
    row(times, "end to end", report.total());
    times.print(console.out());
  }

  private static void row(Table table, String what, Quantiles times) {
    Object[] cells = new Object[2 + SHOWN.length];
    cells[0] = what;
    cells[1] = milliseconds(times.mean());
    for (int i = 0; i < SHOWN.length; i++) {
      cells[2 + i] = milliseconds(times.at(SHOWN[i]));
    }
    table.row(cells);
  }

  private static String milliseconds(double seconds) {
    return Double.isNaN(seconds) ? "-" : Units.rate(1000 * seconds);
  }

  private ObjectNode toJson(URI address, Load.Plan plan, LoadReport report) {
    ObjectNode root =
        Json.object()
            .put("server", address.toString())
            .put("model", plan.model())
            .put("time", Instant.now().toString());
    root.putObject("load")
        .put("concurrency", plan.concurrency())
        .put("rate", plan.rate())
        .put("prompt", plan.promptTokens().toString())
        .put("output", plan.outputTokens().toString())
        .put("turns", plan.turns())
        .put("turn_prompt", plan.turnTokens().toString())
        .put("shared_prefix", sharedPrefix)
        .put("ignore_eos", !stopAtEndTokens)
        .put("warm_up", warmUp)
        .put("seed", seed);
    root.put("requests", report.answers().size())
        .put("succeeded", report.succeeded())
        .put("duration_s", report.duration())
        .put("requests_per_s", report.requestRate())
        .put("output_tokens_per_s", report.outputRate())
        .put("prompt_tokens_per_s", report.promptRate())
        .put("prompt_tokens_mean", report.meanPromptTokens())
        .put("output_tokens_mean", report.meanOutputTokens())
        .put("cached_share", report.cachedShare());
    if (objectives != null) {
      root.put("slo", objectives)
          .put("goodput_requests_per_s", report.goodput())
          .put("good_share", report.goodShare());
    }
    ObjectNode errors = root.putObject("errors");
    report.errors().forEach(errors::put);
    put(root, "time_to_first_token_s", report.timeToFirstToken());
    put(root, "time_per_output_token_s", report.timePerOutputToken());
    put(root, "between_pieces_s", report.interTokenLatency());
    put(root, "end_to_end_s", report.total());
    put(root, "sent_late_s", report.lateness());
    ArrayNode byTurn = root.putArray("turns");
    for (int turn = 1; turn <= report.turns(); turn++) {
      LoadReport of = report.ofTurn(turn);
      ObjectNode node =
          byTurn
              .addObject()
              .put("turn", turn)
              .put("prompt_tokens_mean", of.meanPromptTokens())
              .put("cached_share", of.cachedShare());
      put(node, "time_to_first_token_s", of.timeToFirstToken());
    }
    ArrayNode all = root.putArray("answers");
    for (Answer answer : report.answers()) {
      ObjectNode node =
          all.addObject()
              .put("turn", answer.turn())
              .put("due_s", answer.due())
              .put("sent_s", answer.sent())
              .put("end_s", answer.end())
              .put("prompt_tokens", answer.promptTokens())
              .put("cached_tokens", answer.cachedTokens())
              .put("output_tokens", answer.generatedTokens());
      if (!Double.isNaN(answer.firstToken())) {
        node.put("first_token_s", answer.firstToken());
      }
      node.put("error", answer.error());
    }
    return root;
  }

  private static void put(ObjectNode root, String field, Quantiles times) {
    ObjectNode node = root.putObject(field).put("count", times.count());
    if (times.count() > 0) {
      node.put("mean", times.mean());
      for (double q : SHOWN) {
        node.put(q == 1 ? "max" : "p" + Math.round(100 * q), times.at(q));
      }
    }
  }
}
