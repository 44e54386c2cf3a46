package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.server.http.Json;
import io.sambay4j.tokenizer.Tokenizer;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;

/** Parts that several answers have. */
final class AnswerJson {
  private static final SecureRandom RANDOM = new SecureRandom();

  /** Instead of minus infinity, which JSON has not. */
  private static final double LEAST = -9999;

  private AnswerJson() {}

  /** A name that no other answer has. */
  static String id(String prefix) {
    byte[] bytes = new byte[12];
    RANDOM.nextBytes(bytes);
    return prefix + HexFormat.of().formatHex(bytes);
  }

  /** Seconds since 1970. */
  static long now() {
    return System.currentTimeMillis() / 1000;
  }

  /**
   * Each prompt is counted once, however many answers it has.
   *
   * @param generations those of the first prompt, then of the next, as many of each
   */
  static ObjectNode usage(List<Generation> generations, int prompts, int reasoningTokens) {
    int prompt = 0;
    int cached = 0;
    int each = generations.size() / prompts;
    for (int from = 0; from < generations.size(); from += each) {
      List<Generation> answers = generations.subList(from, from + each);
      prompt += answers.stream().mapToInt(g -> g.usage().promptTokens()).max().orElse(0);
      cached += answers.stream().mapToInt(g -> g.usage().cachedTokens()).min().orElse(0);
    }
    int generated = generations.stream().mapToInt(g -> g.usage().generatedTokens()).sum();
    ObjectNode usage =
        Json.object()
            .put("prompt_tokens", prompt)
            .put("completion_tokens", generated)
            .put("total_tokens", prompt + generated);
    usage.putObject("prompt_tokens_details").put("cached_tokens", cached);
    usage.putObject("completion_tokens_details").put("reasoning_tokens", reasoningTokens);
    return usage;
  }

  /** Tokens with their log-probabilities, as chat answers report them. */
  static ArrayNode logProbabilities(Tokenizer tokenizer, List<GeneratedToken> tokens) {
    ArrayNode entries = Json.array();
    for (GeneratedToken token : tokens) {
      ObjectNode entry = entry(tokenizer, token.id(), token.logProbability());
      ArrayNode top = entry.putArray("top_logprobs");
      token
          .alternatives()
          .forEach(other -> top.add(entry(tokenizer, other.token(), other.logProbability())));
      entries.add(entry);
    }
    return entries;
  }

  private static ObjectNode entry(Tokenizer tokenizer, int id, double logProbability) {
    ObjectNode entry =
        Json.object().put("token", text(tokenizer, id)).put("logprob", finite(logProbability));
    ArrayNode bytes = entry.putArray("bytes");
    for (byte b : tokenizer.tokenBytes(id)) {
      bytes.add(b & 0xff);
    }
    return entry;
  }

  static String text(Tokenizer tokenizer, int id) {
    return tokenizer.decode(new int[] {id}, true);
  }

  static double finite(double logProbability) {
    return Math.max(LEAST, logProbability);
  }

  /**
   * The tokens that a client is shown: not the one that only ended the answer. One that text came
   * with which had been held back did more than that.
   */
  static List<GeneratedToken> shown(Generation generation) {
    List<GeneratedToken> tokens = generation.tokens();
    int last = tokens.size() - 1;
    boolean onlyEnds = generation.endToken().isPresent() && tokens.get(last).text().isEmpty();
    return onlyEnds ? tokens.subList(0, last) : tokens;
  }
}
