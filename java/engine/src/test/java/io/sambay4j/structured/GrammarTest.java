package io.sambay4j.structured;

import static io.sambay4j.structured.Walks.accepts;
import static io.sambay4j.structured.Walks.acceptsBytes;
import static io.sambay4j.structured.Walks.utf8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.tokenizer.TestFiles;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class GrammarTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void jsonModeTakesObjectsOfAnyKind() {
    Grammar json = Grammar.json();
    for (String text :
        List.of(
            "{}",
            "{ }",
            "{\"a\":1}",
            "{\"a\": -0.5e+10, \"b\": [true, false, null, \"\\u00e9\\n\"]}",
            "{\n  \"a\": {\n    \"b\": []\n  }\n}",
            "{\"\": {\"\": {\"\": [[[[]]]]}}}",
            "{\"é漢😀\": \"\\ud83d\\ude00\"}")) {
      assertTrue(accepts(json, text), text);
    }
    for (String text :
        List.of(
            "",
            "[]",
            "1",
            "{",
            "{]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":.5}",
            "{\"a\":1.}",
            "{\"a\":+1}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\ud83d\"}",
            "{\"a\":\"\\ude00\"}",
            "{} ",
            " {}",
            "{\"a\" :1}",
            "{\"a\":1}{}",
            "{\"a\":tru}",
            "{\"a\":NaN}",
            "{\"a\":1e100}",
            "{\"a\":  1}")) {
      assertFalse(accepts(json, text), text);
    }
  }

  @Test
  void jsonModeIsExactInUtf8() {
    byte[][] bad = {
      {(byte) 0xC0, (byte) 0x80}, // an overlong zero
      {(byte) 0xED, (byte) 0xA0, (byte) 0x80}, // a surrogate
      {(byte) 0xF4, (byte) 0x90, (byte) 0x80, (byte) 0x80}, // beyond the last character
      {(byte) 0xE2, (byte) 0x82}, // half a character
      {(byte) 0x80}
    };
    for (byte[] bytes : bad) {
      assertFalse(acceptsBytes(Grammar.json(), around(bytes)), Arrays.toString(bytes));
    }
    for (String good :
        List.of(
            "\u0080",
            "\u07FF",
            "\u0800",
            "\uD7FF",
            "\uE000",
            "\uFFFF",
            "\uD800\uDC00",
            "\uDBFF\uDFFF")) {
      assertTrue(acceptsBytes(Grammar.json(), around(utf8(good))), good);
    }
  }

  private static byte[] around(byte[] inner) {
    byte[] all = Arrays.copyOf(utf8("{\"a\":\""), 6 + inner.length + 2);
    System.arraycopy(inner, 0, all, 6, inner.length);
    all[all.length - 2] = '"';
    all[all.length - 1] = '}';
    return all;
  }

  @Test
  void randomWalksThroughJsonModeAreJson() throws Exception {
    for (int seed = 0; seed < 100; seed++) {
      String text = Walks.random(Grammar.json(), Walks.TINY, new Random(seed));
      assertTrue(JSON.readTree(text).isObject(), "seed " + seed + ": " + text);
    }
  }

  @Test
  void randomWalksWithALargeVocabularyAreJson() throws Exception {
    Tokenizer o200k = TestFiles.O200k.TOKENIZER;
    for (int seed = 0; seed < 30; seed++) {
      String text = Walks.random(Grammar.json(), o200k, new Random(seed));
      assertTrue(JSON.readTree(text).isObject(), "seed " + seed + ": " + text);
    }
  }

  @Test
  void choicesAreExactlyTheGivenTexts() {
    Grammar choices = Grammar.choices(List.of("yes", "no", "not sure", "é"));
    for (String text : List.of("yes", "no", "not sure", "é")) {
      assertTrue(accepts(choices, text), text);
    }
    for (String text : List.of("", "ye", "yess", "not", "nono", "e")) {
      assertFalse(accepts(choices, text), text);
    }
  }

  @Test
  void whereOneChoiceGoesOnBothGoingOnAndEndingArePossible() {
    TokenConstraint constraint = Grammar.choices(List.of("a", "ab")).over(Walks.TINY).start();
    assertFalse(constraint.mayEnd());
    constraint.accept(Walks.TINY.encode("a")[0]);
    assertTrue(constraint.mayEnd());
    assertTrue(constraint.allowed().contains(Walks.TINY.encode("b")[0]));
    constraint.accept(Walks.TINY.encode("b")[0]);
    assertTrue(constraint.mayEnd());
    assertEquals(0, constraint.allowed().count());
  }

  @Test
  void regularExpressionsAgreeWithJava() {
    List<String> expressions =
        List.of(
            "a*b",
            "(ab|a)(bc|c)?",
            "[a-c]{2,3}",
            "[^b]*",
            "a{2}|b{1,}",
            "(a|b)*abb",
            "a?b?c?",
            "(?:a(b(c)?)?)+",
            "a+?b*?",
            "(a|ab)(c|bcd)(d*)",
            "\\w+ \\d\\D",
            "(|a)b",
            "((a*)*)*b",
            "^abc$",
            "^a|b$",
            "[\\]\\-a]+",
            "\\x61\\u0062");
    for (int i = 0; i < expressions.size(); i++) {
      String expression = expressions.get(i);
      Grammar grammar = Grammar.regex(expression);
      Pattern pattern = Pattern.compile(expression);
      Random random = new Random(i);
      for (int round = 0; round < 300; round++) {
        String text = randomText(random, "abcd 1-]");
        assertEquals(
            pattern.matcher(text).matches(),
            accepts(grammar, text),
            () -> "'" + text + "' and " + expression);
      }
    }
  }

  private static String randomText(Random random, String alphabet) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(8); i > 0; i--) {
      text.append(alphabet.charAt(random.nextInt(alphabet.length())));
    }
    return text.toString();
  }

  @Test
  void randomWalksThroughRegularExpressionsMatch() {
    for (String expression :
        List.of("[A-Z][a-z]+( [A-Z][a-z]+){0,3}", "(\\d{1,3}\\.){3}\\d{1,3}", "[^\"]{0,5}é😀?")) {
      for (int seed = 0; seed < 40; seed++) {
        String text = Walks.random(Grammar.regex(expression), Walks.TINY, new Random(seed));
        assertTrue(Pattern.matches(expression, text), "seed " + seed + ": " + text);
      }
    }
  }

  @Test
  void aGrammarMayRecurse() {
    Grammar sums =
        Grammar.ebnf(
            """
            # sums of numbers
            root ::= term ("+" term)*
            term ::= [0-9]{1,3}
                   | "(" root ")"
            """);
    for (String text : List.of("1", "1+22", "(1)", "((1+2)+(3))+444")) {
      assertTrue(accepts(sums, text), text);
    }
    for (String text : List.of("", "1+", "(1", "1)", "()", "1234", "((1+2)")) {
      assertFalse(accepts(sums, text), text);
    }
  }

  @Test
  void anAmbiguousGrammarTakesEveryReading() {
    // Each a may be closed by b or c or belong to the tail: 2^n stacks if they were kept apart.
    Grammar grammar =
        Grammar.ebnf(
            """
            root ::= pair | ""
            pair ::= "a" root "b" | "a" root "c" | "a" tail
            tail ::= "a" tail | ""
            """);
    String many = "a".repeat(200);
    assertTrue(accepts(grammar, many));
    assertTrue(accepts(grammar, many + "bc".repeat(50)));
    assertFalse(accepts(grammar, "aab" + "d"));
    assertFalse(accepts(grammar, "abb"));
  }

  @Test
  void deepNestingIsFollowedBack() {
    Grammar json = Grammar.json();
    String open = "{\"a\":[".repeat(2000);
    String close = "]}".repeat(2000);
    assertTrue(accepts(json, open + close));
    assertFalse(accepts(json, open + close + "]"));
    assertFalse(accepts(json, open + "]]" + close));
  }

  @Test
  void aTagIsAControlTokenWhereTheVocabularyHasOne() {
    Grammar grammar =
        Grammar.ebnf("root ::= <|tool_call|> \"[]\" <|/tool_call|> | <think> \"x\" <think>");
    Tokenizer o200k = TestFiles.O200k.TOKENIZER;
    TokenConstraint constraint = grammar.over(o200k).start();
    int open = o200k.id("<|tool_call|>").orElseThrow();
    assertTrue(constraint.allowed().contains(open));
    assertFalse(constraint.allowed().contains(o200k.id("<|end|>").orElseThrow()));
    assertFalse(accepts(grammar, o200k, "<|tool_call|>[]<|/tool_call|>"), "written out as text");
    constraint.accept(open);
    for (int id : o200k.encode("[]")) {
      constraint.accept(id);
    }
    assertFalse(constraint.mayEnd());
    constraint.accept(o200k.id("<|/tool_call|>").orElseThrow());
    assertTrue(constraint.mayEnd());
    assertTrue(accepts(grammar, o200k, "<think>x<think>"), "the vocabulary has no such token");
    assertTrue(accepts(grammar, "<|tool_call|>[]<|/tool_call|>"), "nor has the tiny one");
  }

  @Test
  void textWithoutATagEndsWhereTheTagBegins() {
    Grammar thought =
        Grammar.sequence(
            Grammar.textWithout(List.of("</think>")),
            Grammar.tag("</think>"),
            Grammar.choices(List.of("4", "5")));
    for (String text :
        List.of(
            "</think>4", "2+2 is <b></think>5", "</thi</think>4", "a</</think>4", "é</think>4")) {
      assertTrue(accepts(thought, text), text);
    }
    for (String text : List.of("4", "</think>", "</think>6", "</think></think>4", "</think>44")) {
      assertFalse(accepts(thought, text), text);
    }
  }

  @Test
  void grammarsCombine() {
    Grammar list =
        Grammar.sequence(
            Grammar.literal("<"),
            Grammar.json().repeated(1, 2),
            Grammar.anyOf(Grammar.literal(">")));
    assertTrue(accepts(list, "<{}>"));
    assertTrue(accepts(list, "<{}{}>"));
    assertFalse(accepts(list, "<{}{}{}>"));
    assertFalse(accepts(list, "<>"));
  }

  @Test
  void aCopyGoesItsOwnWay() {
    TokenConstraint one = Grammar.regex("[ab]{3}").over(Walks.TINY).start();
    int a = Walks.TINY.encode("a")[0];
    one.accept(a);
    TokenConstraint two = one.copy();
    one.accept(a);
    one.accept(a);
    assertTrue(one.mayEnd());
    assertFalse(two.mayEnd());
    assertTrue(two.allowed().contains(a));
  }

  @Test
  void aTokenThatIsNotAllowedIsRefusedAndChangesNothing() {
    TokenConstraint constraint = Grammar.regex("a+").over(Walks.TINY).start();
    int b = Walks.TINY.encode("b")[0];
    int end = Walks.TINY.id("<|end|>").orElseThrow();
    assertThrows(IllegalArgumentException.class, () -> constraint.accept(b));
    assertThrows(IllegalArgumentException.class, () -> constraint.accept(end));
    constraint.accept(Walks.TINY.encode("a")[0]);
    assertTrue(constraint.mayEnd());
  }

  @Test
  void controlTokensAreNeverAllowed() {
    TokenConstraint constraint = Grammar.textWithout(List.of()).over(Walks.TINY).start();
    for (int id = 0; id < Walks.TINY.vocabularySize(); id++) {
      assertFalse(Walks.TINY.isAddedToken(id) && constraint.allowed().contains(id), "token " + id);
    }
  }

  @Test
  void theSameGrammarIsCompiledOnce() {
    assertSame(Grammar.json(), Grammar.json());
    Grammar one = Grammar.jsonSchema("{\"type\": \"integer\"}");
    assertSame(one, Grammar.jsonSchema("{\"type\": \"integer\"}"));
    assertSame(one.over(Walks.TINY), one.over(Walks.TINY));
  }

  @Test
  void masksDroppedForSpaceAreFoundAgain() {
    // Ever new places: each level of nesting is one, with a mask of its own.
    Tokenizer o200k = TestFiles.O200k.TOKENIZER;
    TokenConstraint constraint = Grammar.json().over(o200k).start();
    String level = "{\"a\": ";
    int depth = 3000;
    for (int id : o200k.encode(level.repeat(depth) + "1" + "}".repeat(depth))) {
      assertTrue(constraint.allowed().contains(id), "token " + id);
      constraint.accept(id);
    }
    assertTrue(constraint.mayEnd());
  }
}
