package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.GenerationRequest;
import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.TextModel;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import io.sambay4j.structured.Grammar;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/** Reads the body of {@code /v1/completions}. */
final class CompletionRequestReader {
  /** What OpenAI's endpoint generates unless told otherwise. */
  private static final int DEFAULT_MAX_TOKENS = 16;

  private CompletionRequestReader() {}

  /**
   * The request.
   *
   * @throws ApiException (400, 404) naming the field that cannot be served
   */
  static CompletionRequest read(Fields fields, ServedModels models) {
    GenerationFieldsReader common = new GenerationFieldsReader(fields, models);
    Prompt prompt = prompt(fields, common.model());
    boolean echo = fields.bool("echo", false);
    int answers = fields.integer("n", 1, 1, TextModel.MAX_BRANCHES);
    int bestOf = fields.integer("best_of", answers, 1, TextModel.MAX_BRANCHES);
    if (bestOf < answers) {
      throw fields.invalid("best_of", Integer.toString(bestOf), "at least n, " + answers);
    }
    Integer logProbabilities =
        fields.integer("logprobs", 0, SamplingParameters.MAX_LOG_PROBABILITIES);
    OptionalInt maxTokens = GenerationFieldsReader.maxTokens(fields, 0, "max_tokens");
    Grammar grammar = ConstraintReader.read(fields);
    GenerationFields generation =
        common.read(
            maxTokens.isPresent() ? maxTokens : OptionalInt.of(DEFAULT_MAX_TOKENS),
            bestOf,
            grammar == null ? null : grammar.over(common.model().model().tokenizer()),
            logProbabilities == null ? OptionalInt.empty() : OptionalInt.of(logProbabilities));
    if (generation.stream() && bestOf > answers) {
      throw ApiException.field(
          "best_of", "invalid_value", "best_of must be n where stream is true");
    }
    if (echo && generation.logProbabilities()) {
      throw ApiException.field(
          "echo",
          "unsupported_parameter",
          "echo together with logprobs is not supported: log-probabilities of the prompt are not reported");
    }
    fields.unsupported("suffix", "this model only continues texts");
    fields.finish();
    return new CompletionRequest(prompt, echo, answers, generation);
  }

  private static Prompt prompt(Fields fields, ServedModel model) {
    JsonNode prompt = fields.node("prompt");
    if (prompt == null) {
      throw fields.missing("prompt");
    }
    if (prompt.isTextual()) {
      return new Prompt.Text(Fields.text(fields.path("prompt"), prompt));
    }
    if (!prompt.isArray()) {
      throw fields.wrongType("prompt", prompt, "a string or an array of token ids");
    }
    List<JsonNode> elements = fields.array("prompt", GenerationRequest.MAX_TOKENS);
    if (elements.isEmpty()) {
      throw ApiException.field("prompt", "invalid_value", "prompt must not be empty");
    }
    if (elements.get(0).isTextual() || elements.get(0).isArray()) {
      return onlyPrompt(fields, elements, model);
    }
    return new Prompt.Tokens(tokenIds(fields, "prompt", model));
  }

  /** Clients like to send one prompt in an array of one. */
  private static Prompt onlyPrompt(Fields fields, List<JsonNode> elements, ServedModel model) {
    if (elements.size() > 1) {
      throw ApiException.field(
          "prompt",
          "unsupported_parameter",
          "prompt may hold one prompt but holds %d; send a request for each"
              .formatted(elements.size()));
    }
    JsonNode only = elements.get(0);
    if (only.isTextual()) {
      return new Prompt.Text(Fields.text(fields.element("prompt", 0), only));
    }
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : only) {
      ids.add(tokenId(fields.element("prompt", 0), id, model));
    }
    if (ids.isEmpty()) {
      throw ApiException.field("prompt", "invalid_value", "prompt must not be empty");
    }
    return new Prompt.Tokens(ids);
  }

  /** Ids of the model's vocabulary. */
  static List<Integer> tokenIds(Fields fields, String field, ServedModel model) {
    List<Integer> ids = new ArrayList<>();
    List<JsonNode> elements = fields.array(field, GenerationRequest.MAX_TOKENS);
    for (int i = 0; i < elements.size(); i++) {
      ids.add(tokenId(fields.element(field, i), elements.get(i), model));
    }
    return ids;
  }

  private static int tokenId(String path, JsonNode id, ServedModel model) {
    return (int) Fields.wholeNumber(path, id, 0, model.model().config().vocabSize() - 1L);
  }
}
