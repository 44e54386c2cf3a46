package io.sambay4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.InvalidModelException;
import io.sambay4j.tokenizer.TestFiles.O200k;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A tokenizer from plain lists is the one of the tokenizer.json they were taken from. */
final class TokenListsTest {
  @Test
  void o200kFromListsGivesTheSameIds() {
    JsonNode model = TestFiles.read(O200k.FILE).get("model");
    List<String> tokens = new ArrayList<>(Collections.nCopies(200_064, ""));
    long[] kinds = new long[200_064];
    Arrays.fill(kinds, 5);
    model
        .get("vocab")
        .properties()
        .forEach(
            entry -> {
              tokens.set(entry.getValue().intValue(), entry.getKey());
              kinds[entry.getValue().intValue()] = entry.getKey().matches("<\\|.*\\|>") ? 3 : 1;
            });
    List<String> merges = new ArrayList<>();
    model
        .get("merges")
        .forEach(
            merge ->
                merges.add(
                    merge.isTextual()
                        ? merge.textValue()
                        : merge.get(0).textValue() + " " + merge.get(1).textValue()));
    Tokenizer lists = Tokenizer.of(new TokenLists("test", tokens, kinds, merges, "gpt-4o"));
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<String> texts = new ArrayList<>(SampleTexts.ALL);
    for (int i = 0; i < 100; i++) {
      texts.add(SampleTexts.random(random, 60));
    }
    for (String text : texts) {
      int[] ids = lists.encode(text);
      assertArrayEquals(O200k.TOKENIZER.encode(text), ids, () -> "seed " + seed + ": " + text);
      assertEquals(text, lists.decode(ids), () -> "seed " + seed);
    }
    assertEquals(O200k.TOKENIZER.id("<|end|>"), lists.id("<|end|>"));
  }

  private static TokenLists lists(List<String> tokens, List<String> merges, long... kinds) {
    return new TokenLists("file", tokens, kinds, merges, "gpt-2");
  }

  /** All 256 bytes and some tokens more. */
  private static List<String> bytesAnd(String... more) {
    List<String> tokens = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      tokens.add(String.valueOf(ByteAlphabet.character(b)));
    }
    tokens.addAll(List.of(more));
    return tokens;
  }

  private static long[] ordinary(int count, long... more) {
    long[] kinds = Arrays.copyOf(new long[0], count + more.length);
    Arrays.fill(kinds, 0, count, 1);
    System.arraycopy(more, 0, kinds, count, more.length);
    return kinds;
  }

  @Test
  void kindsOfTokens() {
    Tokenizer tokenizer =
        Tokenizer.of(
            lists(
                bytesAnd("ab", "<|x|>", "<tool>", "[PAD]"),
                List.of("a b"),
                ordinary(257, 3, 4, 5)));
    assertArrayEquals(new int[] {256, (int) 'c'}, tokenizer.encode("abc"));
    assertEquals(257, tokenizer.id("<|x|>").orElseThrow());
    assertEquals(258, tokenizer.id("<tool>").orElseThrow());
    assertTrue(tokenizer.id("[PAD]").isEmpty());
  }

  @Test
  void listsThatContradictEachOther() {
    refused("2 kinds", () -> lists(List.of("a"), List.of(), 1, 1));
    refused(
        "'gpt-5' is not known",
        () -> new TokenLists("f", List.of(), new long[0], List.of(), "gpt-5"));
    refused("is of kind 6", () -> Tokenizer.of(lists(bytesAnd("x"), List.of(), ordinary(256, 6))));
    refused("is of kind 2", () -> Tokenizer.of(lists(bytesAnd("x"), List.of(), ordinary(256, 2))));
    refused("is of kind", () -> Tokenizer.of(lists(bytesAnd("x"), List.of(), ordinary(256, -1))));
    refused("there twice", () -> Tokenizer.of(lists(bytesAnd("a"), List.of(), ordinary(257))));
    refused(
        "has two ids",
        () -> Tokenizer.of(lists(bytesAnd("xx", "xx"), List.of(), ordinary(256, 3, 3))));
    refused("0 characters", () -> Tokenizer.of(lists(bytesAnd(""), List.of(), ordinary(256, 3))));
    for (String merge : List.of("a b", "ab", " b", "a ", "a q", "")) {
      refused(
          "the merge '" + merge + "'",
          () -> Tokenizer.of(lists(bytesAnd(), List.of(merge), ordinary(256))));
    }
    refused("256", () -> Tokenizer.of(lists(List.of("a"), List.of(), 1)));
  }

  private static void refused(String part, Runnable action) {
    String message = assertThrows(InvalidModelException.class, action::run).getMessage();
    assertTrue(message.contains(part), message);
  }
}
