package io.sambay4j.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rotary position embedding (Su et al. 2021) of a model: features j and j + rotated / 2 of a head
 * turn together by position / theta^(2j / rotated). The features from {@code rotated} on keep
 * still.
 *
 * @param theta base of the frequencies, in [1, 1e12]
 * @param rotated how many features of each head turn, the first ones; even, at least 2
 * @param longRope factors of the frequencies for contexts longer than the model was first trained
 *     for, or null
 */
public record RopeConfig(double theta, int rotated, @Nullable LongRope longRope) {
  static final double MAX_THETA = 1e12;
  static final double MAX_FACTOR = 1e6;
  static final double MAX_SCALE = 100;

  public RopeConfig {
    ModelConfig.check(
        theta >= 1 && theta <= MAX_THETA, "rope_theta", theta, "a number from 1 to " + MAX_THETA);
    ModelConfig.check(
        rotated >= 2 && rotated % 2 == 0,
        "the number of rotated features (partial_rotary_factor * head_dim)",
        rotated,
        "an even number of at least 2, because rotary embedding works on pairs");
    if (longRope != null) {
      checkCount("rope_scaling.short_factor", longRope.shortFactors, rotated);
      checkCount("rope_scaling.long_factor", longRope.longFactors, rotated);
    }
  }

  private static void checkCount(String field, List<Double> factors, int rotated) {
    ModelConfig.check(
        factors.size() == rotated / 2,
        field,
        "a list of " + factors.size(),
        rotated / 2 + " numbers, one for each pair of rotated features");
  }

  /** Which factors divide the frequencies. They hold for a whole sequence, from its first token. */
  public enum Factors {
    /**
     * For sequences no longer than the original context; the only ones without {@link LongRope}.
     */
    SHORT,
    /** For sequences that grow, or may grow, longer. */
    LONG
  }

  /**
   * LongRoPE (Ding et al. 2024), as Phi-3 and Phi-4-mini use it: pair j turns by position /
   * (factor_j · theta^(2j / rotated)), and cos and sin are both multiplied by {@code scale},
   * whichever the factors.
   *
   * @param originalPositions longest sequence, in tokens, that takes the short factors; at least 2
   * @param shortFactors one for each pair, each in (0, 1e6]
   * @param longFactors as many
   * @param scale in (0, 100]
   */
  public record LongRope(
      int originalPositions, List<Double> shortFactors, List<Double> longFactors, double scale) {
    public LongRope {
      shortFactors = List.copyOf(shortFactors);
      longFactors = List.copyOf(longFactors);
      ModelConfig.range(
          "original_max_position_embeddings", originalPositions, 2, ModelConfig.MAX_POSITIONS);
      checkFactors("rope_scaling.short_factor", shortFactors);
      checkFactors("rope_scaling.long_factor", longFactors);
      ModelConfig.check(
          scale > 0 && scale <= MAX_SCALE,
          "rope_scaling.attention_factor",
          scale,
          "a number over 0, up to " + MAX_SCALE);
    }

    private static void checkFactors(String field, List<Double> factors) {
      for (double factor : factors) {
        ModelConfig.check(
            factor > 0 && factor <= MAX_FACTOR,
            field + "'s entry",
            factor,
            "a number over 0, up to " + MAX_FACTOR);
      }
    }

    /**
     * The published scale: sqrt(1 + ln(extension) / ln(original)), and 1 where the context was not
     * extended.
     *
     * @param extension longest sequence now, as a multiple of the original one
     */
    public static double publishedScale(double extension, double originalPositions) {
      return extension <= 1 ? 1 : Math.sqrt(1 + Math.log(extension) / Math.log(originalPositions));
    }
  }
}
