package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.ChatMessage;
import io.sambay4j.GenerationRequest;
import java.util.List;
import java.util.Map;

/**
 * A request of {@code /v1/responses}.
 *
 * @param messages the conversation, the instructions first
 * @param templateArguments extra variables of the model's chat template
 * @param echoed fields that the answer repeats as they came
 * @param shape what the answer consists of
 * @param generation how it is answered
 */
record ResponsesRequest(
    List<ChatMessage> messages,
    Map<String, Object> templateArguments,
    Map<String, JsonNode> echoed,
    AnswerShape shape,
    GenerationFields generation) {
  ResponsesRequest {
    messages = List.copyOf(messages);
    templateArguments = Map.copyOf(templateArguments);
    echoed = Map.copyOf(echoed);
  }

  GenerationRequest.Prompt prompt() {
    return new GenerationRequest.Prompt.Chat(messages, templateArguments);
  }
}
