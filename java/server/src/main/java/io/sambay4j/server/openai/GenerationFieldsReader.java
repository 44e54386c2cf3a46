package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.GenerationRequest;
import io.sambay4j.json.Quote;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Reads the fields that the endpoints that generate have in common, each within its range. */
final class GenerationFieldsReader {
  /** Strings that may end an answer. */
  static final int MAX_STOPS = 64;

  private static final int MAX_STOP_LENGTH = 1024;
  private static final int MAX_BIASES = 4096;
  private static final int MAX_PRIORITY = 100;
  private static final int MAX_NAME = 512;

  private final Fields fields;
  private final ServedModel model;
  private final SamplingParameters.Builder sampling;

  GenerationFieldsReader(Fields fields, ServedModels models) {
    this.fields = fields;
    this.model = models.find(fields.string("model", MAX_NAME));
    this.sampling = model.model().defaultSampling().toBuilder();
  }

  ServedModel model() {
    return model;
  }

  /**
   * Reads them.
   *
   * @param maxTokens as the endpoint calls it
   * @param choices how many answers, to all prompts together
   * @param constraint what they must look like; null: anything
   * @param topLogProbabilities how many alternatives are reported; empty: no log-probabilities
   * @param promptLogProbabilities whether the prompt's tokens are reported, too
   */
  GenerationFields read(
      OptionalInt maxTokens,
      int choices,
      TokenConstraint.@Nullable Factory constraint,
      OptionalInt topLogProbabilities,
      boolean promptLogProbabilities) {
    readSampling();
    sampling.logProbabilities(topLogProbabilities.orElse(0));
    boolean stream = fields.bool("stream", false);
    boolean includeUsage = false;
    Fields options = fields.object("stream_options");
    if (options != null) {
      if (!stream) {
        throw ApiException.field(
            fields.path("stream_options"),
            "invalid_value",
            "stream_options is only for requests with stream true");
      }
      includeUsage = options.bool("include_usage", false);
      options.ignore("include_obfuscation");
      options.finish();
    }
    fields.ignore(
        "user",
        "metadata",
        "store",
        "service_tier",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention");
    return new GenerationFields(
        model,
        sampling.build(),
        maxTokens,
        stops(),
        stopTokens(),
        fields.bool("ignore_eos", false),
        fields.integer("priority", 0, -MAX_PRIORITY, MAX_PRIORITY),
        constraint,
        choices,
        topLogProbabilities.isPresent(),
        promptLogProbabilities,
        stream,
        includeUsage);
  }

  private void readSampling() {
    Double temperature = fields.number("temperature", 0, 2);
    if (temperature != null) {
      sampling.temperature(temperature);
    }
    Double topP = fields.number("top_p", 0, 1);
    if (topP != null) {
      sampling.topP(topP);
    }
    // -1 is another way of saying that it is off
    Integer topK = fields.integer("top_k", -1, SamplingParameters.MAX_VOCABULARY_SIZE);
    if (topK != null) {
      sampling.topK(Math.max(0, topK));
    }
    Double minP = fields.number("min_p", 0, 1);
    if (minP != null) {
      sampling.minP(minP);
    }
    Double repetition = fields.number("repetition_penalty", 0.01, 10);
    if (repetition != null) {
      sampling.repetitionPenalty(repetition);
    }
    Double presence = fields.number("presence_penalty", -2, 2);
    if (presence != null) {
      sampling.presencePenalty(presence);
    }
    Double frequency = fields.number("frequency_penalty", -2, 2);
    if (frequency != null) {
      sampling.frequencyPenalty(frequency);
    }
    Long seed = fields.longInteger("seed", Long.MIN_VALUE, Long.MAX_VALUE);
    if (seed != null) {
      sampling.seed(seed);
    }
    if (fields.has("logit_bias")) {
      sampling.logitBias(logitBias());
    }
  }

  private Map<Integer, Double> logitBias() {
    Map<Integer, Double> biases = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : fields.map("logit_bias", MAX_BIASES).entrySet()) {
      String id = entry.getKey();
      int vocabulary = model.model().config().vocabSize();
      if (!id.matches("[0-9]{1,9}") || Integer.parseInt(id) >= vocabulary) {
        throw ApiException.field(
            fields.path("logit_bias"),
            "invalid_value",
            "%s must map token ids in [0, %d] to numbers but names %s"
                .formatted(fields.path("logit_bias"), vocabulary - 1, Quote.of(id)));
      }
      biases.put(
          Integer.parseInt(id),
          Fields.number(fields.path("logit_bias") + "." + id, entry.getValue(), -100, 100));
    }
    return biases;
  }

  private List<String> stops() {
    List<String> stops = fields.strings("stop", MAX_STOPS);
    for (String stop : stops) {
      if (stop.isEmpty() || stop.length() > MAX_STOP_LENGTH) {
        throw ApiException.field(
            fields.path("stop"),
            "invalid_value",
            "a string of %s must have 1 to %d characters but has %d"
                .formatted(fields.path("stop"), MAX_STOP_LENGTH, stop.length()));
      }
    }
    return stops;
  }

  private List<Integer> stopTokens() {
    List<Integer> ids = new ArrayList<>();
    List<JsonNode> elements = fields.array("stop_token_ids", MAX_STOPS);
    for (int i = 0; i < elements.size(); i++) {
      ids.add(
          (int)
              Fields.wholeNumber(
                  fields.element("stop_token_ids", i),
                  elements.get(i),
                  0,
                  model.model().config().vocabSize() - 1L));
    }
    return ids;
  }

  /** A limit of tokens, by the first of its names that is there. */
  static OptionalInt maxTokens(Fields fields, int min, String... names) {
    OptionalInt limit = OptionalInt.empty();
    for (String name : names) {
      Integer value = fields.integer(name, min, GenerationRequest.MAX_TOKENS - 1);
      if (value != null && limit.isEmpty()) {
        limit = OptionalInt.of(value);
      }
    }
    return limit;
  }
}
