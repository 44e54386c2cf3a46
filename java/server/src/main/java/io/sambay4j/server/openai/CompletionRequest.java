package io.sambay4j.server.openai;

import io.sambay4j.GenerationRequest;

/**
 * A request of {@code /v1/completions}.
 *
 * @param prompt a text or token ids
 * @param echo whether answers begin with the prompt
 * @param answers how many of the generated answers are given: the most probable ones
 * @param generation how it is answered
 */
record CompletionRequest(
    GenerationRequest.Prompt prompt, boolean echo, int answers, GenerationFields generation) {}
