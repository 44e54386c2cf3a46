package io.sambay4j.server.openai;

import java.util.List;

/**
 * A request of {@code /v1/completions}.
 *
 * @param prompts at least one
 * @param echo whether answers begin with their prompt
 * @param answers how many of the generated answers to each prompt are given: the most probable ones
 * @param generation how they are answered
 */
record CompletionRequest(
    List<CompletionPrompt> prompts, boolean echo, int answers, GenerationFields generation) {
  CompletionRequest {
    prompts = List.copyOf(prompts);
  }

  /** How many answers are generated to each prompt. */
  int generated() {
    return generation.choices() / prompts.size();
  }
}
