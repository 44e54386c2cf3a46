package io.sambay4j.cli.load;

import java.util.List;
import java.util.Random;

/**
 * Prompts of words drawn at random. Each begins in its own way, so that no cache knows it, unless a
 * common beginning is asked for.
 */
public final class Prompts {
  private static final List<String> WORDS =
      List.of(
          "river", "stone", "light", "garden", "window", "paper", "music", "silver", "morning",
          "number", "table", "winter", "letter", "story", "ocean", "bridge", "forest", "mirror",
          "market", "candle", "engine", "planet", "harbor", "orange", "valley", "summer", "circle",
          "thread", "copper", "island", "journey", "shadow");

  private final String common;
  private final double tokensPerWord;

  /**
   * Prompts for a tokenizer that makes so many tokens of a word.
   *
   * @param commonTokens length of the beginning that all share; 0: none
   * @param seed of that beginning
   */
  public Prompts(double tokensPerWord, int commonTokens, long seed) {
    this.tokensPerWord = tokensPerWord;
    this.common = commonTokens == 0 ? "" : words(new Random(seed), commonTokens) + " ";
  }

  /** A prompt of about so many tokens after the common beginning. */
  public String draw(Random random, int tokens) {
    return common + words(random, tokens);
  }

  /** About so many tokens, without the common beginning. */
  public String words(Random random, int tokens) {
    return text(random, (int) Math.max(1, Math.round(tokens / tokensPerWord)));
  }

  /** So many words. */
  public static String text(Random random, int words) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < words; i++) {
      text.append(i == 0 ? "" : " ").append(WORDS.get(random.nextInt(WORDS.size())));
    }
    return text.toString();
  }
}
