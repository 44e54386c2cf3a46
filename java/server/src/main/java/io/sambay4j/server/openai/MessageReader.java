package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.ChatMessage;
import io.sambay4j.answer.ToolCall;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import java.util.ArrayList;
import java.util.List;

/** Reads the messages of a conversation. */
final class MessageReader {
  /** Messages of one conversation. */
  static final int MAX_MESSAGES = 10_000;

  private static final int MAX_PARTS = 10_000;
  private static final int MAX_NAME = 64;

  private MessageReader() {}

  /** The messages of a field; there must be at least one. */
  static List<ChatMessage> read(Fields fields, String field) {
    if (!fields.has(field)) {
      throw fields.missing(field);
    }
    List<ChatMessage> messages = new ArrayList<>();
    for (Fields message : fields.objects(field, MAX_MESSAGES)) {
      messages.add(message(message));
    }
    if (messages.isEmpty()) {
      throw ApiException.field(
          fields.path(field), "invalid_value", fields.path(field) + " must not be empty");
    }
    return messages;
  }

  /** One message. */
  static ChatMessage message(Fields message) {
    message.requiredString("role");
    // developer is the newer name of system
    String role = message.oneOf("role", "", "system", "developer", "user", "assistant", "tool");
    List<ToolCall> calls = role.equals("assistant") ? ToolReader.calls(message) : List.of();
    boolean mayBeEmpty = !calls.isEmpty() && !message.has("content");
    String content = mayBeEmpty ? "" : content(message, "content");
    String name = message.string("name", MAX_NAME);
    // These stand in answers, and clients send answers back as they are.
    message.ignore("refusal", "annotations", "audio", "reasoning_content");
    if (role.equals("tool")) {
      String call = message.requiredString("tool_call_id");
      message.finish();
      return ChatMessage.toolResult(call, name, content);
    }
    message.finish();
    return calls.isEmpty()
        ? new ChatMessage(role.equals("developer") ? "system" : role, content)
        : ChatMessage.assistant(content, calls);
  }

  /** A text, or the texts of its parts joined. */
  static String content(Fields message, String field) {
    JsonNode content = message.node(field);
    if (content == null) {
      throw message.missing(field);
    }
    if (content.isTextual()) {
      return Fields.text(message.path(field), content);
    }
    if (!content.isArray()) {
      throw message.wrongType(field, content, "a string or an array of parts");
    }
    StringBuilder text = new StringBuilder();
    for (Fields part : message.objects(field, MAX_PARTS)) {
      part.requiredString("type");
      part.oneOf("type", "", "text", "input_text", "output_text");
      text.append(part.requiredString("text"));
      part.ignore("annotations", "logprobs");
      part.finish();
    }
    return text.toString();
  }
}
