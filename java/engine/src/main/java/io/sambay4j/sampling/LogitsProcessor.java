package io.sambay4j.sampling;

/**
 * A caller's hook that changes the logits before a token is chosen, for example to allow only what
 * a grammar allows.
 *
 * <p>It runs once per token and sequence, on the thread that generates, before bias and penalties;
 * generation waits for it. The copy it works on costs 4 bytes per vocabulary entry and sequence,
 * made only where there is a processor.
 *
 * <p>The answer should depend on the arguments alone: when a sequence is forked both branches call
 * the same processor, and one sampler may be on another thread than the next. Reported
 * log-probabilities are those before any processor.
 */
@FunctionalInterface
public interface LogitsProcessor {

  /**
   * Changes the logits in place.
   *
   * @param history the prompt and the tokens generated so far; a view, valid during the call
   * @param logits [vocabulary], a copy that is valid during the call; finite numbers and, for what
   *     must not be chosen, {@link Float#NEGATIVE_INFINITY}; anything else makes {@link
   *     Sampler#next} throw
   */
  void process(TokenHistory history, float[] logits);
}
