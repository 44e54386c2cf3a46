package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.ChatMessage;
import io.sambay4j.answer.ToolChoice;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import io.sambay4j.structured.Grammar;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Reads the body of {@code /v1/responses}. */
final class ResponsesRequestReader {
  private static final List<String> ECHOED =
      List.of(
          "instructions", "max_output_tokens", "metadata", "temperature", "text", "top_p", "user");
  private static final String LOG_PROBABILITIES = "message.output_text.logprobs";

  private ResponsesRequestReader() {}

  /**
   * The request.
   *
   * @throws ApiException (400, 404) naming the field that cannot be served
   */
  static ResponsesRequest read(Fields fields, ServedModels models) {
    GenerationFieldsReader common = new GenerationFieldsReader(fields, models);
    List<ChatMessage> messages = messages(fields);
    Fields text = fields.object("text");
    Grammar grammar = null;
    if (text != null) {
      grammar = ConstraintReader.readText(text);
      text.oneOf("verbosity", "medium", "medium");
      text.finish();
    }
    AnswerShape shape =
        new AnswerShape(
            common.model(),
            List.of(),
            ToolChoice.NONE,
            true,
            ThinkingReader.read(fields, common.model().format()),
            grammar);
    OptionalInt top = topLogProbabilities(fields);
    GenerationFields generation =
        common.read(
            GenerationFieldsReader.maxTokens(fields, 1, "max_output_tokens"),
            1,
            shape.constraint(),
            top);
    refuseUnsupported(fields);
    fields.finish();
    Map<String, JsonNode> echoed = new LinkedHashMap<>();
    for (String name : ECHOED) {
      JsonNode value = fields.node(name);
      if (value != null) {
        echoed.put(name, value);
      }
    }
    return new ResponsesRequest(messages, echoed, shape, generation);
  }

  private static List<ChatMessage> messages(Fields fields) {
    List<ChatMessage> messages = new ArrayList<>();
    String instructions = fields.string("instructions");
    if (instructions != null) {
      messages.add(ChatMessage.system(instructions));
    }
    JsonNode input = fields.node("input");
    if (input == null) {
      throw fields.missing("input");
    }
    if (input.isTextual()) {
      messages.add(ChatMessage.user(Fields.text("input", input)));
      return messages;
    }
    if (!input.isArray()) {
      throw fields.wrongType("input", input, "a string or an array of messages");
    }
    for (Fields item : fields.objects("input", MessageReader.MAX_MESSAGES)) {
      item.oneOf("type", "message", "message");
      item.ignore("id", "status");
      messages.add(MessageReader.message(item));
    }
    if (input.isEmpty()) {
      throw ApiException.field("input", "invalid_value", "input must not be empty");
    }
    return messages;
  }

  private static OptionalInt topLogProbabilities(Fields fields) {
    boolean included = false;
    for (String part : fields.strings("include", 16)) {
      if (!part.equals(LOG_PROBABILITIES)) {
        throw fields.invalid("include", "another", "[\"" + LOG_PROBABILITIES + "\"]");
      }
      included = true;
    }
    Integer top = fields.integer("top_logprobs", 0, SamplingParameters.MAX_LOG_PROBABILITIES);
    return included || top != null ? OptionalInt.of(top == null ? 0 : top) : OptionalInt.empty();
  }

  private static void refuseUnsupported(Fields fields) {
    if (!fields.array("tools", 128).isEmpty()) {
      throw ApiException.field(
          "tools",
          "unsupported_parameter",
          "tools are not supported here yet; /v1/chat/completions has them");
    }
    fields.oneOf("tool_choice", "auto", "auto", "none");
    fields.optionalBool("parallel_tool_calls");
    fields.unsupported(
        "previous_response_id", "nothing is stored here; send the whole conversation as input");
    fields.unsupported("conversation", "nothing is stored here");
    fields.unsupported("prompt", "no prompts are stored here");
    if (fields.bool("background", false)) {
      throw fields.invalid("background", "true", "false");
    }
    fields.oneOf("truncation", "disabled", "disabled");
  }
}
