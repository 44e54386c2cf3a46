package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Requests changed at random: each is answered, none with a 5xx, and nothing is left behind. */
class RequestFuzzTest {
  private static final int ROUNDS = Integer.getInteger("sambay.fuzz.rounds", 1500);

  private static final List<String> PATHS =
      List.of(
          "/v1/chat/completions", "/v1/completions", "/v1/responses", "/tokenize", "/detokenize");

  private static final List<String> SEEDS =
      List.of(
          "{\"model\":\"tiny-reasoner\",\"messages\":[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\"}]}],\"temperature\":0.5,\"top_p\":0.9,\"n\":2,\"max_tokens\":3,\"stop\":[\"x\"],\"logit_bias\":{\"5\":1.5},\"logprobs\":true,\"top_logprobs\":3,\"stream\":true,\"stream_options\":{\"include_usage\":true},\"seed\":1}",
          "{\"messages\":[{\"role\":\"user\",\"content\":\"What is 1+1?\"}],\"max_tokens\":3,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}}},\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}],\"tool_choice\":\"auto\"}",
          "{\"prompt\":\"What\",\"max_tokens\":3,\"n\":1,\"best_of\":2,\"echo\":true,\"top_k\":5,\"min_p\":0.1,\"repetition_penalty\":1.1,\"presence_penalty\":1,\"frequency_penalty\":-1,\"stop_token_ids\":[1],\"ignore_eos\":true,\"priority\":5}",
          "{\"prompt\":[1,2,3],\"max_tokens\":2,\"logprobs\":2,\"stream\":true}",
          "{\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"}]}],\"max_output_tokens\":3,\"instructions\":\"b\",\"text\":{\"format\":{\"type\":\"text\"}},\"stream\":true}",
          "{\"input\":[{\"role\":\"user\",\"content\":\"a\"},{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[]},{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"8\"}],\"max_output_tokens\":3,\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":\"object\"},\"strict\":true}],\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"},\"parallel_tool_calls\":false,\"reasoning\":{\"effort\":\"none\"}}",
          "{\"prompt\":[\"a\",\"b\",[1,2]],\"max_tokens\":2,\"n\":2,\"echo\":true,\"logprobs\":3}",
          "{\"tokens\":[1,2,3]}",
          "{\"prompt\":\"a\",\"return_token_strs\":true}");

  private static final List<String> VALUES =
      List.of(
          "null",
          "true",
          "false",
          "0",
          "-1",
          "1e999",
          "-0.0",
          "99999999999999999999",
          "\"\"",
          "\"a\"",
          "\"\\ud800\"",
          "\"\\u0000\"",
          "[]",
          "{}",
          "[[]]",
          "[null]",
          "{\"a\":1}",
          "NaN",
          "1.5",
          "[1,2]",
          "\"text\"",
          "{\"type\":\"x\"}",
          "[{\"type\":\"function\"}]",
          "128");

  @Test
  void randomRequestsNeverFailTheServer() {
    long seed = Long.getLong("sambay.fuzz.seed", new Random().nextLong());
    System.out.println("RequestFuzzTest: -Dsambay.fuzz.seed=" + seed);
    Random random = new Random(seed);
    try (Served served = new Served(16, 1024, options -> options)) {
      for (int round = 0; round < ROUNDS; round++) {
        byte[] body = mutate(random, SEEDS.get(random.nextInt(SEEDS.size())));
        String path = PATHS.get(random.nextInt(PATHS.size()));
        Served.Answer answer =
            served.send(
                served
                    .request(path)
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofByteArray(body)));
        String shown =
            "seed %d, round %d: %s %s%n-> %d %s"
                .formatted(
                    seed,
                    round,
                    path,
                    new String(body, StandardCharsets.UTF_8),
                    answer.status(),
                    answer.text());
        assertTrue(answer.status() < 500, shown);
        assertFalse(answer.text().contains("internal_error"), shown);
        assertFalse(answer.text().contains("\tat ") || answer.text().contains("java."), shown);
        if (answer.status() >= 400) {
          assertTrue(answer.error().path("message").isTextual(), shown);
        }
      }
      served.awaitIdle();
    }
  }

  private static byte[] mutate(Random random, String seed) {
    String text = seed;
    int changes = 1 + random.nextInt(4);
    for (int i = 0; i < changes; i++) {
      text = random.nextInt(4) == 0 ? cut(random, text) : otherValue(random, text);
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (random.nextInt(10) == 0 && bytes.length > 0) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
    }
    return bytes;
  }

  /** Leaves out, doubles or swaps a piece. */
  private static String cut(Random random, String text) {
    if (text.length() < 2) {
      return text;
    }
    int from = random.nextInt(text.length());
    int to = Math.min(text.length(), from + 1 + random.nextInt(12));
    return switch (random.nextInt(3)) {
      case 0 -> text.substring(0, from) + text.substring(to);
      case 1 -> text.substring(0, to) + text.substring(from);
      default ->
          text.substring(0, from)
              + new StringBuilder(text.substring(from, to)).reverse()
              + text.substring(to);
    };
  }

  /** Puts another value behind some colon. */
  private static String otherValue(Random random, String text) {
    int colon = text.indexOf(':', random.nextInt(Math.max(1, text.length())));
    if (colon < 0) {
      return text;
    }
    int end = colon + 1;
    int depth = 0;
    boolean quoted = false;
    while (end < text.length()) {
      char c = text.charAt(end);
      if (c == '"') {
        quoted = !quoted;
      } else if (!quoted && (c == '{' || c == '[')) {
        depth++;
      } else if (!quoted && (c == '}' || c == ']')) {
        if (depth == 0) {
          break;
        }
        depth--;
      } else if (!quoted && c == ',' && depth == 0) {
        break;
      }
      end++;
    }
    return text.substring(0, colon + 1)
        + VALUES.get(random.nextInt(VALUES.size()))
        + text.substring(end);
  }
}
