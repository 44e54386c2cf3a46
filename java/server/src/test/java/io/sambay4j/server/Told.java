package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/**
 * What a chat completion told, whole or put together from a stream. However a stream is cut, both
 * must be the same.
 *
 * @param choices its answers
 * @param generated tokens of all of them
 * @param reasoning those of them that were thought
 */
record Told(List<Choice> choices, int generated, int reasoning) {
  private static final String CHAT = "/v1/chat/completions";

  /**
   * An answer.
   *
   * @param calls as {@code name(arguments)}
   * @param tokens those that came with log-probabilities, joined
   */
  record Choice(
      String content, String reasoning, List<String> calls, String finishReason, String tokens) {}

  /**
   * Lets a scripted model say a text, whole and streamed.
   *
   * @param more further fields, each followed by a comma
   */
  static Told of(Served served, String model, String script, String more) {
    ObjectNode message = JsonNodeFactory.instance.objectNode();
    message.put("role", "user").put("content", script);
    String request = "{%s\"model\":\"%s\",\"messages\":[%s]%s}";
    Served.Answer whole = served.post(CHAT, request.formatted(more, model, message, ""));
    assertEquals(200, whole.status(), whole.text());
    Served.Answer streamed =
        served.post(
            CHAT,
            request.formatted(
                more,
                model,
                message,
                ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    assertEquals(200, streamed.status(), streamed.text());
    Told told = whole(whole.json());
    assertEquals(told, streamed(streamed.events()), "streamed as whole");
    return told;
  }

  /** The one answer. */
  Choice only() {
    assertEquals(1, choices.size());
    return choices.get(0);
  }

  private static Told whole(JsonNode json) {
    List<Choice> choices = new ArrayList<>();
    for (JsonNode choice : json.path("choices")) {
      assertEquals(choices.size(), choice.path("index").asInt());
      JsonNode message = choice.path("message");
      assertFalse(message.path("reasoning_content").asText("absent").isEmpty(), json.toString());
      List<String> calls = new ArrayList<>();
      for (JsonNode call : message.path("tool_calls")) {
        assertTrue(call.path("id").asText().matches("call_[0-9a-f]{24}"), call.toString());
        calls.add(call(call.path("function")));
      }
      boolean noContent = message.path("content").isNull();
      assertTrue(!noContent || !calls.isEmpty(), "content is null only where there are calls");
      choices.add(
          new Choice(
              noContent ? "" : message.path("content").asText(),
              message.path("reasoning_content").asText(""),
              calls,
              choice.path("finish_reason").asText(),
              tokens(choice)));
    }
    return told(choices, json.path("usage"));
  }

  private static String call(JsonNode function) {
    return function.path("name").asText() + "(" + function.path("arguments").asText() + ")";
  }

  private static String tokens(JsonNode choice) {
    StringBuilder tokens = new StringBuilder();
    choice.path("logprobs").path("content").forEach(t -> tokens.append(t.path("token").asText()));
    return tokens.toString();
  }

  private static Told told(List<Choice> choices, JsonNode usage) {
    assertEquals(
        usage.path("total_tokens").asInt(),
        usage.path("prompt_tokens").asInt() + usage.path("completion_tokens").asInt());
    return new Told(
        choices,
        usage.path("completion_tokens").asInt(),
        usage.path("completion_tokens_details").path("reasoning_tokens").asInt(-1));
  }

  /** A streamed answer that grows. */
  private static final class Growing {
    private final StringBuilder content = new StringBuilder();
    private final StringBuilder reasoning = new StringBuilder();
    private final List<String> names = new ArrayList<>();
    private final List<StringBuilder> arguments = new ArrayList<>();
    private final StringBuilder tokens = new StringBuilder();
    private String finishReason = "null";

    void add(JsonNode choice) {
      assertEquals("null", finishReason, "nothing comes after the finish_reason");
      JsonNode delta = choice.path("delta");
      content.append(delta.path("content").asText(""));
      reasoning.append(delta.path("reasoning_content").asText(""));
      for (JsonNode call : delta.path("tool_calls")) {
        if (call.has("id")) {
          assertEquals(names.size(), call.path("index").asInt());
          names.add(call.path("function").path("name").asText());
          arguments.add(new StringBuilder());
        }
        arguments
            .get(call.path("index").asInt())
            .append(call.path("function").path("arguments").asText(""));
      }
      tokens.append(tokens(choice));
      finishReason = choice.path("finish_reason").asText("null");
    }

    Choice end() {
      List<String> calls = new ArrayList<>();
      for (int i = 0; i < names.size(); i++) {
        calls.add(names.get(i) + "(" + arguments.get(i) + ")");
      }
      return new Choice(
          content.toString(), reasoning.toString(), calls, finishReason, tokens.toString());
    }
  }

  private static Told streamed(List<String> events) {
    assertEquals("[DONE]", events.get(events.size() - 1));
    List<Growing> growing = new ArrayList<>();
    JsonNode usage = JsonNodeFactory.instance.missingNode();
    for (String event : events.subList(0, events.size() - 1)) {
      JsonNode chunk = Served.read(event);
      for (JsonNode choice : chunk.path("choices")) {
        int index = choice.path("index").asInt();
        while (growing.size() <= index) {
          growing.add(new Growing());
        }
        growing.get(index).add(choice);
      }
      usage = chunk.path("usage");
    }
    return told(growing.stream().map(Growing::end).toList(), usage);
  }
}
