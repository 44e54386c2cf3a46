package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Thoughts and calls of tools in {@code /v1/responses}, scripted, whole and streamed. */
class ThoughtfulResponsesTest {
  private static final String PATH = "/v1/responses";
  private static final String TOOLS =
      "\"max_output_tokens\":400,\"tools\":[{\"type\":\"function\",\"name\":\"add\",\"description\":\"adds\",\"strict\":true,\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"],\"additionalProperties\":false}},"
          + "{\"type\":\"function\",\"name\":\"now\",\"parameters\":null,\"strict\":false}],";
  private static final String ADD =
      "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 7}}</tool_call>";
  private static final String NOW = "<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>";

  private static Served served;

  @BeforeAll
  static void start() {
    served = Served.scripted();
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  /** Lets a model say a text, whole and streamed; both must come to the same. */
  private static JsonNode say(String model, String script, String more) {
    String request = "{%s\"model\":\"%s\",\"input\":%s%s}";
    String input = TextNode.valueOf(script).toString();
    Served.Answer whole = served.post(PATH, request.formatted(more, model, input, ""));
    assertEquals(200, whole.status(), whole.text());
    Served.Answer streamed =
        served.post(PATH, request.formatted(more, model, input, ",\"stream\":true"));
    assertEquals(200, streamed.status(), streamed.text());
    List<JsonNode> events = streamed.events().stream().map(Served::read).toList();
    JsonNode last = events.get(events.size() - 1).path("response");
    JsonNode response = whole.json();
    assertEquals(response.path("status"), last.path("status"));
    assertEquals(withoutIds(response.path("output")), withoutIds(last.path("output")));
    assertEquals(
        response.path("usage").path("output_tokens_details"),
        last.path("usage").path("output_tokens_details"));
    assertEquals(
        response.path("usage").path("output_tokens"), last.path("usage").path("output_tokens"));
    assertEquals(last.path("output"), told(events));
    assertEquals(
        "response." + response.path("status").asText(), type(events.get(events.size() - 1)));
    return response;
  }

  private static String type(JsonNode event) {
    return event.path("type").asText();
  }

  private static JsonNode withoutIds(JsonNode output) {
    JsonNode copy = output.deepCopy();
    for (JsonNode item : copy) {
      ((ObjectNode) item).remove(List.of("id", "call_id"));
    }
    return copy;
  }

  /** The output that the events of a stream make, as a client puts it together. */
  private static ArrayNode told(List<JsonNode> events) {
    ArrayNode output = JsonNodeFactory.instance.arrayNode();
    boolean open = false;
    for (int i = 0; i < events.size(); i++) {
      JsonNode event = events.get(i);
      assertEquals(i, event.path("sequence_number").asInt());
      String type = type(event);
      ObjectNode item = output.isEmpty() ? null : (ObjectNode) output.get(output.size() - 1);
      if (type.equals("response.output_item.added")) {
        assertTrue(!open, "one item at a time");
        assertEquals(output.size(), event.path("output_index").asInt());
        assertEquals("in_progress", event.path("item").path("status").asText());
        output.add(event.path("item").deepCopy());
        open = true;
        continue;
      }
      if (type.matches("response\\.(created|in_progress|completed|incomplete)")) {
        assertTrue(!open, type);
        continue;
      }
      assertEquals(output.size() - 1, event.path("output_index").asInt());
      if (type.equals("response.output_item.done")) {
        ObjectNode done = event.path("item").deepCopy();
        item.set("status", done.path("status"));
        assertEquals(done, item);
        open = false;
        continue;
      }
      assertEquals(item.path("id"), event.path("item_id"));
      boolean call = type.startsWith("response.function_call_arguments.");
      assertEquals(call, !event.has("content_index"), type);
      switch (type) {
        case "response.content_part.added" ->
            ((ArrayNode) item.path("content")).add(event.path("part").deepCopy());
        case "response.content_part.done" ->
            assertEquals(item.path("content").path(0), event.path("part"));
        case "response.output_text.delta", "response.reasoning_text.delta" -> {
          ObjectNode part = (ObjectNode) item.path("content").path(0);
          part.put("text", part.path("text").asText() + event.path("delta").asText());
          if (part.has("logprobs")) {
            ((ArrayNode) part.path("logprobs")).addAll((ArrayNode) event.path("logprobs"));
          }
        }
        case "response.output_text.done", "response.reasoning_text.done" -> {
          assertEquals(item.path("content").path(0).path("text"), event.path("text"));
          if (event.has("logprobs")) { // the last of them may have had no text to be told with
            ((ObjectNode) item.path("content").path(0)).set("logprobs", event.path("logprobs"));
          }
        }
        case "response.function_call_arguments.delta" ->
            item.put("arguments", item.path("arguments").asText() + event.path("delta").asText());
        case "response.function_call_arguments.done" -> {
          assertEquals(item.path("arguments"), event.path("arguments"));
          assertEquals(item.path("name"), event.path("name"));
        }
        default -> throw new AssertionError("unexpected " + type);
      }
    }
    return output;
  }

  /** Items in short: {@code reasoning:…}, {@code message:…}, {@code name(arguments)}. */
  private static List<String> items(JsonNode response) {
    List<String> items = new ArrayList<>();
    for (JsonNode item : response.path("output")) {
      String status = item.path("status").asText().equals("incomplete") ? "…" : "";
      items.add(
          switch (item.path("type").asText()) {
            case "reasoning" -> {
              assertTrue(item.path("id").asText().startsWith("rs_"));
              assertEquals(0, item.path("summary").size());
              assertEquals("reasoning_text", item.path("content").path(0).path("type").asText());
              yield "reasoning:" + item.path("content").path(0).path("text").asText() + status;
            }
            case "message" -> {
              assertTrue(item.path("id").asText().startsWith("msg_"));
              assertEquals("assistant", item.path("role").asText());
              yield "message:" + item.path("content").path(0).path("text").asText() + status;
            }
            case "function_call" -> {
              assertTrue(item.path("id").asText().startsWith("fc_"));
              assertTrue(item.path("call_id").asText().startsWith("call_"));
              yield item.path("name").asText()
                  + "("
                  + item.path("arguments").asText()
                  + ")"
                  + status;
            }
            default -> throw new AssertionError(item.toString());
          });
    }
    return items;
  }

  @Test
  void aThoughtIsAnItem() {
    JsonNode response = say("think", "<think>abc</think>42", "");
    assertEquals(List.of("reasoning:abc", "message:42"), items(response));
    JsonNode usage = response.path("usage");
    assertEquals(11, usage.path("output_tokens_details").path("reasoning_tokens").asInt());
    assertEquals(List.of("message:42"), items(say("think", "42", "")));
    assertEquals(List.of("reasoning:abc"), items(say("think", "<think>abc</think>", "")));
    assertEquals(List.of("message:"), items(say("plain", "", "")));
  }

  @Test
  void thoughtsAndCallsCutAnywhere() {
    String script = "<think>a<</think>So:" + ADD + "\n" + NOW;
    List<String> expected = List.of("reasoning:a<", "message:So:", "add({\"a\": 7})", "now({})");
    assertEquals(expected, items(say("think", script, TOOLS)));
    for (int cut = 1; cut <= script.length(); cut += 5) {
      String stop = TextNode.valueOf(script.substring(0, cut) + "\u0001").toString();
      // responses have no stop strings in OpenAI's form; the field is taken all the same
      assertEquals(expected, items(say("think", script, TOOLS + "\"stop\":" + stop + ",")));
    }
  }

  @Test
  void efforts() {
    String none = "\"reasoning\":{\"effort\":\"none\",\"summary\":\"auto\"},";
    JsonNode response = say("opened", "abc</think>42", none);
    assertEquals(List.of("message:42"), items(response));
    assertEquals("none", response.path("reasoning").path("effort").asText());
    assertTrue(say("opened", "abc</think>42", "").path("reasoning").path("effort").isNull());
    assertEquals(
        List.of("reasoning:ab\n\nI have thought enough and answer now.", "message:42"),
        items(say("opened", "abcdef</think>42", "\"reasoning\":{\"max_tokens\":2},")));
  }

  @Test
  void whatTheLimitCutsIsIncomplete() {
    JsonNode response = say("think", "<think>abc</think>42", "\"max_output_tokens\":9,");
    assertEquals("incomplete", response.path("status").asText());
    assertEquals(List.of("reasoning:ab…"), items(response));
    response = say("think", "<think>abc</think>42", "\"max_output_tokens\":19,");
    assertEquals(List.of("reasoning:abc", "message:4…"), items(response));
    String limit = String.valueOf(ADD.indexOf('7'));
    response = say("think", ADD, TOOLS.replace("400", limit));
    assertEquals(List.of("add({\"a\": )…"), items(response));
  }

  @Test
  void logProbabilitiesAreThoseOfTheMessage() {
    JsonNode response = say("think", "<think>abc</think>42", "\"top_logprobs\":1,");
    StringBuilder tokens = new StringBuilder();
    response
        .path("output")
        .path(1)
        .path("content")
        .path(0)
        .path("logprobs")
        .forEach(token -> tokens.append(token.path("token").asText()));
    assertEquals("42", tokens.toString());
  }

  @Test
  void textThatTheEndTokenReleases() {
    String more = "\"top_logprobs\":1,\"stop\":\"42!\",";
    JsonNode message = say("plain", "42", more).path("output").path(0);
    assertEquals("42", message.path("content").path(0).path("text").asText());
    assertEquals(3, message.path("content").path(0).path("logprobs").size());
  }

  @Test
  void toolChoices() {
    assertEquals(
        List.of("reasoning:t", "add({\"a\": 7})"),
        items(say("think", "<think>t</think>" + ADD, TOOLS + "\"tool_choice\":\"required\",")));
    String named = "\"tool_choice\":{\"type\":\"function\",\"name\":\"now\"},";
    JsonNode response = say("think", "<think>t</think>42", TOOLS + named);
    assertEquals("reasoning:t", items(response).get(0));
    assertTrue(items(response).get(1).matches("now\\(\\{\\s*}\\)"), response.toString());
    assertEquals("now", response.path("tool_choice").path("name").asText());
    assertEquals("add", response.path("tools").path(0).path("name").asText());
    response = say("think", ADD + "\n" + NOW, TOOLS + "\"parallel_tool_calls\":false,");
    assertEquals(List.of("add({\"a\": 7})"), items(response));
    assertEquals("false", response.path("parallel_tool_calls").asText());
    assertEquals(
        List.of("message:" + NOW), items(say("think", NOW, TOOLS + "\"tool_choice\":\"none\",")));
    assertEquals(
        List.of("add({\"a\": 7})", "now({})"),
        items(
            say(
                "phi",
                "<|tool_call|>[{\"name\": \"add\", \"arguments\": {\"a\": 7}}, {\"name\": \"now\", \"arguments\": {}}]<|/tool_call|>",
                TOOLS)));
  }

  @Test
  void outputGoesBackAsInput() {
    JsonNode first = say("think", "<think>t</think>So:" + ADD + "\n" + NOW, TOOLS);
    ArrayNode input = JsonNodeFactory.instance.arrayNode();
    input.addObject().put("role", "user").put("content", "<think>t</think>done");
    input.addAll((ArrayNode) first.path("output"));
    for (JsonNode item : first.path("output")) {
      if (item.has("call_id")) {
        input
            .addObject()
            .put("type", "function_call_output")
            .put("call_id", item.path("call_id").asText())
            .put("output", "8");
      }
    }
    Served.Answer answer =
        served.post(PATH, "{" + TOOLS + "\"model\":\"think\",\"input\":" + input + "}");
    assertEquals(200, answer.status(), answer.text());
    assertEquals(List.of("reasoning:t", "message:done"), items(answer.json()));
    Served.Answer parts =
        served.post(
            PATH,
            "{\"model\":\"plain\",\"input\":[{\"role\":\"user\",\"content\":\"ok\"},"
                + "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},"
                + "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[{\"type\":\"input_text\",\"text\":\"8\"}]}]}");
    assertEquals(List.of("message:ok"), items(parts.json()), parts.text());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"type\":\"function_call\"}|input[1].call_id",
        "{\"type\":\"function_call\",\"call_id\":\"c\"}|input[1].name",
        "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\"}|input[1].arguments",
        "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":{}}|input[1].arguments",
        "{\"type\":\"function_call\",\"call_id\":5,\"name\":\"f\",\"arguments\":\"\"}|input[1].call_id",
        "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"\",\"x\":1}|input[1].x",
        "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"\\ud800\"}|input[1].arguments",
        "{\"type\":\"function_call_output\",\"output\":\"8\"}|input[1].call_id",
        "{\"type\":\"function_call_output\",\"call_id\":\"none\",\"output\":\"8\"}|input[1].call_id",
        "{\"type\":\"web_search_call\"}|input[1].type",
        "{\"type\":\"item_reference\",\"id\":\"x\"}|input[1].type",
        "{\"type\":5}|input[1].type"
      })
  void itemsThatMakeNoSenseAreRefused(String item, String param) {
    Served.Answer answer =
        served.post(PATH, "{\"input\":[{\"role\":\"user\",\"content\":\"a\"}," + item + "]}");
    assertEquals(400, answer.status(), answer.text());
    assertEquals(param, answer.error().path("param").asText(), answer.text());
  }

  @Test
  void resultsThatMakeNoSenseAreRefused() {
    String call =
        "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},";
    for (String output : List.of("null", "5", "[5]", "[{\"type\":\"input_image\"}]")) {
      Served.Answer answer =
          served.post(
              PATH,
              "{\"input\":["
                  + call
                  + "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":"
                  + output
                  + "}]}");
      assertEquals(400, answer.status(), answer.text());
      assertTrue(
          answer.error().path("param").asText().startsWith("input[1].output"), answer.text());
    }
    Served.Answer thoughtAlone =
        served.post(PATH, "{\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[]}]}");
    assertEquals(400, thoughtAlone.status());
    assertEquals("input", thoughtAlone.error().path("param").asText());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"tools\":5,|tools",
        "\"tools\":[5],|tools[0]",
        "\"tools\":[{}],|tools[0].type",
        "\"tools\":[{\"type\":\"web_search\"}],|tools[0].type",
        "\"tools\":[{\"type\":\"custom\",\"name\":\"a\"}],|tools[0].type",
        "\"tools\":[{\"type\":\"function\"}],|tools[0].name",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"}}],|tools[0].name",
        "\"tools\":[{\"type\":\"function\",\"name\":\"a b\"}],|tools[0].name",
        "\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"parameters\":5}],|tools[0].parameters",
        "\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"parameters\":{\"type\":\"nothing\"}}],|tools",
        "\"tools\":[{\"type\":\"function\",\"name\":\"a\"},{\"type\":\"function\",\"name\":\"a\"}],|tools",
        "\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"strict\":1}],|tools[0].strict",
        "\"tool_choice\":\"required\",|tool_choice",
        "\"tool_choice\":\"sometimes\",|tool_choice",
        "\"tool_choice\":{\"type\":\"function\",\"name\":\"add\"},|tool_choice",
        "\"tool_choice\":{\"type\":\"file_search\"},|tool_choice.type",
        "\"tool_choice\":{\"type\":\"function\"},|tool_choice.name",
        "\"parallel_tool_calls\":1,|parallel_tool_calls",
        "\"max_tool_calls\":1,|max_tool_calls",
        "\"reasoning\":{\"effort\":\"low\"},|reasoning",
        "\"reasoning\":{\"max_tokens\":-1},|reasoning.max_tokens"
      })
  void whatCannotBeFollowedIsRefused(String more, String param) {
    Served.Answer answer = served.post(PATH, "{" + more + "\"input\":\"a\"}");
    assertEquals(400, answer.status(), answer.text());
    assertEquals(param, answer.error().path("param").asText(), answer.text());
  }

  @Test
  void tooManyToolsAreRefused() {
    String tools = "{\"type\":\"function\",\"name\":\"a\"},".repeat(129);
    Served.Answer answer =
        served.post(
            PATH, "{\"input\":\"a\",\"tools\":[" + tools.substring(0, tools.length() - 1) + "]}");
    assertEquals(400, answer.status());
    assertEquals("tools", answer.error().path("param").asText());
  }
}
