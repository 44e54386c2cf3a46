package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.FinishReason;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.EventStream;
import io.sambay4j.server.http.Exchange;
import io.sambay4j.server.http.Json;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.List;

/** Writes the answers of {@code /v1/responses}, whole or as they come. */
final class ResponsesAnswers {
  private final String id = AnswerJson.id("resp_");
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
    ObjectNode reasoning = response.putObject("reasoning").putNull("effort").putNull("summary");
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
    if (request.echoed().get("reasoning") instanceof ObjectNode given) {
      response.set("reasoning", reasoning.setAll(given));
    }
    return response;
  }

  // ---- whole

  /** The answer in one object. */
  ObjectNode whole(List<WholeAnswer.Ended> answers) {
    return ended(answers.get(0).generation(), answers.get(0).times());
  }

  private ObjectNode ended(Generation generation, AnswerTimes times) {
    ResponseOutput output =
        ResponseOutput.of(request.shape().format(), generation, isComplete(generation));
    return ended(generation, times, output);
  }

  private static boolean isComplete(Generation generation) {
    return generation.finishReason() == FinishReason.STOP;
  }

  private ObjectNode ended(Generation generation, AnswerTimes times, ResponseOutput output) {
    boolean complete = isComplete(generation);
    ObjectNode response = response(complete ? "completed" : "incomplete");
    if (!complete) {
      response.putObject("incomplete_details").put("reason", "max_output_tokens");
    }
    ArrayNode items = (ArrayNode) response.path("output");
    output.items().forEach(item -> items.add(json(item, true)));
    response.set("usage", usage(generation, request.shape().reasoningTokens(List.of(generation))));
    response.set("timings", times.json());
    return response;
  }

  /**
   * An item.
   *
   * @param ended whether as it ended, or as it began: without its text
   */
  private ObjectNode json(ResponseOutput.Item item, boolean ended) {
    String status = ended ? item.status() : ResponseOutput.IN_PROGRESS;
    ObjectNode json = Json.object().put("id", item.id());
    if (item.kind() == ResponseOutput.Kind.CALL) {
      return json.put("type", "function_call")
          .put("status", status)
          .put("call_id", item.callId())
          .put("name", item.name())
          .put("arguments", ended ? item.text() : "");
    }
    boolean message = item.kind() == ResponseOutput.Kind.MESSAGE;
    json.put("type", message ? "message" : "reasoning").put("status", status);
    if (message) {
      json.put("role", "assistant");
    } else {
      json.putArray("summary");
    }
    ArrayNode content = json.putArray("content");
    if (ended) {
      content.add(part(item.kind(), item.text(), item.tokens()));
    }
    return json;
  }

  private ObjectNode part(ResponseOutput.Kind kind, String text, List<GeneratedToken> tokens) {
    if (kind == ResponseOutput.Kind.REASONING) {
      return Json.object().put("type", "reasoning_text").put("text", text);
    }
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
    private final ResponseOutput output = new ResponseOutput(request.shape().format());
    private int number; // of the next event
    private int item; // the first that has not been told to its end
    private boolean announced; // whether its beginning has been told
    private int toldCharacters; // of it
    private int toldTokens;

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
    }

    @Override
    public void token(int index, GeneratedToken token) {
      Untold.post(events, token, () -> output.append(token));
    }

    /** Tells what has become of the output since the last call. */
    private void tell() {
      boolean closed = true;
      while (closed && item < output.items().size()) {
        ResponseOutput.Item next = output.items().get(item);
        tell(next);
        closed = !next.isOpen();
        if (closed) {
          tellEnd(next);
        }
      }
    }

    private void tell(ResponseOutput.Item next) {
      if (!announced) {
        announced = true;
        event("response.output_item.added", at().set("item", json(next, false)));
        if (next.kind() != ResponseOutput.Kind.CALL) {
          ObjectNode part = part(next.kind(), "", List.of());
          event("response.content_part.added", inside(next).set("part", part));
        }
      }
      String more = next.textFrom(toldCharacters);
      if (!more.isEmpty()) {
        ObjectNode delta = inside(next).put("delta", more);
        if (next.kind() == ResponseOutput.Kind.MESSAGE) {
          List<GeneratedToken> tokens = next.tokens();
          delta.set("logprobs", logProbabilities(tokens.subList(toldTokens, tokens.size())));
        }
        event(name(next) + ".delta", delta);
        toldCharacters += more.length();
        toldTokens = next.tokens().size();
      }
    }

    private void tellEnd(ResponseOutput.Item ended) {
      ObjectNode done = inside(ended);
      if (ended.kind() == ResponseOutput.Kind.CALL) {
        event(name(ended) + ".done", done.put("name", ended.name()).put("arguments", ended.text()));
      } else {
        ObjectNode part = part(ended.kind(), ended.text(), ended.tokens());
        done.put("text", ended.text());
        if (part.has("logprobs")) {
          done.set("logprobs", part.path("logprobs"));
        }
        event(name(ended) + ".done", done);
        event("response.content_part.done", inside(ended).set("part", part));
      }
      event("response.output_item.done", at().set("item", json(ended, true)));
      item++;
      announced = false;
      toldCharacters = 0;
      toldTokens = 0;
    }

    @Override
    public void ended(int index, Generation generation, AnswerTimes times) {
      events.post(
          () -> {
            output.end(generation, isComplete(generation));
            tell();
            ObjectNode response = ResponsesAnswers.this.ended(generation, times, output);
            event("response." + response.path("status").asText(), with("response", response));
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

    private static String name(ResponseOutput.Item item) {
      return switch (item.kind()) {
        case REASONING -> "response.reasoning_text";
        case MESSAGE -> "response.output_text";
        case CALL -> "response.function_call_arguments";
      };
    }

    /** Where the item stands. */
    private ObjectNode at() {
      return Json.object().put("output_index", item);
    }

    /** Where its text stands. */
    private ObjectNode inside(ResponseOutput.Item of) {
      ObjectNode at = Json.object().put("item_id", of.id()).put("output_index", item);
      return of.kind() == ResponseOutput.Kind.CALL ? at : at.put("content_index", 0);
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
