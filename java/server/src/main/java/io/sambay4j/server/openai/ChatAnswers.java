package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.answer.Answer;
import io.sambay4j.answer.AnswerDelta;
import io.sambay4j.answer.AnswerParser;
import io.sambay4j.answer.ToolCall;
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
  private final AnswerShape shape;
  private final GenerationFields fields;
  private final Tokenizer tokenizer;

  ChatAnswers(ChatRequest request) {
    this.shape = request.shape();
    this.fields = request.generation();
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
    int reasoningTokens = 0;
    for (int i = 0; i < answers.size(); i++) {
      Generation generation = answers.get(i).generation();
      AnswerShape.Read read = shape.read(generation);
      reasoningTokens += read.reasoningTokens();
      choices.add(choice(i, generation, read.answer()));
    }
    List<Generation> generations = answers.stream().map(WholeAnswer.Ended::generation).toList();
    root.set("usage", AnswerJson.usage(generations, 1, reasoningTokens));
    root.set("timings", answers.get(0).times().json());
    return root;
  }

  private ObjectNode choice(int index, Generation generation, Answer answer) {
    ObjectNode choice = Json.object().put("index", index);
    ObjectNode message = choice.putObject("message").put("role", "assistant");
    boolean calls = !answer.calls().isEmpty();
    message.put("content", calls && answer.content().isEmpty() ? null : answer.content());
    if (!answer.reasoning().isEmpty()) {
      message.put("reasoning_content", answer.reasoning());
    }
    message.putNull("refusal");
    if (calls) {
      ArrayNode list = message.putArray("tool_calls");
      for (ToolCall call : answer.calls()) {
        list.add(call(call.name(), call.arguments()));
      }
    }
    putLogProbabilities(choice, AnswerJson.shown(generation));
    return choice.put("finish_reason", Outcomes.finishReason(generation.finishReason(), calls));
  }

  private static ObjectNode call(String name, String arguments) {
    ObjectNode call = Json.object().put("id", AnswerJson.id("call_")).put("type", "function");
    call.putObject("function").put("name", name).put("arguments", arguments);
    return call;
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
    private final List<Untold> untold = new ArrayList<>();
    private final List<AnswerParser> parsers = new ArrayList<>();
    private final boolean[] called = new boolean[fields.choices()];

    Stream(Exchange exchange) {
      events = exchange.events();
      events.gatherWith(this::tell);
      for (int i = 0; i < fields.choices(); i++) {
        int index = i;
        untold.add(new Untold());
        parsers.add(new AnswerParser(shape.format()));
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
      Untold.post(events, token, () -> untold.get(index).add(token));
    }

    private void tell() {
      for (int i = 0; i < untold.size(); i++) {
        tell(i);
      }
    }

    private void tell(int index) {
      String text = untold.get(index).takeText();
      if (!text.isEmpty()) {
        write(index, parsers.get(index).append(text));
      }
    }

    /** Writes what has become certain; tokens of which nothing has are told with those after. */
    private void write(int index, List<AnswerDelta> deltas) {
      for (AnswerDelta delta : deltas) {
        chunk(index, json(index, delta), untold.get(index).takeTokens(), null, null);
      }
    }

    private ObjectNode json(int index, AnswerDelta delta) {
      ObjectNode json = Json.object();
      if (delta instanceof AnswerDelta.Content content) {
        return json.put("content", content.text());
      }
      if (delta instanceof AnswerDelta.Reasoning reasoning) {
        return json.put("reasoning_content", reasoning.text());
      }
      ObjectNode call = json.putArray("tool_calls").addObject();
      if (delta instanceof AnswerDelta.CallStart start) {
        called[index] = true;
        call.put("index", start.index()).setAll(call(start.name(), ""));
      } else if (delta instanceof AnswerDelta.CallArguments arguments) {
        call.put("index", arguments.index())
            .putObject("function")
            .put("arguments", arguments.text());
      }
      return json;
    }

    @Override
    public void ended(int index, Generation generation, AnswerTimes times) {
      events.post(
          () -> {
            generations.add(generation);
            untold.get(index).end(generation);
            tell(index);
            write(index, parsers.get(index).finish());
            String reason = Outcomes.finishReason(generation.finishReason(), called[index]);
            chunk(index, Json.object(), untold.get(index).takeRest(), reason, times);
          });
    }

    @Override
    public void complete() {
      events.postHurried(
          () -> {
            if (fields.includeUsage()) {
              ObjectNode root = root("chat.completion.chunk");
              root.putArray("choices");
              root.set(
                  "usage", AnswerJson.usage(generations, 1, shape.reasoningTokens(generations)));
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
