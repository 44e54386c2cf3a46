package io.sambay4j.sampling;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the tokens of one generated sequence, one after the other.
 *
 * <p>Same parameters with a seed, same prompt and same logits give the same tokens, on every
 * machine and JDK: arithmetic is that of {@link StrictMath} and of whole numbers, the generator is
 * specified (SplitMix64), and exactly one number is drawn per token. What a sequence gets depends
 * on nothing but itself, so neither on its batch. The steps and their order: {@link
 * SamplingParameters}.
 *
 * <p>A token costs a few passes over the vocabulary and no sort. Scratch space is made once, at the
 * first token that needs it: 8 bytes per vocabulary entry unless greedy, 4 more with a processor,
 * bias or penalty, 4 more with a presence or frequency penalty.
 *
 * <p>Not thread-safe: one sampler, one thread at a time. Different samplers may run at the same
 * time.
 */
public final class Sampler {
  private final SamplingParameters parameters;
  private final int vocabularySize;
  private final List<LogitsProcessor> processors;
  private final long seed;
  private final SplitMix64 random;
  private final TokenHistory history;
  private final LogitAdjustment adjustment;
  private final @Nullable TokenConstraint constraint;
  private final int[] endTokens; // asked for with a constraint only

  // Scratch: says nothing between two calls, so a copy starts with its own.
  private final TokenWeights weights = new TokenWeights();
  private float[] adjusted = {};

  /** A sampler without processors, as {@link #Sampler(SamplingParameters, int, int[], List)}. */
  public Sampler(SamplingParameters parameters, int vocabularySize, int[] promptTokens) {
    this(parameters, vocabularySize, promptTokens, List.of());
  }

  /**
   * A sampler at the start of a sequence.
   *
   * @param vocabularySize the length of each row of logits, in [1, {@value
   *     SamplingParameters#MAX_VOCABULARY_SIZE}]
   * @param promptTokens the prompt, which the repetition penalty counts; copied
   * @param processors applied in this order, before everything else
   * @throws IllegalArgumentException if the vocabulary size is outside its range, or a token of the
   *     prompt or of the logit bias is outside the vocabulary
   */
  public Sampler(
      SamplingParameters parameters,
      int vocabularySize,
      int[] promptTokens,
      List<LogitsProcessor> processors) {
    this(parameters, vocabularySize, promptTokens, processors, null, new int[0]);
  }

  /**
   * As {@link #Sampler(SamplingParameters, int, int[], List)}, choosing only what a constraint
   * allows.
   *
   * @param constraint told what is chosen; null: everything is allowed
   * @param endTokens the tokens that end the generation, for which the constraint is asked {@link
   *     TokenConstraint#mayEnd}; copied
   */
  public Sampler(
      SamplingParameters parameters,
      int vocabularySize,
      int[] promptTokens,
      List<LogitsProcessor> processors,
      @Nullable TokenConstraint constraint,
      int[] endTokens) {
    if (vocabularySize < 1 || vocabularySize > SamplingParameters.MAX_VOCABULARY_SIZE) {
      throw new IllegalArgumentException(
          "vocabularySize must be in [1, "
              + SamplingParameters.MAX_VOCABULARY_SIZE
              + "] but was "
              + vocabularySize);
    }
    for (int i = 0; i < promptTokens.length; i++) {
      checkToken("token " + i + " of the prompt", promptTokens[i], vocabularySize);
    }
    for (int id : endTokens) {
      checkToken("end token", id, vocabularySize);
    }
    for (int id : parameters.logitBias().keySet()) {
      checkToken("token id in logitBias", id, vocabularySize);
    }
    this.parameters = parameters;
    this.vocabularySize = vocabularySize;
    this.processors = List.copyOf(processors);
    this.seed = parameters.seed().orElseGet(() -> ThreadLocalRandom.current().nextLong());
    this.random = new SplitMix64(seed);
    this.history = new TokenHistory(promptTokens);
    this.adjustment = new LogitAdjustment(parameters, vocabularySize, promptTokens);
    this.constraint = constraint;
    this.endTokens = endTokens.clone();
  }

  private Sampler(Sampler other, long seed, SplitMix64 random) {
    this.parameters = other.parameters;
    this.vocabularySize = other.vocabularySize;
    this.processors = other.processors;
    this.seed = seed;
    this.random = random;
    this.history = other.history.copy();
    this.adjustment = other.adjustment.copy();
    this.constraint = other.constraint == null ? null : other.constraint.copy();
    this.endTokens = other.endTokens;
  }

