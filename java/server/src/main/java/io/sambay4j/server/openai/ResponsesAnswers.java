package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.FinishReason;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.answer.Answer;
import io.sambay4j.answer.AnswerDelta;
import io.sambay4j.answer.AnswerParser;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.EventStream;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Json;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes the answers of {@code /v1/responses}, whole or as they come. */
final class ResponsesAnswers {
  private final String id = AnswerJson.id("resp_");
  private final String messageId = AnswerJson.id("msg_");
  private final long created = AnswerJson.now();
  private final ResponsesRequest request;
  private final GenerationFields fields;
  private final Tokenizer tokenizer;

  ResponsesAnswers(ResponsesRequest request) {
    this.request = request;
    this.fields = request.generation();
    this.tokenizer = fields.model().model().tokenizer();
  }

  /** Everything but the output. */
  private ObjectNode response(String status) {
    ObjectNode response =
        Json.object()
            .put("id", id)
            .put("object", "response")
            .put("created_at", created)
            .put("status", status)
            .putNull("error")
            .putNull("incomplete_details")
            .putNull("instructions")
            .putNull("max_output_tokens")
            .put("model", fields.model().name());
    response.putArray("output");
    response.put("parallel_tool_calls", true).putNull("previous_response_id");
    response.putObject("reasoning").putNull("effort").putNull("summary");
    response.put("store", false).put("temperature", fields.sampling().temperature());
    response.putObject("text").putObject("format").put("type", "text");
    response.put("tool_choice", "auto").putArray("tools");
    response
        .put("top_p", fields.sampling().topP())
        .put("truncation", "disabled")
        .putNull("usage")
        .putNull("user");
    response.putObject("metadata");
    request.echoed().forEach(response::set);
    return response;
  }

  // ---- whole

  /** The answer in one object. */
  ObjectNode whole(List<WholeAnswer.Ended> answers) {
    return ended(answers.get(0).generation(), answers.get(0).times());
  }

  private ObjectNode ended(Generation generation, AnswerTimes times) {
    boolean complete = generation.finishReason() == FinishReason.STOP;
    String status = complete ? "completed" : "incomplete";
    ObjectNode response = response(status);
    if (!complete) {
      response.putObject("incomplete_details").put("reason", "max_output_tokens");
    }
    Answer answer = Answer.of(request.shape().format(), generation.text());
    ArrayNode output = (ArrayNode) response.path("output");
    output.add(message(status, part(answer.content(), AnswerJson.shown(generation))));
    response.set("usage", usage(generation, tokenizer.count(answer.reasoning())));
    response.set("timings", times.json());
    return response;
  }

  private ObjectNode message(String status, @Nullable ObjectNode part) {
    ObjectNode message =
        Json.object()
            .put("id", messageId)
            .put("type", "message")
            .put("status", status)
            .put("role", "assistant");
    ArrayNode content = message.putArray("content");
    if (part != null) {
      content.add(part);
    }
    return message;
  }

  private ObjectNode part(String text, List<GeneratedToken> tokens) {
    ObjectNode part = Json.object().put("type", "output_text").put("text", text);
    part.putArray("annotations");
    part.set("logprobs", logProbabilities(tokens));
    return part;
  }

  private ArrayNode logProbabilities(List<GeneratedToken> tokens) {
    return fields.logProbabilities()
        ? AnswerJson.logProbabilities(tokenizer, tokens)
        : Json.array();
  }

  private static ObjectNode usage(Generation generation, int reasoningTokens) {
    int prompt = generation.usage().promptTokens();
    int generated = generation.usage().generatedTokens();
    ObjectNode usage = Json.object().put("input_tokens", prompt);
    usage.putObject("input_tokens_details").put("cached_tokens", generation.usage().cachedTokens());
    usage.put("output_tokens", generated);
    usage.putObject("output_tokens_details").put("reasoning_tokens", reasoningTokens);
    return usage.put("total_tokens", prompt + generated);
  }

  // ---- as it comes

  /** The answer as events. */
  AnswerSink stream(Exchange exchange) {
    return new Stream(exchange);
  }

  private final class Stream implements AnswerSink {
    private final EventStream events;
    private final Untold untold = new Untold();
    private final AnswerParser parser = new AnswerParser(request.shape().format());
    private int number;

    Stream(Exchange exchange) {
      events = exchange.events();
      events.gatherWith(this::tell);
      events.post(this::begin);
    }

    @Override
    public void accepted() {
      events.open();
    }

    private void begin() {
      event("response.created", with("response", response("in_progress")));
      event("response.in_progress", with("response", response("in_progress")));
      event("response.output_item.added", item(message("in_progress", null)));
      event("response.content_part.added", at().set("part", part("", List.of())));
    }

    @Override
    public void token(int index, GeneratedToken token) {
      Untold.post(events, token, () -> untold.add(token));
    }

    private void tell() {
      String text = untold.takeText();
      if (!text.isEmpty()) {
        write(parser.append(text));
      }
    }

    /** Writes content that has become certain; thoughts are not part of it. */
    private void write(List<AnswerDelta> deltas) {
      for (AnswerDelta piece : deltas) {
        if (piece instanceof AnswerDelta.Content content) {
          ObjectNode delta = at().put("delta", content.text());
          delta.set("logprobs", logProbabilities(untold.takeTokens()));
          event("response.output_text.delta", delta);
        }
      }
    }

    @Override
    public void ended(int index, Generation generation, AnswerTimes times) {
      events.post(
          () -> {
            untold.end(generation);
            tell();
            write(parser.finish());
            String text = Answer.of(request.shape().format(), generation.text()).content();
            ObjectNode response = ResponsesAnswers.this.ended(generation, times);
            ObjectNode part = part(text, AnswerJson.shown(generation));
            ObjectNode done = at().put("text", text);
            done.set("logprobs", part.path("logprobs"));
            event("response.output_text.done", done);
            event("response.content_part.done", at().set("part", part));
            String status = response.path("status").asText();
            event("response.output_item.done", item(message(status, part)));
            event("response." + status, with("response", response));
          });
    }

    @Override
    public void complete() {
      events.postHurried(events::end);
    }

    @Override
    public void failed(ApiException failure) {
      events.postHurried(
          () -> {
            tell();
            event(
                "error",
                Json.object()
                    .put("code", failure.code())
                    .put("message", failure.getMessage())
                    .put("param", failure.param()));
            ObjectNode response = response("failed");
            response
                .putObject("error")
                .put("code", "server_error")
                .put("message", failure.getMessage());
            event("response.failed", with("response", response));
            events.end();
          });
    }

    private ObjectNode at() {
      return Json.object().put("item_id", messageId).put("output_index", 0).put("content_index", 0);
    }

    private ObjectNode item(ObjectNode item) {
      return Json.object().put("output_index", 0).set("item", item);
    }

    private ObjectNode with(String name, ObjectNode value) {
      return Json.object().set(name, value);
    }

    private void event(String type, ObjectNode data) {
      ObjectNode event = Json.object().put("type", type).put("sequence_number", number++);
      events.event(type, event.setAll(data));
    }
  }
}
