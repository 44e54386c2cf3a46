package io.sambay4j.answer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.ChatMessage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How a conversation tells the model of its tools, as its template takes them.
 *
 * <pre>{@code
 * ToolPrompt prompt = ToolPrompt.of(format, tools, messages);
 * GenerationRequest.messages(prompt.messages()).templateArguments(prompt.templateArguments());
 * }</pre>
 *
 * @param messages the conversation
 * @param templateArguments further variables of the template
 */
public record ToolPrompt(List<ChatMessage> messages, Map<String, Object> templateArguments) {
  private static final ObjectMapper JSON = new ObjectMapper();

  public ToolPrompt {
    messages = List.copyOf(messages);
    templateArguments = Map.copyOf(templateArguments);
  }

  /**
   * A conversation with tools: in the first system message, which is added where there is none, or
   * as the variable {@code tools}.
   *
   * @throws IllegalArgumentException if the parameters of a tool are no JSON object
   */
  public static ToolPrompt of(AnswerFormat format, List<Tool> tools, List<ChatMessage> messages) {
    AnswerFormat.Calls calls = format.calls();
    if (tools.isEmpty() || calls == null) {
      return new ToolPrompt(messages, Map.of());
    }
    if (!calls.toolsInSystemMessage()) {
      List<Map<String, Object>> functions =
          tools.stream()
              .map(
                  tool -> Map.<String, Object>of("type", "function", "function", description(tool)))
              .toList();
      return new ToolPrompt(messages, Map.of("tools", functions));
    }
    List<ChatMessage> withTools = new ArrayList<>(messages);
    int system = 0;
    while (system < withTools.size() && !withTools.get(system).role().equals("system")) {
      system++;
    }
    if (system == withTools.size()) {
      system = 0;
      withTools.add(0, ChatMessage.system(""));
    }
    String text = write(tools.stream().map(ToolPrompt::description).toList());
    withTools.set(system, withTools.get(system).withTools(text));
    return new ToolPrompt(withTools, Map.of());
  }

  private static Map<String, Object> description(Tool tool) {
    Map<String, Object> description = new LinkedHashMap<>();
    description.put("name", tool.name());
    if (tool.description() != null) {
      description.put("description", tool.description());
    }
    description.put("parameters", parameters(tool));
    return description;
  }

  private static Map<?, ?> parameters(Tool tool) {
    try {
      Map<?, ?> parameters = JSON.readValue(tool.parameters(), Map.class);
      if (parameters != null) {
        return parameters;
      }
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "the parameters of the tool %s are not a JSON object".formatted(tool.name()), e);
    }
    throw new IllegalArgumentException(
        "the parameters of the tool %s are null, expected a JSON object".formatted(tool.name()));
  }

  private static String write(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("the tools cannot be written as JSON", e);
    }
  }
}
