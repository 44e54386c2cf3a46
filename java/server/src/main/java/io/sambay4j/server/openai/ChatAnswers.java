package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.EventStream;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Json;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes the answers of {@code /v1/chat/completions}, whole or as they come. */
final class ChatAnswers {
  private final String id = AnswerJson.id("chatcmpl-");
  private final long created = AnswerJson.now();
  private final GenerationFields fields;
  private final Tokenizer tokenizer;

  ChatAnswers(GenerationFields fields) {
    this.fields = fields;
    this.tokenizer = fields.model().model().tokenizer();
  }

  private ObjectNode root(String object) {
    return Json.object()
        .put("id", id)
        .put("object", object)
        .put("created", created)
        .put("model", fields.model().name());
  }

  // ---- whole

  /** All answers in one object. */
  ObjectNode whole(List<WholeAnswer.Ended> answers) {
    ObjectNode root = root("chat.completion");
    ArrayNode choices = root.putArray("choices");
    for (int i = 0; i < answers.size(); i++) {
      choices.add(choice(i, answers.get(i).generation()));
    }
    List<Generation> generations =
        answers.stream().map(WholeAnswer.Ended::generation).toList();
    root.set("usage", AnswerJson.usage(generations, 0));
    root.set("timings", answers.get(0).times().json());
    return root;
  }

  private ObjectNode choice(int index, Generation generation) {
    ObjectNode choice = Json.object().put("index", index);
    choice
        .putObject("message")
        .put("role", "assistant")
        .put("content", generation.text())
        .putNull("refusal");
    putLogProbabilities(choice, AnswerJson.shown(generation));
    return choice.put("finish_reason", Outcomes.finishReason(generation.finishReason()));
  }

  private void putLogProbabilities(ObjectNode choice, List<GeneratedToken> tokens) {
    if (fields.logProbabilities()) {
      choice
          .putObject("logprobs")
          .<ObjectNode>set("content", AnswerJson.logProbabilities(tokenizer, tokens))
          .putNull("refusal");
    } else {
      choice.putNull("logprobs");
    }
  }

  // ---- as they come

  /** The answers as events. */
  AnswerSink stream(Exchange exchange) {
    return new Stream(exchange);
  }

  private final class Stream implements AnswerSink {
    private final EventStream events;
    private final List<Generation> generations = new ArrayList<>();
    private final List<List<GeneratedToken>> untold = new ArrayList<>();

    Stream(Exchange exchange) {
      events = exchange.events();
      for (int i = 0; i < fields.choices(); i++) {
        int index = i;
        untold.add(new ArrayList<>());
        events.post(() -> begin(index));
      }
    }

    @Override
    public void accepted() {
      events.open();
    }

    private void begin(int index) {
      ObjectNode delta = Json.object().put("role", "assistant").put("content", "");
      chunk(index, delta, List.of(), null, null);
    }

    @Override
    public void token(int index, GeneratedToken token) {
      events.post(() -> write(index, token));
    }

    private void write(int index, GeneratedToken token) {
      List<GeneratedToken> waiting = untold.get(index);
      waiting.add(token);
      if (!token.text().isEmpty()) { // otherwise half a character, told with its other half
        chunk(index, Json.object().put("content", token.text()), waiting, null, null);
        waiting.clear();
      }
    }

    @Override
    public void ended(int index, Generation generation, AnswerTimes times) {
      events.post(
          () -> {
            generations.add(generation);
            List<GeneratedToken> rest = new ArrayList<>(untold.get(index));
            if (generation.endToken().isPresent() && !rest.isEmpty()) {
              rest.remove(rest.size() - 1);
            }
            String reason = Outcomes.finishReason(generation.finishReason());
            chunk(index, Json.object(), rest, reason, times);
          });
    }

    @Override
    public void complete() {
      events.post(
          () -> {
            if (fields.includeUsage()) {
              ObjectNode root = root("chat.completion.chunk");
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
        ObjectNode delta,
        List<GeneratedToken> tokens,
        @Nullable String finishReason,
        @Nullable AnswerTimes times) {
      ObjectNode root = root("chat.completion.chunk");
      ObjectNode choice = root.putArray("choices").addObject().put("index", index);
      choice.set("delta", delta);
      if (tokens.isEmpty()) {
        choice.putNull("logprobs");
      } else {
        putLogProbabilities(choice, tokens);
      }
      choice.put("finish_reason", finishReason);
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
