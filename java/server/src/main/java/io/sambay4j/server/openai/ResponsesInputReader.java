package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.ChatMessage;
import io.sambay4j.answer.ToolCall;
import io.sambay4j.json.Quote;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the input of {@code /v1/responses}. What one message of a conversation is to the model, a
 * text and the calls after it, comes as several items there.
 */
final class ResponsesInputReader {
  private final List<ChatMessage> messages = new ArrayList<>();
  private final Map<String, String> called = new HashMap<>(); // names of functions by call ids
  private @Nullable String text; // of the assistant's message that calls may be added to
  private final List<ToolCall> calls = new ArrayList<>();

  private ResponsesInputReader() {}

  /** The conversation, the instructions first. */
  static List<ChatMessage> read(Fields fields) {
    ResponsesInputReader reader = new ResponsesInputReader();
    String instructions = fields.string("instructions");
    if (instructions != null) {
      reader.messages.add(ChatMessage.system(instructions));
    }
    JsonNode input = fields.node("input");
    if (input == null) {
      throw fields.missing("input");
    }
    if (input.isTextual()) {
      reader.messages.add(ChatMessage.user(Fields.text("input", input)));
      return reader.messages;
    }
    if (!input.isArray()) {
      throw fields.wrongType("input", input, "a string or an array of items");
    }
    int before = reader.messages.size();
    for (Fields item : fields.objects("input", MessageReader.MAX_MESSAGES)) {
      reader.read(item.oneOf("type", "message", TYPES), item);
      item.finish();
    }
    reader.endAssistant();
    if (reader.messages.size() == before) {
      throw ApiException.field("input", "invalid_value", "input must hold at least one message");
    }
    return reader.messages;
  }

  private static final String[] TYPES = {
    "message", "function_call", "function_call_output", "reasoning"
  };

  private void read(String type, Fields item) {
    item.ignore("id", "status");
    switch (type) {
      case "function_call" -> readCall(item);
      case "function_call_output" -> readResult(item);
      // Clients send output back as it came; what was thought is not part of the conversation.
      case "reasoning" -> item.ignore("summary", "content", "encrypted_content");
      default -> readMessage(item);
    }
  }

  private void readMessage(Fields item) {
    ChatMessage message = MessageReader.message(item);
    endAssistant();
    if (message.role().equals("assistant") && message.toolCalls().isEmpty()) {
      text = message.content();
    } else {
      messages.add(message);
    }
  }

  private void readCall(Fields item) {
    String id = item.requiredString("call_id");
    String name = item.requiredString("name");
    calls.add(new ToolCall(id, name, item.requiredString("arguments")));
    called.put(id, name);
  }

  private void readResult(Fields item) {
    String id = item.requiredString("call_id");
    if (!called.containsKey(id)) {
      throw item.invalid("call_id", Quote.of(id), "the call_id of a function_call before it");
    }
    endAssistant();
    messages.add(ChatMessage.toolResult(id, called.get(id), MessageReader.content(item, "output")));
  }

  /** Adds the assistant's message that has been collected, if there is one. */
  private void endAssistant() {
    if (text != null || !calls.isEmpty()) {
      messages.add(ChatMessage.assistant(text == null ? "" : text, calls));
    }
    text = null;
    calls.clear();
  }
}
