package io.sambay4j.server.openai;

import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.sampling.TokenConstraint.Factory;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * What the endpoints that generate have in common.
 *
 * @param model which model answers
 * @param sampling how tokens are chosen
 * @param maxTokens at most so many; empty: as many as the context takes
 * @param stop strings that end an answer
 * @param stopTokens ids that end an answer
 * @param ignoreEndTokens go on after the model's end tokens
 * @param priority in [-100, 100], higher first
 * @param constraint what the answers must look like; null: anything
 * @param choices how many answers, to all prompts together
 * @param logProbabilities whether log-probabilities are reported
 * @param promptLogProbabilities whether those of the prompt's tokens are, too
 * @param stream whether the answer is a stream of events
 * @param includeUsage whether a stream ends with the usage
 */
@SuppressWarnings("BadImport") // NullAway overlooks annotations inside TokenConstraint.Factory
record GenerationFields(
    ServedModel model,
    SamplingParameters sampling,
    OptionalInt maxTokens,
    List<String> stop,
    List<Integer> stopTokens,
    boolean ignoreEndTokens,
    int priority,
    @Nullable Factory constraint,
    int choices,
    boolean logProbabilities,
    boolean promptLogProbabilities,
    boolean stream,
    boolean includeUsage) {
  GenerationFields {
    stop = List.copyOf(stop);
    stopTokens = List.copyOf(stopTokens);
  }
}
