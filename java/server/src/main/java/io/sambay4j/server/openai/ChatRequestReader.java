package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.ChatMessage;
import io.sambay4j.TextModel;
import io.sambay4j.answer.Tool;
import io.sambay4j.answer.ToolPrompt;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import java.util.List;
import java.util.OptionalInt;

/** Reads the body of {@code /v1/chat/completions}. */
final class ChatRequestReader {
  /** Answers to one request. */
  static final int MAX_CHOICES = TextModel.MAX_BRANCHES;

  private ChatRequestReader() {}

  /**
   * The request.
   *
   * @throws ApiException (400, 404) naming the field that cannot be served
   */
  static ChatRequest read(Fields fields, ServedModels models) {
    GenerationFieldsReader common = new GenerationFieldsReader(fields, models);
    List<ChatMessage> messages = MessageReader.read(fields, "messages");
    boolean logProbabilities = fields.bool("logprobs", false);
    Integer top = fields.integer("top_logprobs", 0, SamplingParameters.MAX_LOG_PROBABILITIES);
    if (top != null && !logProbabilities) {
      throw ApiException.field(
          "top_logprobs", "invalid_value", "top_logprobs is only for requests with logprobs true");
    }
    List<Tool> tools = ToolReader.tools(fields, ToolReader.Form.NESTED);
    AnswerShape shape =
        new AnswerShape(
            common.model(),
            tools,
            ToolReader.choice(fields, tools, ToolReader.Form.NESTED),
            fields.bool("parallel_tool_calls", true),
            ThinkingReader.read(fields, common.model().format()),
            ConstraintReader.read(fields));
    GenerationFields generation =
        common.read(
            GenerationFieldsReader.maxTokens(fields, 1, "max_completion_tokens", "max_tokens"),
            fields.integer("n", 1, 1, MAX_CHOICES),
            shape.constraint(),
            logProbabilities ? OptionalInt.of(top == null ? 0 : top) : OptionalInt.empty(),
            false);
    refuseUnsupported(fields);
    fields.finish();
    ToolPrompt prompt = shape.prompt(messages);
    return new ChatRequest(prompt.messages(), prompt.templateArguments(), shape, generation);
  }

  private static void refuseUnsupported(Fields fields) {
    List<JsonNode> modalities = fields.array("modalities", 8);
    for (JsonNode modality : modalities) {
      if (!modality.asText().equals("text")) {
        throw fields.invalid("modalities", "another", "[\"text\"]");
      }
    }
    fields.unsupported("audio", "this model neither hears nor speaks");
    fields.unsupported("functions", "use tools");
    fields.unsupported("function_call", "use tool_choice");
    fields.unsupported("web_search_options", "this server searches nothing");
    fields.oneOf("verbosity", "medium", "medium");
    fields.ignore("prediction"); // would only make it faster
  }
}
