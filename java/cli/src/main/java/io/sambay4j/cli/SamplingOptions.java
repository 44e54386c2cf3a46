package io.sambay4j.cli;

import io.sambay4j.GenerationRequest;
import io.sambay4j.LongRopePolicy;
import io.sambay4j.TextModel;
import io.sambay4j.sampling.SamplingParameters;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How tokens are chosen and when to stop: the fields of the API under their own names. */
final class SamplingOptions {
  @Option(
      names = "--temperature",
      paramLabel = "X",
      order = 20,
      description =
          "0 to 2; 0 always takes the most probable token, 1 is the model's own distribution.")
  private @Nullable Double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "N",
      order = 21,
      description = "Draw from the N most probable tokens; 0 is off.")
  private @Nullable Integer topK;

  @Option(
      names = "--top-p",
      paramLabel = "X",
      order = 22,
      description = "Draw from the most probable tokens that have the share X together; 1 is off.")
  private @Nullable Double topP;

  @Option(
      names = "--min-p",
      paramLabel = "X",
      order = 23,
      description = "Leave out tokens less probable than X times the most probable one; 0 is off.")
  private @Nullable Double minP;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "X",
      order = 24,
      description = "0.01 to 10; over 1 discourages what prompt and answer have; 1 is off.")
  private @Nullable Double repetitionPenalty;

  @Option(
      names = "--presence-penalty",
      paramLabel = "X",
      order = 25,
      description = "-2 to 2, taken off the logit of each token the answer has; 0 is off.")
  private @Nullable Double presencePenalty;

  @Option(
      names = "--frequency-penalty",
      paramLabel = "X",
      order = 26,
      description = "-2 to 2, taken off once for each time the answer has the token; 0 is off.")
  private @Nullable Double frequencyPenalty;

  @Option(
      names = "--logit-bias",
      paramLabel = "ID=X",
      order = 27,
      description = "Add X (-100 to 100) to the logit of a token; may be repeated.")
  private Map<Integer, Double> logitBias = new HashMap<>();

  @Option(
      names = "--seed",
      paramLabel = "N",
      order = 28,
      description = "The same seed gives the same text. Default: a new one each time.")
  private @Nullable Long seed;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      order = 29,
      description = "At most so many tokens are generated. Default: what the context takes.")
  private @Nullable Integer maxTokens;

  @Option(
      names = "--fix-rope",
      order = 29,
      description =
          "For models with LongRoPE: choose the rotary factors once, by prompt and --max-tokens "
              + "together, instead of reading the text again where it outgrows the original context.")
  private boolean fixRope;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      order = 30,
      description = "End before this text; may be repeated.")
  private List<String> stop = new ArrayList<>();

  @Option(
      names = "--stop-token",
      paramLabel = "ID",
      order = 31,
      description = "End at this token; may be repeated.")
  private List<Integer> stopTokens = new ArrayList<>();

  @Option(
      names = "--ignore-eos",
      order = 32,
      description = "Go on after the model's own end tokens.")
  private boolean ignoreEos;

  /** When a model with LongRoPE takes its long factors. */
  LongRopePolicy longRope() {
    return fixRope ? LongRopePolicy.BY_MAX_LENGTH : LongRopePolicy.BY_LENGTH;
  }

  /** Fails now rather than after the model is loaded, where that needs no model. */
  void check() {
    checkStopTokens(Integer.MAX_VALUE);
    apply(GenerationRequest.text(""), SamplingParameters.greedy(), 0).build();
  }

  /** Refuses a stop token that no text can have. */
  private void checkStopTokens(int vocabularySize) {
    for (int id : stopTokens) {
      if (id < 0 || id >= vocabularySize) {
        throw new IllegalArgumentException(
            "--stop-token %d is outside the vocabulary, 0 to %d".formatted(id, vocabularySize - 1));
      }
    }
  }

  /**
   * The given options over the defaults of an opened model.
   *
   * @param logProbabilities how many alternatives to report
   */
  GenerationRequest build(
      GenerationRequest.Builder request, TextModel model, int logProbabilities) {
    checkStopTokens(model.config().vocabSize());
    return apply(request, model.defaultSampling(), logProbabilities).build();
  }

  private GenerationRequest.Builder apply(
      GenerationRequest.Builder request, SamplingParameters defaults, int logProbabilities) {
    SamplingParameters.Builder sampling = defaults.toBuilder().logProbabilities(logProbabilities);
    if (temperature != null) {
      sampling.temperature(temperature);
    }
    if (topK != null) {
      sampling.topK(topK);
    }
    if (topP != null) {
      sampling.topP(topP);
    }
    if (minP != null) {
      sampling.minP(minP);
    }
    if (repetitionPenalty != null) {
      sampling.repetitionPenalty(repetitionPenalty);
    }
    if (presencePenalty != null) {
      sampling.presencePenalty(presencePenalty);
    }
    if (frequencyPenalty != null) {
      sampling.frequencyPenalty(frequencyPenalty);
    }
    if (seed != null) {
      sampling.seed(seed);
    }
    request.sampling(sampling.logitBias(logitBias).build());
    if (maxTokens != null) {
      request.maxTokens(maxTokens);
    }
    return request
        .stop(stop.toArray(String[]::new))
        .stopTokens(stopTokens.stream().mapToInt(id -> id).toArray())
        .ignoreEndTokens(ignoreEos);
  }
}
