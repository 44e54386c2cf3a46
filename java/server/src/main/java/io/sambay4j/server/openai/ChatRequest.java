package io.sambay4j.server.openai;

import io.sambay4j.ChatMessage;
import io.sambay4j.GenerationRequest;
import java.util.List;
import java.util.Map;

/**
 * A request of {@code /v1/chat/completions}.
 *
 * @param messages the conversation
 * @param templateArguments extra variables of the model's chat template
 * @param shape what the answers consist of
 * @param generation how it is answered
 */
record ChatRequest(
    List<ChatMessage> messages,
    Map<String, Object> templateArguments,
    AnswerShape shape,
    GenerationFields generation) {
  ChatRequest {
    messages = List.copyOf(messages);
    templateArguments = Map.copyOf(templateArguments);
  }

  GenerationRequest.Prompt prompt() {
    return new GenerationRequest.Prompt.Chat(messages, templateArguments);
  }
}
