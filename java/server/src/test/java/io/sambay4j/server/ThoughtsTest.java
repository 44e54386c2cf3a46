package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.TextNode;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers of models that think, scripted, whole and streamed. */
class ThoughtsTest {
  private static final String CLOSING = "I have thought enough and answer now.";
  private static final int CLOSING_TAG = "</think>".length(); // in tokens: one a byte

  private static Served served;

  @BeforeAll
  static void start() {
    served = Served.scripted();
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  private static Told.Choice say(String model, String script, String more) {
    return Told.of(served, model, script, more).only();
  }

  private static Told.Choice choice(String content, String reasoning, String finishReason) {
    return new Told.Choice(content, reasoning, List.of(), finishReason, "");
  }

  @Test
  void aThoughtIsToldApart() {
    Told told = Told.of(served, "think", "<think>abc</think>42", "");
    assertEquals(choice("42", "abc", "stop"), told.only());
    assertEquals("<think>abc</think>42".length() + 1, told.generated());
    assertEquals(3 + CLOSING_TAG, told.reasoning());
  }

  @Test
  void aThoughtThatTheTemplateHasOpened() {
    Told told = Told.of(served, "opened", "abc</think>42", "");
    assertEquals(choice("42", "abc", "stop"), told.only());
    assertEquals(3 + CLOSING_TAG, told.reasoning());
  }

  /** The text up to each place is held back by a stop string it might become, then told at once. */
  @Test
  void aThoughtCutAnywhere() {
    for (String[] format :
        new String[][] {
          {"think", "<think>a<b</think>4</think"}, {"opened", "a</t</think>4<think>"}
        }) {
      String script = format[1];
      Told.Choice expected = say(format[0], script, "");
      assertTrue(expected.reasoning().startsWith("a<"), expected.toString());
      assertTrue(expected.content().startsWith("4<"), expected.toString());
      for (int cut = 1; cut <= script.length(); cut++) {
        String stop = TextNode.valueOf(script.substring(0, cut) + "\u0001").toString();
        assertEquals(expected, say(format[0], script, "\"stop\":" + stop + ","), "cut at " + cut);
      }
    }
  }

  @Test
  void whiteSpaceAroundAThoughtIsNotTold() {
    assertEquals(
        choice("4 2", "a b", "stop"), say("think", "\n<think>\n a b\n</think>\n\n4 2", ""));
  }

  @Test
  void charactersOfSeveralBytes() {
    assertEquals(choice("42 €", "ä 😀", "stop"), say("think", "<think>ä 😀</think>42 €", ""));
  }

  @Test
  void noThought() {
    Told told = Told.of(served, "think", "42 <think>no</think>", "");
    assertEquals(choice("42 <think>no</think>", "", "stop"), told.only());
    assertEquals(0, told.reasoning());
  }

  @Test
  void tagsAreTextWhereNoneAreConfigured() {
    Told told = Told.of(served, "plain", "<think>abc</think>42", "");
    assertEquals(choice("<think>abc</think>42", "", "stop"), told.only());
    assertEquals(0, told.reasoning());
  }

  @Test
  void aThoughtThatIsNotClosed() {
    Told told = Told.of(served, "think", "<think>abc", "");
    assertEquals(choice("", "abc", "stop"), told.only());
    assertEquals(4, told.reasoning(), "the end token ends the thought too");
    told = Told.of(served, "think", "<think>abc</think>42", "\"max_tokens\":9,");
    assertEquals(choice("", "ab", "length"), told.only());
    assertEquals(2, told.reasoning());
    told = Told.of(served, "think", "<think>abc</think>42", "\"max_tokens\":14,");
    assertEquals(choice("", "abc</th", "length"), told.only());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"reasoning_effort\":\"none\",",
        "\"reasoning\":{\"effort\":\"none\"},",
        "\"reasoning\":{\"enabled\":false},",
        "\"reasoning\":{\"enabled\":false,\"max_tokens\":100},"
      })
  void noThoughtIsAskedFor(String more) {
    Told told = Told.of(served, "opened", "abc</think>42", more);
    assertEquals(choice("42", "", "stop"), told.only());
    assertEquals(0, told.reasoning());
    told = Told.of(served, "think", "<think>abc</think>42", "\"max_tokens\":60," + more);
    assertEquals("", told.only().reasoning());
    assertEquals(0, told.reasoning());
    assertFalse(told.only().content().contains("<think>"), told.toString());
    assertEquals(choice("42", "", "stop"), say("think", "42", more));
    assertEquals(choice("42", "", "stop"), say("plain", "42", more));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"reasoning\":{\"max_tokens\":5},|5",
        "\"reasoning\":{\"max_tokens\":0},|0",
        "\"reasoning\":{\"max_tokens\":5,\"effort\":\"high\"},|5",
        "\"reasoning\":{\"effort\":\"minimal\"},|512",
        "\"reasoning_effort\":\"minimal\",|512"
      })
  void aThoughtThatIsTooLongIsClosed(String more, int budget) {
    String thought = "0123456789".repeat(budget / 10 + 2);
    for (String model : List.of("think", "opened")) {
      String script = (model.equals("think") ? "<think>" : "") + thought + "</think>42";
      Told told = Told.of(served, model, script, more);
      String reasoning = (thought.substring(0, budget) + "\n\n" + CLOSING).strip();
      assertEquals(choice("42", reasoning, "stop"), told.only());
      assertTrue(
          told.reasoning() > budget && told.reasoning() <= budget + CLOSING.length() + 11,
          told.toString());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"reasoning\":{\"max_tokens\":4},",
        "\"reasoning\":{\"max_tokens\":1048576},",
        "\"reasoning_effort\":\"high\",",
        "\"reasoning_effort\":\"medium\",",
        "\"reasoning\":{},",
        "\"reasoning\":null,"
      })
  void aThoughtWithinItsBudgetIsLeftAlone(String more) {
    assertEquals(choice("42", "abc", "stop"), say("think", "<think>abc</think>42", more));
  }

  @Test
  void logProbabilitiesAreThoseOfAllTokens() {
    String script = "<think>abc</think>42";
    Told.Choice told = say("think", script, "\"logprobs\":true,\"top_logprobs\":2,");
    assertEquals(new Told.Choice("42", "abc", List.of(), "stop", script), told);
    told = say("think", script, "\"logprobs\":true,\"max_tokens\":14,");
    assertEquals("<think>abc</th", told.tokens());
  }

  /** What might become a stop string is told with the token that ends the answer. */
  @Test
  void textThatTheEndTokenReleases() {
    String script = "<think>abc</think>42";
    for (String stop : List.of("2!", "42!", "</think>42!", script + "!")) {
      String more = "\"logprobs\":true,\"stop\":\"%s\",".formatted(stop);
      assertEquals(
          new Told.Choice("42", "abc", List.of(), "stop", script + "<|end|>"),
          say("think", script, more));
    }
  }

  @Test
  void severalAnswersThinkEachForItself() {
    String script = "<think>ab</think>1" + Script.OR + "<think>xyz</think>23";
    Set<Told.Choice> seen = new HashSet<>();
    for (int seed = 0; seed < 8; seed++) {
      Told told =
          Told.of(served, "think", script, "\"n\":2,\"temperature\":1,\"seed\":" + seed + ",");
      assertEquals(2, told.choices().size());
      int thoughts = told.choices().stream().mapToInt(c -> c.reasoning().length()).sum();
      assertEquals(thoughts + 2 * CLOSING_TAG, told.reasoning());
      seen.addAll(told.choices());
    }
    assertEquals(Set.of(choice("1", "ab", "stop"), choice("23", "xyz", "stop")), seen);
  }

  @Test
  void stopStringsEndThoughtOrContent() {
    String script = "<think>abc</think>4.2";
    assertEquals(choice("", "a", "stop"), say("think", script, "\"stop\":\"b\","));
    assertEquals(choice("4", "abc", "stop"), say("think", script, "\"stop\":[\".\",\"x\"],"));
    assertEquals(choice("", "abc", "stop"), say("think", script, "\"stop\":\"</think>\","));
  }

  @Test
  void aSchemaIsOfWhatFollowsTheThought() {
    String format =
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}}},";
    String script = "<think>{\"b\":1}</think>{\"a\":5}";
    assertEquals(choice("{\"a\":5}", "{\"b\":1}", "stop"), say("think", script, format));
    assertEquals(choice("{\"a\":5}", "", "stop"), say("think", "{\"a\":5}", format));
    assertEquals(
        choice("{\"a\":5}", "", "stop"),
        say("opened", "hm</think>{\"a\":5}", "\"reasoning_effort\":\"none\"," + format));
    String budget = "\"reasoning\":{\"max_tokens\":2},";
    assertEquals(
        choice("{\"a\":5}", "ab\n\n" + CLOSING, "stop"),
        say("opened", "abcdef</think>{\"a\":5}", budget + format));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "plain|\"reasoning_effort\":\"low\",|reasoning_effort",
        "plain|\"reasoning\":{\"max_tokens\":5},|reasoning",
        "think|\"reasoning_effort\":\"some\",|reasoning_effort",
        "think|\"reasoning_effort\":5,|reasoning_effort",
        "think|\"reasoning_effort\":[],|reasoning_effort",
        "think|\"reasoning\":\"low\",|reasoning",
        "think|\"reasoning\":{\"effort\":\"some\"},|reasoning.effort",
        "think|\"reasoning\":{\"max_tokens\":-1},|reasoning.max_tokens",
        "think|\"reasoning\":{\"max_tokens\":1048577},|reasoning.max_tokens",
        "think|\"reasoning\":{\"max_tokens\":1.5},|reasoning.max_tokens",
        "think|\"reasoning\":{\"max_tokens\":\"5\"},|reasoning.max_tokens",
        "think|\"reasoning\":{\"max_tokens\":1e999},|reasoning.max_tokens",
        "think|\"reasoning\":{\"enabled\":1},|reasoning.enabled",
        "think|\"reasoning\":{\"extra\":1},|reasoning.extra"
      })
  void whatCannotBeHeldToIsRefused(String model, String more, String param) {
    for (String stream : List.of("true", "false")) {
      Served.Answer answer =
          served.post(
              "/v1/chat/completions",
              Served.chat("\"model\":\"%s\",\"stream\":%s,%s".formatted(model, stream, more)));
      assertEquals(400, answer.status(), answer.text());
      assertEquals(param, answer.error().path("param").asText(), answer.text());
    }
  }
}
