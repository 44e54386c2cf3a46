package io.sambay4j.server.openai;

import io.sambay4j.TextModel;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import io.sambay4j.structured.Grammar;
import java.util.List;
import java.util.OptionalInt;

/** Reads the body of {@code /v1/completions}. */
final class CompletionRequestReader {
  /** What OpenAI's endpoint generates unless told otherwise. */
  private static final int DEFAULT_MAX_TOKENS = 16;

  /** Log-probabilities of prompts in one answer: some 100 MB of JSON. */
  private static final long MAX_ECHOED = 1 << 21;

  private CompletionRequestReader() {}

  /**
   * The request.
   *
   * @throws ApiException (400, 404) naming the field that cannot be served
   */
  static CompletionRequest read(Fields fields, ServedModels models) {
    GenerationFieldsReader common = new GenerationFieldsReader(fields, models);
    List<CompletionPrompt> prompts = CompletionPromptReader.read(fields, common.model());
    boolean echo = fields.bool("echo", false);
    int answers = fields.integer("n", 1, 1, TextModel.MAX_BRANCHES);
    int bestOf = fields.integer("best_of", answers, 1, TextModel.MAX_BRANCHES);
    if (bestOf < answers) {
      throw fields.invalid("best_of", Integer.toString(bestOf), "at least n, " + answers);
    }
    int choices = prompts.size() * bestOf;
    if (choices > TextModel.MAX_BRANCHES) {
      throw ApiException.field(
          "prompt",
          "array_above_max_length",
          "%d prompts with %d answers each are %d; at most %d are generated for one request"
              .formatted(prompts.size(), bestOf, choices, TextModel.MAX_BRANCHES));
    }
    Integer logProbabilities =
        fields.integer("logprobs", 0, SamplingParameters.MAX_LOG_PROBABILITIES);
    OptionalInt maxTokens = GenerationFieldsReader.maxTokens(fields, 0, "max_tokens");
    Grammar grammar = ConstraintReader.read(fields);
    GenerationFields generation =
        common.read(
            maxTokens.isPresent() ? maxTokens : OptionalInt.of(DEFAULT_MAX_TOKENS),
            choices,
            grammar == null ? null : grammar.over(common.model().model().tokenizer()),
            logProbabilities == null ? OptionalInt.empty() : OptionalInt.of(logProbabilities),
            echo && logProbabilities != null);
    if (generation.stream() && bestOf > answers) {
      throw ApiException.field(
          "best_of", "invalid_value", "best_of must be n where stream is true");
    }
    if (generation.promptLogProbabilities()) {
      checkEchoed(prompts, generation);
    }
    fields.unsupported("suffix", "this model only continues texts");
    fields.finish();
    return new CompletionRequest(prompts, echo, answers, generation);
  }

  /** Log-probabilities of a prompt are known once all of it has been read, and cost memory. */
  private static void checkEchoed(List<CompletionPrompt> prompts, GenerationFields generation) {
    if (generation.stream()) {
      throw ApiException.field(
          "stream",
          "unsupported_parameter",
          "stream is not supported with echo and logprobs; ask for the whole answer");
    }
    long tokens = prompts.stream().mapToLong(prompt -> prompt.ids().size()).sum();
    int each = 1 + generation.sampling().logProbabilities();
    if (tokens * each > MAX_ECHOED) {
      throw ApiException.field(
          "logprobs",
          "invalid_value",
          "%d tokens of prompts with %d log-probabilities each are %d; with echo at most %d are reported for one request"
              .formatted(tokens, each, tokens * each, MAX_ECHOED));
    }
  }
}
