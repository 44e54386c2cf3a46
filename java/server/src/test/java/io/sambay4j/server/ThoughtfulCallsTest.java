package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.TextNode;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Calls of tools by models that want to call, scripted, whole and streamed. */
class ThoughtfulCallsTest {
  private static final String TOOLS =
      "\"max_tokens\":400,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"add\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\",\"maxLength\":20}},\"required\":[\"a\"],\"additionalProperties\":false}}},"
          + "{\"type\":\"function\",\"function\":{\"name\":\"now\"}}],";
  private static final String ADD = "{\"name\": \"add\", \"arguments\": {\"a\": 7}}";
  private static final String NOW = "{\"name\": \"now\", \"arguments\": {}}";

  private static Served served;

  @BeforeAll
  static void start() {
    served = Served.scripted();
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  /** Calls as a model writes them. */
  private static String calls(String model, String... calls) {
    return model.equals("phi")
        ? "<|tool_call|>[" + String.join(", ", calls) + "]<|/tool_call|>"
        : "<tool_call>" + String.join("</tool_call>\n<tool_call>", calls) + "</tool_call>";
  }

  private static Told.Choice say(String model, String script, String more) {
    return Told.of(served, model, script, TOOLS + more).only();
  }

  private static Told.Choice called(String content, String reasoning, String... calls) {
    return new Told.Choice(content, reasoning, List.of(calls), "tool_calls", "");
  }

  @ParameterizedTest
  @CsvSource({"think,auto", "think,required", "phi,auto", "phi,required"})
  void aCallAfterAThought(String model, String choice) {
    String more = "\"tool_choice\":\"" + choice + "\",";
    assertEquals(
        called("", "add?", "add({\"a\": 7})"),
        say(model, "<think>add?</think>" + calls(model, ADD), more));
    assertEquals(
        called("", "both", "add({\"a\": 7})", "now({})"),
        say(model, "<think>both</think>\n" + calls(model, ADD, NOW), more));
    assertEquals(called("", "", "now({})"), say(model, calls(model, NOW), more));
  }

  @ParameterizedTest
  @CsvSource({"think", "phi"})
  void callsCutAnywhere(String model) {
    String script =
        "<think>t</think>"
            + calls(
                model, "{\"name\": \"add\", \"arguments\": {\"a\": -12, \"b\": \"}<€\\\"\"}}", NOW);
    Told.Choice expected = called("", "t", "add({\"a\": -12, \"b\": \"}<€\\\"\"})", "now({})");
    for (int cut = 1; cut <= script.length(); cut += 7) {
      String stop = TextNode.valueOf(script.substring(0, cut) + "\u0001").toString();
      assertEquals(expected, say(model, script, "\"stop\":" + stop + ","), "cut at " + cut);
    }
  }

  @ParameterizedTest
  @CsvSource({"think", "phi"})
  void contentBeforeACall(String model) {
    assertEquals(
        called("I add.", "t", "add({\"a\": 7})"),
        say(model, "<think>t</think>I add.\n" + calls(model, ADD), ""));
  }

  @ParameterizedTest
  @CsvSource({"think", "phi"})
  void contentInPlaceOfACall(String model) {
    assertEquals(
        new Told.Choice("42", "t", List.of(), "stop", ""),
        say(model, "<think>t</think>42", "\"tool_choice\":\"auto\","));
  }

  @ParameterizedTest
  @CsvSource({"think", "phi"})
  void oneCallAtATime(String model) {
    assertEquals(
        called("", "t", "add({\"a\": 7})"),
        say(model, "<think>t</think>" + calls(model, ADD, NOW), "\"parallel_tool_calls\":false,"));
  }

  @ParameterizedTest
  @CsvSource({"think", "phi"})
  void theNamedToolIsCalledWhateverTheModelWants(String model) {
    String named = "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"now\"}},";
    for (String script : List.of(calls(model, ADD), "42")) {
      Told.Choice told = say(model, "<think>t</think>" + script, named);
      assertEquals("t", told.reasoning());
      assertEquals("", told.content());
      assertEquals("tool_calls", told.finishReason());
      assertEquals(1, told.calls().size());
      assertTrue(told.calls().get(0).matches("now\\(\\{\\s*}\\)"), told.toString());
    }
    assertEquals(
        called("", "", "now({})"),
        say(model, calls(model, NOW), "\"reasoning_effort\":\"none\"," + named));
  }

  @Test
  void aCallIsMadeWhereOneIsRequiredWhateverTheModelWants() {
    Told.Choice told = say("think", "<think>t</think>42", "\"tool_choice\":\"required\",");
    assertEquals("t", told.reasoning());
    assertEquals("", told.content());
    assertTrue(told.calls().size() >= 1, told.toString());
  }

  @ParameterizedTest
  @CsvSource({"think", "phi"})
  void noToolIsCalledWhereNoneMayBe(String model) {
    String call = calls(model, NOW);
    assertEquals(
        new Told.Choice(call, "t", List.of(), "stop", ""),
        say(model, "<think>t</think>" + call, "\"tool_choice\":\"none\","));
  }

  @ParameterizedTest
  @CsvSource({"think", "phi"})
  void aCallAfterAThoughtThatWasClosed(String model) {
    Told.Choice told =
        say(
            model,
            "<think>far too long</think>" + calls(model, ADD),
            "\"tool_choice\":\"required\",\"reasoning\":{\"max_tokens\":3},");
    assertEquals(List.of("add({\"a\": 7})"), told.calls());
    assertEquals("far\n\nI have thought enough and answer now.", told.reasoning());
    assertEquals("tool_calls", told.finishReason());
  }

  @Test
  void aCallOrContentOfASchema() {
    String format = "\"response_format\":{\"type\":\"json_object\"},";
    assertEquals(
        called("", "t", "now({})"), say("think", "<think>t</think>" + calls("think", NOW), format));
    assertEquals(
        new Told.Choice("{\"x\":1}", "t", List.of(), "stop", ""),
        say("think", "<think>t</think>{\"x\":1}", format));
  }

  @Test
  void aCallThatTheLimitCuts() {
    Told.Choice told =
        Told.of(
                served,
                "think",
                calls("think", ADD),
                TOOLS.replace("400", String.valueOf("<tool_call>".length() + ADD.length() - 2)))
            .only();
    assertEquals(new Told.Choice("", "", List.of("add({\"a\": 7)"), "length", ""), told);
  }

  @Test
  void logProbabilitiesOfCalls() {
    String script = "<think>t</think>" + calls("think", ADD);
    assertEquals(script, say("think", script, "\"logprobs\":true,").tokens());
  }

  @Test
  void severalAnswersCall() {
    Told told =
        Told.of(served, "think", "<think>t</think>" + calls("think", ADD), "\"n\":2," + TOOLS);
    assertEquals(
        List.of(called("", "t", "add({\"a\": 7})"), called("", "t", "add({\"a\": 7})")),
        told.choices());
  }
}
