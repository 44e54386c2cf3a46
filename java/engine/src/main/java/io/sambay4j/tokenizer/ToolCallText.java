package io.sambay4j.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import io.sambay4j.ChatMessage;
import io.sambay4j.answer.ToolCall;
import io.sambay4j.tokenizer.jinja.Text;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Tool calls of the past, for a template to lay out. */
final class ToolCallText {
  private static final ObjectMapper JSON = new ObjectMapper();

  private ToolCallText() {}

  /** The value of {@code tool_calls}, in the form that published templates expect. */
  static List<Map<String, Object>> values(List<ToolCall> calls) {
    return calls.stream()
        .map(
            call ->
                Map.of(
                    "id",
                    call.id(),
                    "type",
                    "function",
                    "function",
                    Map.of("name", call.name(), "arguments", arguments(call.arguments()))))
        .toList();
  }

  /** An object where it is one; else the text, so that what a model wrote is not lost. */
  private static Object arguments(String json) {
    try {
      return JSON.readValue(json, Map.class);
    } catch (JsonProcessingException e) {
      return json;
    }
  }

  /** The content, then the calls between the control tokens of Phi-4-mini. */
  static Text written(ChatMessage message) {
    String calls =
        message.toolCalls().stream()
            .map(
                call ->
                    "{\"name\": %s, \"arguments\": %s}"
                        .formatted(TextNode.valueOf(call.name()), call.arguments()))
            .collect(Collectors.joining(", ", "[", "]"));
    return Text.tainted(message.content())
        .concat(Text.trusted("<|tool_call|>"))
        .concat(Text.tainted(calls))
        .concat(Text.trusted("<|/tool_call|>"));
  }
}
