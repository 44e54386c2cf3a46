package io.sambay4j.server.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.sambay4j.server.openai.CallObserver.Answered;
import java.time.Duration;

/** How the answers of one model went: times, lengths, ends. */
final class AnswerMeters {
  private final MeterRegistry registry;
  private final Tags tags;
  private final Timer firstToken;
  private final Timer betweenTokens;
  private final Timer perToken;
  private final Timer whole;
  private final Timer queue;
  private final Timer prefill;
  private final Timer decode;
  private final DistributionSummary promptTokens;
  private final DistributionSummary generatedTokens;

  AnswerMeters(MeterRegistry registry, Tags tags) {
    this.registry = registry;
    this.tags = tags;
    firstToken =
        timer("time_to_first_token", "From the request to its first token.", Buckets.FIRST_TOKEN);
    betweenTokens = timer("inter_token_latency", "From one token to the next.", Buckets.TOKEN);
    perToken =
        timer(
            "request_time_per_output_token",
            "An answer's mean from one token to the next.",
            Buckets.TOKEN);
    whole = timer("e2e_request_latency", "From the request to the answer's end.", Buckets.REQUEST);
    queue = timer("request_queue_time", "From the request to its first step.", Buckets.REQUEST);
    prefill =
        timer("request_prefill_time", "From the first step to the first token.", Buckets.REQUEST);
    decode = timer("request_decode_time", "From the first token to the last.", Buckets.REQUEST);
    promptTokens = summary("request_prompt_tokens", "Tokens of prompts.");
    generatedTokens = summary("request_generation_tokens", "Tokens of answers.");
    ended("stop"); // there from the start, so that rates begin at zero
    ended("length");
  }

  /** The time since the answer's token before. */
  void token(Duration sinceLast) {
    betweenTokens.record(sinceLast);
  }

  void answered(Answered answer) {
    if (answer.outcome().equals("error")) {
      count("request_errors", "Answers that the engine could not finish.", Tags.empty());
      return;
    }
    ended(answer.outcome()).increment();
    whole.record(answer.total());
    queue.record(answer.queued());
    promptTokens.record(answer.promptTokens());
    generatedTokens.record(answer.generatedTokens());
    if (!answer.toFirstToken().isZero()) {
      firstToken.record(answer.toFirstToken());
      Duration reading = answer.toFirstToken().minus(answer.queued());
      prefill.record(reading.isNegative() ? Duration.ZERO : reading);
      decode.record(answer.generating());
    }
    if (answer.generatedTokens() > 1) {
      perToken.record(answer.generating().dividedBy(answer.generatedTokens() - 1L));
    }
  }

  void refused(int status) {
    count(
        "request_refused",
        "Requests refused before they began.",
        Tags.of("status", Integer.toString(status)));
  }

  private Counter ended(String reason) {
    return Counter.builder(ServerMetrics.PREFIX + "request_success")
        .description("Answers that ended, and how.")
        .tags(tags.and("finished_reason", reason))
        .register(registry);
  }

  private void count(String name, String help, Tags more) {
    Counter.builder(ServerMetrics.PREFIX + name)
        .description(help)
        .tags(tags.and(more))
        .register(registry)
        .increment();
  }

  private Timer timer(String name, String help, Duration[] buckets) {
    return Timer.builder(ServerMetrics.PREFIX + name)
        .description(help)
        .tags(tags)
        .serviceLevelObjectives(buckets)
        .register(registry);
  }

  private DistributionSummary summary(String name, String help) {
    return DistributionSummary.builder(ServerMetrics.PREFIX + name)
        .description(help)
        .tags(tags)
        .serviceLevelObjectives(Buckets.TOKENS)
        .register(registry);
  }
}