  /**
   * Chooses the next token and takes note of it.
   *
   * @param logits [vocabulary] of the model, f32; negative infinity excludes a token; neither
   *     changed nor kept
   * @throws IllegalArgumentException if the logits are not as many as the vocabulary has tokens
   * @throws IllegalStateException naming the source and the id, if the model or a processor
   *     produced NaN or positive infinity, or one of them or the constraint left no token to
   *     choose; the sampler is then as it was before the call
   */
  public TokenChoice next(float[] logits) {
    if (logits.length != vocabularySize) {
      throw new IllegalArgumentException(
          "logits must hold one number per token of the vocabulary, "
              + vocabularySize
              + ", but hold "
              + logits.length);
    }
    LogProbabilities model = LogProbabilities.of(logits);
    int token = choose(logits, model.best());
    if (constraint != null && Arrays.stream(endTokens).noneMatch(end -> end == token)) {
      constraint.accept(token);
    }
    history.append(token);
    adjustment.accept(token);
    return new TokenChoice(token, model.at(token), model.top(parameters.logProbabilities()));
  }

  /**
   * Whether the next token follows from logits, temperature, top-k, top-p, min-p and one random
   * number, so that it may be chosen elsewhere: no processor, bias, penalty or constraint changes
   * the logits, and no alternatives are reported.
   */
  public boolean needsOnlyLogits() {
    return constraint == null
        && processors.isEmpty()
        && adjustment.isIdentity()
        && parameters.logProbabilities() == 0;
  }

  /** Whether the constraint's text is complete: no token may follow, not even an end token. */
  public boolean isComplete() {
    return constraint != null
        && endTokens.length == 0
        && constraint.mayEnd()
        && constraint.allowed().count() == 0;
  }

  /** The random number that the next token takes; asking does not draw it. */
  public long nextRandom() {
    return random.copy().nextLong();
  }

  /**
   * Takes note of a token that was chosen elsewhere as {@link #next} would have, with the number of
   * {@link #nextRandom}.
   *
   * @param logProbability of the model, at most 0
   */
  public TokenChoice accept(int token, double logProbability) {
    checkToken("token", token, vocabularySize);
    if (!parameters.isGreedy()) {
      random.nextLong();
    }
    history.append(token);
    adjustment.accept(token);
    return new TokenChoice(token, logProbability, List.of());
  }

  /** The tokens so far, a view that grows with each {@link #next}. */
  public TokenHistory history() {
    return history;
  }

  /** The parameters this sampler was made with. */
  public SamplingParameters parameters() {
    return parameters;
  }

  /**
   * The seed in use: that of the parameters, of {@link #fork}, or the one taken at random where
   * there is none.
   */
  public long seed() {
    return seed;
  }

  /** A sampler in the same state: given the same logits it will choose the same tokens. */
  public Sampler copy() {
    return new Sampler(this, seed, random.copy());
  }

  /** A sampler with the same tokens behind it that continues with a generator of its own. */
  public Sampler fork(long newSeed) {
    return new Sampler(this, newSeed, new SplitMix64(newSeed));
  }

  private int choose(float[] logits, int modelBest) {
    float[] scores = logits;
    int best = modelBest;
    if (!processors.isEmpty() || !adjustment.isIdentity() || constraint != null) {
      scores = adjust(logits);
      best = Logits.argMax(scores, "bias and penalties");
    }
    if (constraint != null) {
      constraint.allowed().restrict(scores, endTokens, constraint.mayEnd());
      best = Logits.argMax(scores, "the constraint");
    }
    if (parameters.isGreedy()) {
      return best;
    }
    weights.set(scores, scores[best], parameters.temperature());
    if (parameters.topK() > 0) {
      weights.keepTopK(parameters.topK());
    }
    if (parameters.topP() < 1) {
      weights.keepTopP(parameters.topP());
    }
    if (parameters.minP() > 0) {
      weights.keepMinP(parameters.minP());
    }
    return weights.pick(random.nextLong());
  }

  private float[] adjust(float[] logits) {
    if (adjusted.length != vocabularySize) {
      adjusted = new float[vocabularySize];
    }
    System.arraycopy(logits, 0, adjusted, 0, vocabularySize);
    for (int i = 0; i < processors.size(); i++) {
      processors.get(i).process(history, adjusted);
      Logits.argMax(adjusted, "logits processor " + i);
    }
    adjustment.apply(adjusted);
    return adjusted;
  }

  private static void checkToken(String what, int token, int vocabularySize) {
    if (token < 0 || token >= vocabularySize) {
      throw new IllegalArgumentException(
          what + " must be in [0, " + (vocabularySize - 1) + "] but was " + token);
    }
  }
}
