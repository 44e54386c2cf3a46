package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.sampling.TokenLogProbability;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.EventStream;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Json;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes the answers of {@code /v1/completions}, whole or as they come. */
final class CompletionAnswers {
  private final String id = AnswerJson.id("cmpl-");
  private final long created = AnswerJson.now();
  private final CompletionRequest request;
  private final GenerationFields fields;
  private final Tokenizer tokenizer;
  private final String echoed;

  CompletionAnswers(CompletionRequest request) {
    this.request = request;
    this.fields = request.generation();
    this.tokenizer = fields.model().model().tokenizer();
    this.echoed = request.echo() ? promptText() : "";
  }

  private String promptText() {
    if (request.prompt() instanceof Prompt.Tokens tokens) {
      return tokenizer.decode(tokens.ids().stream().mapToInt(Integer::intValue).toArray());
    }
    return ((Prompt.Text) request.prompt()).text();
  }

  private ObjectNode root() {
    return Json.object()
        .put("id", id)
        .put("object", "text_completion")
        .put("created", created)
        .put("model", fields.model().name());
  }

  // ---- whole

  /** The best answers in one object. */
  ObjectNode whole(List<WholeAnswer.Ended> answers) {
    List<Generation> generations = answers.stream().map(WholeAnswer.Ended::generation).toList();
    ObjectNode root = root();
    ArrayNode choices = root.putArray("choices");
    List<Generation> best = best(generations);
    for (int i = 0; i < best.size(); i++) {
      Generation generation = best.get(i);
      List<GeneratedToken> tokens = AnswerJson.shown(generation);
      choices.add(
          choice(i, echoed + generation.text(), tokens, 0)
              .put("finish_reason", Outcomes.finishReason(generation.finishReason())));
    }
    root.set("usage", AnswerJson.usage(generations, 0));
    root.set("timings", answers.get(0).times().json());
    return root;
  }

  /** The n answers whose tokens are most probable on average, best first. */
  private List<Generation> best(List<Generation> generations) {
    if (request.answers() == generations.size()) {
      return generations;
    }
    return generations.stream()
        .sorted(Comparator.comparingDouble(CompletionAnswers::meanLogProbability).reversed())
        .limit(request.answers())
        .toList();
  }

  private static double meanLogProbability(Generation generation) {
    return generation.tokens().stream()
        .mapToDouble(GeneratedToken::logProbability)
        .average()
        .orElse(0);
  }

  private ObjectNode choice(int index, String text, List<GeneratedToken> tokens, int offset) {
    ObjectNode choice = Json.object().put("index", index).put("text", text);
    if (!fields.logProbabilities()) {
      return choice.putNull("logprobs");
    }
    ObjectNode logProbabilities = choice.putObject("logprobs");
    ArrayNode texts = logProbabilities.putArray("tokens");
    ArrayNode values = logProbabilities.putArray("token_logprobs");
    ArrayNode tops = logProbabilities.putArray("top_logprobs");
    ArrayNode offsets = logProbabilities.putArray("text_offset");
    int at = offset;
    for (GeneratedToken token : tokens) {
      texts.add(AnswerJson.text(tokenizer, token.id()));
      values.add(AnswerJson.finite(token.logProbability()));
      ObjectNode top = tops.addObject();
      for (TokenLogProbability other : token.alternatives()) {
        top.put(
            AnswerJson.text(tokenizer, other.token()), AnswerJson.finite(other.logProbability()));
      }
      offsets.add(at);
      at += token.text().length();
    }
    return choice;
  }

  // ---- as they come

  /** The answers as events. */
  AnswerSink stream(Exchange exchange) {
    return new Stream(exchange);
  }

  private final class Stream implements AnswerSink {
    private final EventStream events;
    private final List<Generation> generations = new ArrayList<>();
    private final List<Untold> untold = new ArrayList<>();
    private final int[] offsets = new int[fields.choices()];

    Stream(Exchange exchange) {
      events = exchange.events();
      events.gatherWith(this::tell);
      for (int i = 0; i < fields.choices(); i++) {
        int index = i;
        untold.add(new Untold());
        if (!echoed.isEmpty()) {
          events.post(() -> chunk(index, echoed, List.of(), null, null));
        }
      }
    }

    @Override
    public void accepted() {
      events.open();
    }

    @Override
    public void token(int index, GeneratedToken token) {
      Untold.post(events, token, () -> untold.get(index).add(token));
    }

    private void tell() {
      for (int i = 0; i < untold.size(); i++) {
        tell(i);
      }
    }

    private void tell(int index) {
      String text = untold.get(index).takeText();
      if (!text.isEmpty()) { // otherwise half a character
        chunk(index, text, untold.get(index).takeTokens(), null, null);
      }
    }

    @Override
    public void ended(int index, Generation generation, AnswerTimes times) {
      events.post(
          () -> {
            generations.add(generation);
            untold.get(index).end(generation);
            tell(index);
            String reason = Outcomes.finishReason(generation.finishReason());
            chunk(index, "", untold.get(index).takeTokens(), reason, times);
          });
    }

    @Override
    public void complete() {
      events.postHurried(
          () -> {
            if (fields.includeUsage()) {
              ObjectNode root = root();
              root.putArray("choices");
              root.set("usage", AnswerJson.usage(generations, 0));
              events.event(root);
            }
            events.word("[DONE]");
            events.end();
          });
    }

    @Override
    public void failed(ApiException failure) {
      events.fail(failure);
    }

    private void chunk(
        int index,
        String text,
        List<GeneratedToken> tokens,
        @Nullable String finishReason,
        @Nullable AnswerTimes times) {
      ObjectNode root = root();
      root.putArray("choices")
          .add(choice(index, text, tokens, offsets[index]).put("finish_reason", finishReason));
      offsets[index] += text.length();
      if (fields.includeUsage()) {
        root.putNull("usage");
      }
      if (times != null) {
        root.set("timings", times.json());
      }
      events.event(root);
    }
  }
}
