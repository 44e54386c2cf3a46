package io.sambay4j.structured;

import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.sampling.TokenMask;
import io.sambay4j.tokenizer.TestFiles;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What masks over a vocabulary of 200,000 tokens cost: printed for docs/structured-output.md, not
 * judged. What is judged is that a mask is found once.
 */
class MaskCostTest {
  private static final String SCHEMA =
      "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"age\":{\"type\":\"integer\","
          + "\"minimum\":0,\"maximum\":150},\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\","
          + "\"maxLength\":200}},\"kind\":{\"enum\":[\"cat\",\"dog\"]},\"kids\":{\"type\":\"array\","
          + "\"items\":{\"$ref\":\"#\"}}},\"required\":[\"name\",\"age\"]}";
  private static final String TEXT =
      "{\"name\": \"Ann and Bob went up the hill\", \"age\": 42, \"tags\": [\"a quick brown fox\"],"
          + " \"kind\": \"cat\", \"kids\": [{\"name\": \"X\", \"age\": 1}]}";

  @Test
  void masksAreFoundOnce() {
    Tokenizer o200k = TestFiles.O200k.TOKENIZER;
    int[] ids = o200k.encode(TEXT);
    for (int round = 0; round < 20; round++) { // lets the compiler of the VM do its work
      walk("", Grammar.jsonSchema(SCHEMA + " ".repeat(round + 1)), o200k, ids);
    }
    long start = System.nanoTime();
    Grammar grammar = Grammar.jsonSchema(SCHEMA);
    print("compiling the schema", System.nanoTime() - start);
    start = System.nanoTime();
    grammar.over(o200k);
    print("joining it with the vocabulary", System.nanoTime() - start);
    List<TokenMask> cold = walk("cold", grammar, o200k, ids);
    List<TokenMask> warm = walk("warm", grammar, o200k, ids);
    for (int i = 0; i < ids.length; i++) {
      assertSame(cold.get(i), warm.get(i), "token " + i);
    }
  }

  /** What the thread that runs the model spends on masks, if a step takes as long as that. */
  @ParameterizedTest
  @ValueSource(ints = {0, 5, 20})
  void masksAreFoundWhileTheModelComputes(int stepMillis) throws InterruptedException {
    Tokenizer o200k = TestFiles.O200k.TOKENIZER;
    int[] ids = o200k.encode(TEXT);
    for (int round = 0; round < 20; round++) {
      walk("", Grammar.jsonSchema(SCHEMA + " ".repeat(30 + round)), o200k, ids);
    }
    Grammar grammar = Grammar.jsonSchema(SCHEMA + " ".repeat(100 + stepMillis));
    for (String what : List.of("cold", "warm")) {
      TokenConstraint constraint = grammar.over(o200k).start();
      long total = 0;
      long longest = 0;
      for (int id : ids) {
        Thread.sleep(stepMillis);
        long start = System.nanoTime();
        assertTrue(constraint.allowed().contains(id), "token " + id);
        constraint.accept(id);
        long time = System.nanoTime() - start;
        total += time;
        longest = Math.max(longest, time);
      }
      print("steps of %d ms, %s, the dearest token".formatted(stepMillis, what), longest);
      print("steps of %d ms, %s, on average".formatted(stepMillis, what), total / ids.length);
    }
  }

  private static List<TokenMask> walk(
      String what, Grammar grammar, Tokenizer tokenizer, int[] ids) {
    TokenConstraint constraint = grammar.over(tokenizer).start();
    List<TokenMask> masks = new ArrayList<>();
    long total = 0;
    long longest = 0;
    for (int id : ids) {
      long start = System.nanoTime();
      TokenMask mask = constraint.allowed();
      boolean allowed = mask.contains(id);
      constraint.accept(id);
      long time = System.nanoTime() - start;
      assertTrue(allowed, "token " + id);
      masks.add(mask);
      total += time;
      longest = Math.max(longest, time);
    }
    if (!what.isEmpty()) {
      print(what + ", the dearest token", longest);
      print(what + ", a token on average", total / ids.length);
    }
    return masks;
  }

  private static void print(String what, long nanos) {
    System.out.println(String.format(Locale.ROOT, "%s: %.1f us", what, nanos / 1e3));
  }
}
