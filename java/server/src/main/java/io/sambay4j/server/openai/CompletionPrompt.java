package io.sambay4j.server.openai;

import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A prompt of {@code /v1/completions}.
 *
 * @param text as it came; null where token ids came
 * @param ids its tokens, at least one
 */
record CompletionPrompt(@Nullable String text, List<Integer> ids) {
  CompletionPrompt {
    ids = List.copyOf(ids);
  }

  Prompt prompt() {
    return new Prompt.Tokens(ids);
  }

  /** What an answer begins with that repeats its prompt. */
  String echo(Tokenizer tokenizer) {
    return text != null
        ? text
        : tokenizer.decode(ids.stream().mapToInt(Integer::intValue).toArray());
  }
}
