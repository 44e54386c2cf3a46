package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Calls of tools. The model in the box knows of none; the constraint makes it call. */
class ToolsTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String TOOLS =
      "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"add\",\"description\":\"adds\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":99}},\"required\":[\"a\"],\"additionalProperties\":false}}},"
          + "{\"type\":\"function\",\"function\":{\"name\":\"stop\"}}],";

  private static Served served;

  @BeforeAll
  static void start() {
    served = new Served();
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  private static JsonNode choice(String more) {
    Served.Answer answer = served.post(CHAT, Served.chat("\"max_tokens\":300," + TOOLS + more));
    assertEquals(200, answer.status(), answer.text());
    return answer.json().path("choices").path(0);
  }

  private static void assertAdds(JsonNode call) {
    assertTrue(call.path("id").asText().matches("call_[0-9a-f]{24}"), call.toString());
    assertEquals("function", call.path("type").asText());
    assertEquals("add", call.path("function").path("name").asText());
    JsonNode arguments = Served.read(call.path("function").path("arguments").asText());
    assertTrue(arguments.path("a").isIntegralNumber(), call.toString());
  }

  @Test
  void aNamedToolIsCalled() {
    JsonNode choice =
        choice("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"add\"}},");
    assertEquals("tool_calls", choice.path("finish_reason").asText());
    assertTrue(choice.path("message").path("content").isNull());
    assertEquals(1, choice.path("message").path("tool_calls").size());
    assertAdds(choice.path("message").path("tool_calls").path(0));
  }

  @Test
  void oneIsCalledWhereOneIsRequired() {
    JsonNode choice = choice("\"tool_choice\":\"required\",\"parallel_tool_calls\":false,");
    assertEquals("tool_calls", choice.path("finish_reason").asText());
    assertEquals(1, choice.path("message").path("tool_calls").size());
  }

  @Test
  void noneIsCalledWhereNoneIsWanted() {
    JsonNode choice = choice("\"tool_choice\":\"none\",");
    assertEquals("stop", choice.path("finish_reason").asText());
    assertFalse(choice.path("message").has("tool_calls"));
    assertEquals(
        "17+25: 7+5=12, 1+2+1=4. Answer: 42", choice.path("message").path("content").asText());
  }

  @Test
  void callsStream() {
    Served.Answer answer =
        served.post(
            CHAT,
            Served.chat(
                "\"max_tokens\":300,\"stream\":true,"
                    + TOOLS
                    + "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"add\"}},"));
    List<String> events = new ArrayList<>(answer.events());
    assertEquals("[DONE]", events.remove(events.size() - 1));
    String id = "";
    String name = "";
    StringBuilder arguments = new StringBuilder();
    String reason = "";
    for (String event : events) {
      JsonNode choice = Served.read(event).path("choices").path(0);
      JsonNode call = choice.path("delta").path("tool_calls").path(0);
      if (call.has("id")) {
        id = call.path("id").asText();
        name = call.path("function").path("name").asText();
      }
      arguments.append(call.path("function").path("arguments").asText(""));
      reason = choice.path("finish_reason").asText();
    }
    assertTrue(id.startsWith("call_"));
    assertEquals("add", name);
    assertTrue(Served.read(arguments.toString()).path("a").isIntegralNumber());
    assertEquals("tool_calls", reason);
  }

  @Test
  void callsAndTheirResultsAreTakenBack() {
    String body =
        "{\"max_tokens\":5,"
            + TOOLS
            + "\"messages\":[{\"role\":\"user\",\"content\":\"What is 1+1?\"},"
            + "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"add\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
            + "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"2\"}]}";
    Served.Answer answer = served.post(CHAT, body);
    assertEquals(200, answer.status(), answer.text());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"tools\":5,",
        "\"tools\":[5],",
        "\"tools\":[{}],",
        "\"tools\":[{\"type\":\"code_interpreter\"}],",
        "\"tools\":[{\"type\":\"function\"}],",
        "\"tools\":[{\"type\":\"function\",\"function\":{}}],",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}],",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"\"}}],",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"parameters\":5}}],",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"parameters\":{\"type\":\"nothing\"}}}],",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"}},{\"type\":\"function\",\"function\":{\"name\":\"a\"}}],",
        "\"tool_choice\":\"required\",",
        "\"tool_choice\":\"sometimes\",",
        "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"add\"}},",
        "\"reasoning_effort\":\"low\",",
        "\"reasoning_effort\":5,",
        "\"reasoning\":{\"max_tokens\":-1},",
        "\"reasoning\":{\"max_tokens\":5},",
        "\"reasoning\":{\"extra\":5},"
      })
  void whatCannotBeFollowedIsRefused(String more) {
    Served.Answer answer = served.post(CHAT, Served.chat(more));
    assertEquals(400, answer.status(), answer.text());
    assertFalse(answer.error().path("param").asText().isEmpty(), answer.text());
  }

  @Test
  void tooManyToolsAreRefused() {
    String tool = "{\"type\":\"function\",\"function\":{\"name\":\"a\"}},";
    String tools = "\"tools\":[" + tool.repeat(128) + tool.substring(0, tool.length() - 1) + "],";
    assertEquals(400, served.post(CHAT, Served.chat(tools)).status());
  }
}
