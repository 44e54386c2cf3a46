package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.PromptToken;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.EventStream;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Json;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Writes the answers of {@code /v1/completions}, whole or as they come. */
final class CompletionAnswers {
  private final String id = AnswerJson.id("cmpl-");
  private final long created = AnswerJson.now();
  private final CompletionRequest request;
  private final GenerationFields fields;
  private final Tokenizer tokenizer;
  private final List<String> echoed; // of each prompt; empty without echo

  CompletionAnswers(CompletionRequest request) {
    this.request = request;
    this.fields = request.generation();
    this.tokenizer = fields.model().model().tokenizer();
    this.echoed =
        request.prompts().stream()
            .map(prompt -> request.echo() ? prompt.echo(tokenizer) : "")
            .toList();
  }

  private ObjectNode root() {
    return Json.object()
        .put("id", id)
        .put("object", "text_completion")
        .put("created", created)
        .put("model", fields.model().name());
  }

  // ---- whole

  /** The best answers to each prompt in one object. */
  ObjectNode whole(List<WholeAnswer.Ended> answers) {
    List<Generation> generations = answers.stream().map(WholeAnswer.Ended::generation).toList();
    ObjectNode root = root();
    ArrayNode choices = root.putArray("choices");
    int each = request.generated();
    for (int i = 0; i < request.prompts().size(); i++) {
      List<Generation> own = generations.subList(i * each, (i + 1) * each);
      for (Generation generation : best(own)) {
        choices.add(whole(choices.size(), i, generation, read(own)));
      }
    }
    root.set("usage", AnswerJson.usage(generations, request.prompts().size(), 0));
    root.set("timings", answers.get(0).times().json());
    return root;
  }

  /** What the generation that read a prompt saw there; others were spared it. */
  private static List<PromptToken> read(List<Generation> generations) {
    return generations.stream()
        .map(Generation::promptLogProbabilities)
        .max(Comparator.comparingInt(List::size))
        .orElseThrow();
  }

  private ObjectNode whole(
      int index, int prompt, Generation generation, List<PromptToken> promptTokens) {
    String before = echoed.get(prompt);
    ObjectNode choice = Json.object().put("index", index).put("text", before + generation.text());
    if (fields.promptLogProbabilities()) {
      // Whoever scores texts takes the last token off, so it is there whatever it is.
      CompletionLogProbabilities all = new CompletionLogProbabilities(tokenizer);
      all.addPrompt(request.prompts().get(prompt).ids(), promptTokens);
      choice.set("logprobs", all.add(generation.tokens(), before.length()));
    } else if (fields.logProbabilities()) {
      CompletionLogProbabilities own = new CompletionLogProbabilities(tokenizer);
      choice.set("logprobs", own.add(AnswerJson.shown(generation), before.length()));
    } else {
      choice.putNull("logprobs");
    }
    return choice.put("finish_reason", Outcomes.finishReason(generation.finishReason()));
  }

  /** The n answers whose tokens are most probable on average, best first. */
  private List<Generation> best(List<Generation> generations) {
    if (request.answers() == request.generated()) {
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

  // ---- as they come

  /** The answers as events. */
  AnswerSink stream(Exchange exchange) {
    return new Stream(exchange);
  }

  private final class Stream implements AnswerSink {
    private final EventStream events;
    private final @Nullable Generation[] generations = new Generation[fields.choices()];
    private final List<Untold> untold = new ArrayList<>();
    private final int[] offsets = new int[fields.choices()];

    Stream(Exchange exchange) {
      events = exchange.events();
      events.gatherWith(this::tell);
      for (int i = 0; i < fields.choices(); i++) {
        int index = i;
        untold.add(new Untold());
        String before = echoed.get(i / request.generated());
        if (!before.isEmpty()) {
          events.post(() -> chunk(index, before, List.of(), null, null));
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
            generations[index] = generation;
            untold.get(index).end(generation);
            tell(index);
            String reason = Outcomes.finishReason(generation.finishReason());
            chunk(index, "", untold.get(index).takeRest(), reason, times);
          });
    }

    @Override
    public void complete() {
      events.postHurried(
          () -> {
            if (fields.includeUsage()) {
              ObjectNode root = root();
              root.putArray("choices");
              List<Generation> all =
                  Arrays.stream(generations).map(Objects::requireNonNull).toList();
              root.set("usage", AnswerJson.usage(all, request.prompts().size(), 0));
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
      ObjectNode choice =
          root.putArray("choices").addObject().put("index", index).put("text", text);
      if (fields.logProbabilities()) {
        choice.set(
            "logprobs", new CompletionLogProbabilities(tokenizer).add(tokens, offsets[index]));
      } else {
        choice.putNull("logprobs");
      }
      choice.put("finish_reason", finishReason);
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
