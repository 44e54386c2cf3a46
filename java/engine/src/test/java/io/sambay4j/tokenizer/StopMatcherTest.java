package io.sambay4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Stop strings, wherever tokens end. */
class StopMatcherTest {
  private static List<String> run(StopMatcher matcher, String... pieces) {
    List<String> out = new ArrayList<>();
    for (String piece : pieces) {
      out.add(matcher.append(piece));
    }
    out.add(matcher.finish());
    return out;
  }

  @Test
  void stopStringOverSeveralPiecesIsCutOff() {
    StopMatcher matcher = new StopMatcher(List.of("STOP"), false);
    assertEquals(List.of("one ", "", "", "", ""), run(matcher, "one ST", "O", "P two", "three"));
    assertEquals(Optional.of("STOP"), matcher.stop());
  }

  @Test
  void stopStringIsKeptIfAsked() {
    StopMatcher matcher = new StopMatcher(List.of("STOP"), true);
    assertEquals(List.of("one ", "STOP", ""), run(matcher, "one ST", "OP two"));
  }

  @Test
  void textThatTurnsOutHarmlessIsReleased() {
    StopMatcher matcher = new StopMatcher(List.of("\n\nQ:"), false);
    assertEquals(List.of("a", "\n\nb", "", "", "\n\nQ"), run(matcher, "a\n", "\nb", "\n\n", "Q"));
    assertEquals(Optional.empty(), matcher.stop());
  }

  @Test
  void selfOverlappingStopString() {
    StopMatcher matcher = new StopMatcher(List.of("aab"), false);
    assertEquals(List.of("", "", "a", ""), run(matcher, "a", "a", "ab"));
    assertEquals(Optional.of("aab"), matcher.stop());
  }

  @Test
  void firstCompleteStopStringCounts() {
    StopMatcher matcher = new StopMatcher(List.of("abcd", "bc"), false);
    assertEquals(List.of("", "a", ""), run(matcher, "ab", "cd"));
    assertEquals(Optional.of("bc"), matcher.stop());
  }

  @Test
  void longestOfThoseThatEndTogetherCounts() {
    StopMatcher matcher = new StopMatcher(List.of("c", "bc", "abc"), false);
    assertEquals(List.of("x", ""), run(matcher, "xabc"));
    assertEquals(Optional.of("abc"), matcher.stop());
  }

  @Test
  void withoutStopStringsTextPasses() {
    assertEquals(List.of("a", "b", ""), run(new StopMatcher(List.of(), false), "a", "b"));
  }

  @Test
  void anyTextAndCutGivesWhatSearchingTheWholeTextGives() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 20_000; round++) {
      List<String> stops = new ArrayList<>();
      for (int i = random.nextInt(4); i > 0; i--) {
        stops.add(letters(random, 1 + random.nextInt(4)));
      }
      String text = letters(random, random.nextInt(20));
      boolean include = random.nextBoolean();
      StopMatcher matcher = new StopMatcher(stops, include);
      StringBuilder out = new StringBuilder();
      String expected = expected(text, stops, include);
      for (int at = 0; at < text.length(); ) {
        int end = Math.min(text.length(), at + 1 + random.nextInt(4));
        out.append(matcher.append(text.substring(at, end)));
        assertTrue(
            expected.startsWith(out.toString()), () -> "seed " + seed + ": came out too early");
        at = end;
      }
      out.append(matcher.finish());
      assertEquals(expected, out.toString(), () -> "seed " + seed + ": " + text + " " + stops);
    }
  }

  private static String letters(Random random, int length) {
    StringBuilder letters = new StringBuilder();
    for (int i = 0; i < length; i++) {
      letters.append((char) ('a' + random.nextInt(2)));
    }
    return letters.toString();
  }

  private static String expected(String text, List<String> stops, boolean include) {
    for (int end = 1; end <= text.length(); end++) {
      String upToHere = text.substring(0, end);
      List<Integer> lengths =
          stops.stream().filter(upToHere::endsWith).map(String::length).toList();
      if (!lengths.isEmpty()) {
        return include ? upToHere : text.substring(0, end - Collections.max(lengths));
      }
    }
    return text;
  }

  @Test
  void unusableStopStringsAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new StopMatcher(List.of(""), false));
    assertThrows(IllegalArgumentException.class, () -> new StopMatcher(List.of("\uD83D"), false));
    assertThrows(
        IllegalArgumentException.class, () -> new StopMatcher(List.of("a".repeat(4097)), false));
    assertThrows(
        IllegalArgumentException.class,
        () -> new StopMatcher(Collections.nCopies(257, "a"), false));
  }
}
