package io.sambay4j.sampling;

import java.util.Collections;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * How the next token is chosen from the logits of the model.
 *
 * <p>Write l[i] for the logit of token i. A {@link Sampler} changes and narrows the distribution in
 * this order; a step left at its default does nothing:
 *
 * <ol>
 *   <li>the caller's {@link LogitsProcessor}s;
 *   <li>{@code logitBias}: l[i] += bias[i];
 *   <li>{@code repetitionPenalty} r, for every token of the prompt or of the text so far: l[i] =
 *       l[i] / r where l[i] is positive, l[i] * r elsewhere (Keskar et al. 2019, CTRL, section 4.1,
 *       in the form in common use, which also penalises negative logits);
 *   <li>{@code presencePenalty} and {@code frequencyPenalty}, for every token generated c[i] &gt; 0
 *       times, the prompt not counted: l[i] -= presence + frequency * c[i] (the OpenAI API);
 *   <li>{@code temperature} t: p = softmax(l / t); at 0 the token with the highest logit is taken,
 *       the lowest id among equals, and the steps below do not matter;
 *   <li>{@code topK} k: the k most probable tokens stay, lower ids first among equals (Fan et al.
 *       2018);
 *   <li>{@code topP}: of these, the smallest set of most probable tokens whose share of what step 6
 *       left is at least topP, lower ids first among equals and never fewer than one (Holtzman et
 *       al. 2020, nucleus sampling);
 *   <li>{@code minP}: of these, the tokens at least minP times as probable as the most probable one
 *       (Nguyen et al. 2024);
 *   <li>one token is drawn from what is left, with the generator that {@code seed} starts.
 * </ol>
 *
 * <p>Every range is closed, and checked here; NaN and infinities are outside all of them.
 *
 * @param temperature in [0, 2]; 1 is the model's own distribution, 0 is greedy; default 1
 * @param topK in [0, 1048576]; 0 is off, the default
 * @param topP in [0, 1]; 1 is off, the default; 0 keeps the most probable token
 * @param minP in [0, 1]; 0 is off, the default
 * @param repetitionPenalty in [0.01, 10]; above 1 discourages, below 1 encourages, 1 is off, the
 *     default
 * @param presencePenalty in [-2, 2]; 0 is off, the default
 * @param frequencyPenalty in [-2, 2]; 0 is off, the default
 * @param logitBias token id to bias; ids in [0, 1048575] and, checked by the sampler, inside the
 *     vocabulary; bias in [-100, 100]; default empty
 * @param seed any number; the same seed and the same logits give the same tokens; without one, the
 *     default, each sampler starts from a seed of its own, see {@link Sampler#seed()}
 * @param logProbabilities in [0, 20]: how many of the most probable tokens to report beside the
 *     chosen one, whose own log-probability is always reported; default 0
 */
public record SamplingParameters(
    double temperature,
    int topK,
    double topP,
    double minP,
    double repetitionPenalty,
    double presencePenalty,
    double frequencyPenalty,
    Map<Integer, Double> logitBias,
    OptionalLong seed,
    int logProbabilities) {

  /** The largest vocabulary a sampler accepts, and so the largest {@code topK}. */
  public static final int MAX_VOCABULARY_SIZE = 1 << 20;

  /** The most alternatives that {@code logProbabilities} may ask for. */
  public static final int MAX_LOG_PROBABILITIES = 20;

  /**
   * Checks every field against its range.
   *
   * @throws IllegalArgumentException naming the field, its range and the value, if one is outside
   */
  public SamplingParameters {
    check("temperature", temperature, 0, 2);
    check("topK", topK, 0, MAX_VOCABULARY_SIZE);
    check("topP", topP, 0, 1);
    check("minP", minP, 0, 1);
    check("repetitionPenalty", repetitionPenalty, 0.01, 10);
    check("presencePenalty", presencePenalty, -2, 2);
    check("frequencyPenalty", frequencyPenalty, -2, 2);
    logitBias = checkedCopy(logitBias);
    check("logProbabilities", logProbabilities, 0, MAX_LOG_PROBABILITIES);
  }

  /** A builder with every field at its default: the model's own distribution. */
  public static Builder builder() {
    return new Builder();
  }

  /** Always the most probable token. */
  public static SamplingParameters greedy() {
    return builder().temperature(0).build();
  }

  /** A builder that starts from these values. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.temperature = temperature;
    builder.topK = topK;
    builder.topP = topP;
    builder.minP = minP;
    builder.repetitionPenalty = repetitionPenalty;
    builder.presencePenalty = presencePenalty;
    builder.frequencyPenalty = frequencyPenalty;
    builder.logitBias = logitBias;
    builder.seed = seed;
    builder.logProbabilities = logProbabilities;
    return builder;
  }

  /** True if the most probable token is always taken, so that the seed does not matter. */
  public boolean isGreedy() {
    return temperature == 0;
  }

  private static void check(String field, double value, double min, double max) {
    if (!(value >= min && value <= max)) {
      throw new IllegalArgumentException(
          field + " must be in [" + text(min) + ", " + text(max) + "] but was " + text(value));
    }
  }

  /** Whole numbers without a fraction: "2", not "2.0". */
  private static String text(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  private static Map<Integer, Double> checkedCopy(Map<Integer, Double> logitBias) {
    TreeMap<Integer, Double> copy = new TreeMap<>();
    for (Map.Entry<Integer, Double> entry : logitBias.entrySet()) {
      Integer id = entry.getKey();
      Double bias = entry.getValue();
      if (id == null
          || bias == null) { // a map that came from JSON may hold them whatever its type says
        throw new IllegalArgumentException(
            "logitBias must map token ids to numbers but maps " + id + " to " + bias);
      }
      check("token id in logitBias", id, 0, MAX_VOCABULARY_SIZE - 1);
      check("logitBias of token " + id, bias, -100, 100);
      copy.put(id, bias);
    }
    return Collections.unmodifiableSortedMap(copy);
  }

  /**
   * Collects the fields; each is described, with its range and default, at {@link
   * SamplingParameters}.
   */
  public static final class Builder {
    private double temperature = 1;
    private int topK = 0;
    private double topP = 1;
    private double minP = 0;
    private double repetitionPenalty = 1;
    private double presencePenalty = 0;
    private double frequencyPenalty = 0;
    private Map<Integer, Double> logitBias = Map.of();
    private OptionalLong seed = OptionalLong.empty();
    private int logProbabilities = 0;

    private Builder() {}

    /** In [0, 2]; 0 is greedy. */
    public Builder temperature(double temperature) {
      this.temperature = temperature;
      return this;
    }

    /** In [0, 1048576]; 0 is off. */
    public Builder topK(int topK) {
      this.topK = topK;
      return this;
    }

    /** In [0, 1]; 1 is off. */
    public Builder topP(double topP) {
      this.topP = topP;
      return this;
    }

    /** In [0, 1]; 0 is off. */
    public Builder minP(double minP) {
      this.minP = minP;
      return this;
    }

    /** In [0.01, 10]; 1 is off. */
    public Builder repetitionPenalty(double repetitionPenalty) {
      this.repetitionPenalty = repetitionPenalty;
      return this;
    }

    /** In [-2, 2]; 0 is off. */
    public Builder presencePenalty(double presencePenalty) {
      this.presencePenalty = presencePenalty;
      return this;
    }

    /** In [-2, 2]; 0 is off. */
    public Builder frequencyPenalty(double frequencyPenalty) {
      this.frequencyPenalty = frequencyPenalty;
      return this;
    }

    /** Token id to a bias in [-100, 100]; copied when the parameters are built. */
    public Builder logitBias(Map<Integer, Double> logitBias) {
      this.logitBias = logitBias;
      return this;
    }

    /** Any number: the same seed and the same logits give the same tokens. */
    public Builder seed(long seed) {
      this.seed = OptionalLong.of(seed);
      return this;
    }

    /** Takes back {@link #seed(long)}: each sampler starts from a seed of its own. */
    public Builder randomSeed() {
      this.seed = OptionalLong.empty();
      return this;
    }

    /** In [0, 20]: how many of the most probable tokens to report. */
    public Builder logProbabilities(int logProbabilities) {
      this.logProbabilities = logProbabilities;
      return this;
    }

    /**
     * The parameters collected.
     *
     * @throws IllegalArgumentException naming the field, its range and the value, if one is outside
     */
    public SamplingParameters build() {
      return new SamplingParameters(
          temperature,
          topK,
          topP,
          minP,
          repetitionPenalty,
          presencePenalty,
          frequencyPenalty,
          logitBias,
          seed,
          logProbabilities);
    }
  }
}
