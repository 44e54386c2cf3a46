package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.ChatMessage;
import io.sambay4j.answer.Tool;
import io.sambay4j.answer.ToolPrompt;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import io.sambay4j.structured.Grammar;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Reads the body of {@code /v1/responses}. */
final class ResponsesRequestReader {
  private static final List<String> ECHOED =
      List.of(
          "instructions",
          "max_output_tokens",
          "metadata",
          "parallel_tool_calls",
          "reasoning",
          "temperature",
          "text",
          "tool_choice",
          "tools",
          "top_p",
          "user");
  private static final String LOG_PROBABILITIES = "message.output_text.logprobs";

  private ResponsesRequestReader() {}

  /**
   * The request.
   *
   * @throws ApiException (400, 404) naming the field that cannot be served
   */
  static ResponsesRequest read(Fields fields, ServedModels models) {
    GenerationFieldsReader common = new GenerationFieldsReader(fields, models);
    List<ChatMessage> messages = ResponsesInputReader.read(fields);
    List<Tool> tools = ToolReader.tools(fields, ToolReader.Form.FLAT);
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
            tools,
            ToolReader.choice(fields, tools, ToolReader.Form.FLAT),
            fields.bool("parallel_tool_calls", true),
            ThinkingReader.read(fields, common.model().format()),
            grammar);
    OptionalInt top = topLogProbabilities(fields);
    GenerationFields generation =
        common.read(
            GenerationFieldsReader.maxTokens(fields, 1, "max_output_tokens"),
            1,
            shape.constraint(),
            top,
            false);
    refuseUnsupported(fields);
    fields.finish();
    Map<String, JsonNode> echoed = new LinkedHashMap<>();
    for (String name : ECHOED) {
      JsonNode value = fields.node(name);
      if (value != null) {
        echoed.put(name, value);
      }
    }
    ToolPrompt prompt = shape.prompt(messages);
    return new ResponsesRequest(
        prompt.messages(), prompt.templateArguments(), echoed, shape, generation);
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
