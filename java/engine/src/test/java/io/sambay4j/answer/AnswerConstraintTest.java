package io.sambay4j.answer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.sampling.TokenMask;
import io.sambay4j.structured.Grammar;
import io.sambay4j.tokenizer.TestFiles;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AnswerConstraintTest {
  private static final Tokenizer TINY =
      Tokenizer.read(TestFiles.tinyReasoner().resolve("tokenizer.json"));
  private static final Tool ADD =
      new Tool(
          "add",
          "Adds two numbers.",
          "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\"}},"
              + "\"required\":[\"a\",\"b\"],\"additionalProperties\":false}");
  private static final Tool NOW = new Tool("now", null, Tool.NO_PARAMETERS);
  private static final String ADD_CALL = "{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2}}";
  private static final String NOW_CALL = "{\"name\": \"now\", \"arguments\": {}}";

  private static AnswerConstraint.Builder tagged(ToolChoice choice) {
    return AnswerConstraint.builder(AnswerFormat.named("none", "tool_call"))
        .tools(List.of(ADD, NOW))
        .toolChoice(choice);
  }

  private static boolean accepts(AnswerConstraint.Builder builder, String text) {
    TokenConstraint constraint = builder.over(TINY).orElseThrow().start();
    for (int id : TINY.encode(text)) {
      if (!constraint.allowed().contains(id)) {
        return false;
      }
      constraint.accept(id);
    }
    return constraint.mayEnd();
  }

  private static String call(String... calls) {
    StringBuilder text = new StringBuilder();
    for (String call : calls) {
      text.append("<tool_call>\n").append(call).append("\n</tool_call>");
    }
    return text.toString();
  }

  @Test
  void nothingAskedForIsNoConstraint() {
    assertEquals(Optional.empty(), AnswerConstraint.builder(AnswerFormat.NONE).over(TINY));
    assertEquals(
        Optional.empty(),
        AnswerConstraint.builder(AnswerFormat.named("think", "tool_call")).over(TINY));
  }

  @Test
  void requiredAsksForACall() {
    AnswerConstraint.Builder required = tagged(ToolChoice.REQUIRED);
    assertTrue(accepts(required, call(ADD_CALL)));
    assertTrue(accepts(required, call(ADD_CALL, NOW_CALL)));
    assertTrue(accepts(required, "<tool_call>" + NOW_CALL + "</tool_call>"));
    assertFalse(accepts(required, ""));
    assertFalse(accepts(required, "Hello"));
    assertFalse(accepts(required, call("{\"name\": \"sub\", \"arguments\": {}}")));
    assertFalse(accepts(required, call("{\"name\": \"add\", \"arguments\": {}}")));
    assertFalse(
        accepts(tagged(ToolChoice.REQUIRED).parallelCalls(false), call(NOW_CALL, NOW_CALL)));
  }

  @Test
  void aNamedToolIsCalledOnce() {
    AnswerConstraint.Builder named = tagged(ToolChoice.function("now"));
    assertTrue(accepts(named, call(NOW_CALL)));
    assertFalse(accepts(named, call(ADD_CALL)));
    assertFalse(accepts(named, call(NOW_CALL, NOW_CALL)));
  }

  @Test
  void autoTakesTextAndWellFormedCalls() {
    AnswerConstraint.Builder auto = tagged(ToolChoice.AUTO);
    assertTrue(accepts(auto, "Hello <b>"));
    assertTrue(accepts(auto, call(ADD_CALL)));
    assertTrue(accepts(auto, "Let me see. " + call(ADD_CALL)));
    assertFalse(accepts(auto, "<tool_call>{\"name\": \"sub\""));
    assertFalse(accepts(auto, "<tool_call>hello"));
  }

  @Test
  void noneForbidsCalls() {
    AnswerConstraint.Builder none = tagged(ToolChoice.NONE);
    assertTrue(accepts(none, "Hello"));
    assertFalse(accepts(none, call(NOW_CALL)));
  }

  @Test
  void contentFollowsAGrammarBesideCalls() {
    AnswerConstraint.Builder both = tagged(ToolChoice.AUTO).content(Grammar.json());
    assertTrue(accepts(both, "{\"x\": 1}"));
    assertTrue(accepts(both, call(NOW_CALL)));
    assertFalse(accepts(both, "Hello"));
  }

  @Test
  void aThoughtMayComeFirst() {
    AnswerConstraint.Builder thinking =
        AnswerConstraint.builder(AnswerFormat.named("think", "none")).content(Grammar.json());
    assertTrue(accepts(thinking, "<think>hm</think>\n\n{}"));
    assertTrue(accepts(thinking, "{}"));
    assertFalse(accepts(thinking, "<think>hm</think>\n\nyes"));
    assertFalse(accepts(thinking, "<think>hm"));
    thinking.thinking(Thinking.OFF);
    assertTrue(accepts(thinking, "{}"));
    assertFalse(accepts(thinking, "<think>hm</think>{}"));
    AnswerConstraint.Builder opened =
        AnswerConstraint.builder(AnswerFormat.named("think-opened", "none"))
            .content(Grammar.json());
    assertTrue(accepts(opened, "hm</think>{}"));
    assertFalse(accepts(opened, "{}"));
  }

  @Test
  void thinkingOffForbidsTheTagAlone() {
    AnswerConstraint.Builder off =
        AnswerConstraint.builder(AnswerFormat.named("think", "none")).thinking(Thinking.OFF);
    assertTrue(accepts(off, "Four."));
    assertFalse(accepts(off, "<think>hm</think>Four."));
    AnswerConstraint.Builder closed =
        AnswerConstraint.builder(AnswerFormat.named("think-opened", "none")).thinking(Thinking.OFF);
    assertTrue(accepts(closed, "</think>\n\nFour."));
    assertFalse(accepts(closed, "hm</think>Four."));
  }

  /** Tokens as a model would choose them that wants to go on thinking for ever. */
  private static String endlessThinker(
      Tokenizer tokenizer, AnswerConstraint.Builder builder, String start, int most) {
    TokenConstraint constraint = builder.over(tokenizer).orElseThrow().start();
    int[] wanted = tokenizer.encode(start + " and on and on 😀".repeat(100));
    List<Integer> ids = new ArrayList<>();
    while (ids.size() < most) {
      TokenMask allowed = constraint.allowed();
      if (ids.size() > 0 && constraint.mayEnd() && allowed.count() == 0) {
        break;
      }
      int id = ids.size() < wanted.length ? wanted[ids.size()] : wanted[0];
      if (!allowed.contains(id)) {
        int[] ways = allowed.ids(tokenizer.vocabularySize());
        if (ways.length == 0) {
          break;
        }
        id = ways[0];
      }
      constraint.accept(id);
      ids.add(id);
    }
    return tokenizer.decode(ids.stream().mapToInt(i -> i).toArray(), true);
  }

  @Test
  void aBudgetClosesTheThought() {
    for (int budget = 0; budget < 25; budget++) {
      AnswerConstraint.Builder limited =
          AnswerConstraint.builder(AnswerFormat.named("think-opened", "none"))
              .thinking(Thinking.upTo(budget));
      String text = endlessThinker(TestFiles.O200k.TOKENIZER, limited, "On", 60);
      assertTrue(text.contains("I have thought enough and answer now.\n</think>"), text);
      assertFalse(text.contains("\uFFFD"), "no half character: " + text);
      String thought = text.substring(0, text.indexOf("\n\nI have"));
      int tokens = TestFiles.O200k.TOKENIZER.count(thought);
      assertTrue(tokens >= budget && tokens <= budget + 3, tokens + " tokens for " + budget);
    }
  }

  @Test
  void aBudgetCountsOnlyTheThought() {
    AnswerConstraint.Builder limited =
        AnswerConstraint.builder(AnswerFormat.named("think", "none")).thinking(Thinking.upTo(4));
    String content = endlessThinker(TINY, limited, "No thought", 40);
    assertFalse(content.contains("</think>"), content);
    String thought = endlessThinker(TINY, limited, "<think>On", 80);
    assertTrue(thought.contains("answer now.\n</think>"), thought);
    TokenConstraint own = limited.over(TINY).orElseThrow().start();
    for (int id : TINY.encode("<think>a</think>b and more and more")) {
      assertTrue(own.allowed().isAll(), "a thought that closes itself in time is left alone");
      own.accept(id);
    }
  }

  @Test
  void aBudgetWorksBesideAGrammar() {
    AnswerConstraint.Builder limited =
        AnswerConstraint.builder(AnswerFormat.named("think-opened", "none"))
            .content(Grammar.choices(List.of("yes", "no")))
            .thinking(new Thinking(true, 5, ""));
    for (Tokenizer tokenizer : List.of(TINY, TestFiles.O200k.TOKENIZER)) {
      String text = endlessThinker(tokenizer, limited, "On", 60);
      Answer answer = Answer.of(AnswerFormat.named("think-opened", "none"), text);
      assertTrue(List.of("yes", "no").contains(answer.content()), text);
      assertTrue(answer.reasoning().startsWith("On"), text);
    }
  }

  @Test
  void aCopyOfABudgetGoesItsOwnWay() {
    TokenConstraint one =
        AnswerConstraint.builder(AnswerFormat.named("think-opened", "none"))
            .thinking(new Thinking(true, 1, ""))
            .over(TINY)
            .orElseThrow()
            .start();
    TokenConstraint two = one.copy();
    one.accept(TINY.encode("a")[0]);
    assertEquals(1, one.allowed().count());
    assertFalse(one.mayEnd());
    assertTrue(two.allowed().isAll());
  }

  @Test
  void phiCallsAreWrittenWithItsControlTokens() {
    Tokenizer o200k = TestFiles.O200k.TOKENIZER;
    TokenConstraint constraint =
        AnswerConstraint.builder(AnswerFormat.named("none", "phi"))
            .tools(List.of(ADD))
            .toolChoice(ToolChoice.REQUIRED)
            .over(o200k)
            .orElseThrow()
            .start();
    int open = o200k.id("<|tool_call|>").orElseThrow();
    assertEquals(List.of(open), list(constraint.allowed().ids(o200k.vocabularySize())));
    constraint.accept(open);
    for (int id : o200k.encode("[" + ADD_CALL + "]")) {
      assertTrue(constraint.allowed().contains(id));
      constraint.accept(id);
    }
    constraint.accept(o200k.id("<|/tool_call|>").orElseThrow());
    assertTrue(constraint.mayEnd());
    assertEquals(0, constraint.allowed().count());
  }

  private static List<Integer> list(int[] ids) {
    List<Integer> list = new ArrayList<>();
    for (int id : ids) {
      list.add(id);
    }
    return list;
  }

  @Test
  void randomAnswersWithCallsAreReadBack() {
    for (int seed = 0; seed < 30; seed++) {
      Random random = new Random(seed);
      TokenConstraint constraint = tagged(ToolChoice.REQUIRED).over(TINY).orElseThrow().start();
      List<Integer> ids = new ArrayList<>();
      while (!(constraint.mayEnd() && (ids.size() > 60 || constraint.allowed().count() == 0))) {
        int[] allowed = constraint.allowed().ids(TINY.vocabularySize());
        int id = allowed[random.nextInt(allowed.length)];
        constraint.accept(id);
        ids.add(id);
        assertTrue(ids.size() < 5000, "seed " + seed);
      }
      String text = TINY.decode(ids.stream().mapToInt(i -> i).toArray(), true);
      Answer answer = Answer.of(AnswerFormat.named("none", "tool_call"), text);
      assertFalse(answer.calls().isEmpty(), "seed " + seed + ": " + text);
      assertEquals("", answer.content(), "seed " + seed + ": " + text);
      for (ToolCall call : answer.calls()) {
        assertTrue(call.name().equals("add") || call.name().equals("now"), text);
      }
    }
  }

  @Test
  void equalRequestsShareAGrammar() {
    TokenConstraint.Factory one = tagged(ToolChoice.REQUIRED).over(TINY).orElseThrow();
    assertSame(one, tagged(ToolChoice.REQUIRED).over(TINY).orElseThrow());
    assertNotNull(one.start());
  }

  @Test
  void hostileToolsAreRefused() {
    refused(
        "no format of tool calls",
        AnswerConstraint.builder(AnswerFormat.NONE)
            .tools(List.of(NOW))
            .toolChoice(ToolChoice.REQUIRED));
    refused("not among the tools", tagged(ToolChoice.function("x")));
    refused("same name", tagged(ToolChoice.AUTO).tools(List.of(NOW, NOW)));
    refused(
        "the parameters of the tool f: the schema",
        tagged(ToolChoice.AUTO).tools(List.of(new Tool("f", null, "{\"not\": {}}"))));
    refused(
        "the parameters of the tool f: the schema is not",
        tagged(ToolChoice.AUTO).tools(List.of(new Tool("f", null, "{"))));
    refused(
        "closing tag itself",
        AnswerConstraint.builder(AnswerFormat.named("think", "none"))
            .thinking(new Thinking(true, 3, "</think>")));
    assertThrows(IllegalArgumentException.class, () -> new Tool("a b", null, "{}"));
    assertThrows(IllegalArgumentException.class, () -> new Tool("<|end|>", null, "{}"));
    assertThrows(IllegalArgumentException.class, () -> new Tool("a".repeat(65), null, "{}"));
    assertThrows(IllegalArgumentException.class, () -> Thinking.upTo(-2));
    assertThrows(
        IllegalArgumentException.class, () -> new ToolChoice(ToolChoice.Mode.FUNCTION, null));
  }

  private static void refused(String reason, AnswerConstraint.Builder builder) {
    String message =
        String.valueOf(
            assertThrows(IllegalArgumentException.class, () -> builder.over(TINY)).getMessage());
    assertTrue(message.contains(reason), message);
  }
}
