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

/** {@code /v1/responses}. */
class ResponsesTest {
  private static final String PATH = "/v1/responses";

  private static Served served;

  @BeforeAll
  static void start() {
    served = new Served();
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  @Test
  void aTextIsAnswered() {
    Served.Answer answer =
        served.post(PATH, "{\"input\":\"What is 17+25?\",\"metadata\":{\"a\":\"b\"}}");
    assertEquals(200, answer.status(), answer.text());
    JsonNode json = answer.json();
    assertTrue(json.path("id").asText().matches("resp_[0-9a-f]{24}"));
    assertEquals("response", json.path("object").asText());
    assertEquals("completed", json.path("status").asText());
    assertEquals("b", json.path("metadata").path("a").asText());
    assertFalse(json.path("store").asBoolean());
    assertEquals(1, json.path("output").size());
    JsonNode message = json.path("output").path(0);
    assertEquals("message", message.path("type").asText());
    assertEquals("assistant", message.path("role").asText());
    assertEquals(
        Served.read(
            "[{\"type\":\"output_text\",\"text\":\"17+25: 7+5=12, 1+2+1=4. Answer: 42\",\"annotations\":[],\"logprobs\":[]}]"),
        message.path("content"));
    assertEquals(12, json.path("usage").path("input_tokens").asInt());
    assertEquals(29, json.path("usage").path("output_tokens").asInt());
    assertEquals(41, json.path("usage").path("total_tokens").asInt());
  }

  @Test
  void aConversationIsAnswered() {
    JsonNode json =
        served
            .post(
                PATH,
                "{\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"What is 1+1?\"}]},"
                    + "{\"type\":\"message\",\"id\":\"msg_1\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"2\",\"annotations\":[]}]},"
                    + "{\"role\":\"user\",\"content\":\"What is 5+6?\"}],\"max_output_tokens\":3}")
            .json();
    assertEquals("incomplete", json.path("status").asText(), json.toString());
    assertEquals("max_output_tokens", json.path("incomplete_details").path("reason").asText());
  }

  @Test
  void events() {
    Served.Answer answer =
        served.post(PATH, "{\"input\":\"What is 17+25?\",\"stream\":true,\"top_logprobs\":1}");
    List<JsonNode> events = answer.events().stream().map(Served::read).toList();
    List<String> types = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < events.size(); i++) {
      JsonNode event = events.get(i);
      assertEquals(i, event.path("sequence_number").asInt());
      String type = event.path("type").asText();
      assertTrue(answer.text().contains("event: " + type + "\ndata: "));
      if (type.equals("response.output_text.delta")) {
        text.append(event.path("delta").asText());
        assertFalse(event.path("logprobs").isEmpty());
      } else {
        types.add(type);
      }
    }
    assertEquals(
        List.of(
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed"),
        types);
    assertEquals("17+25: 7+5=12, 1+2+1=4. Answer: 42", text.toString());
    JsonNode last = events.get(events.size() - 1).path("response");
    assertEquals(29, last.path("usage").path("output_tokens").asInt());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"input\":[]}",
        "{\"input\":5}",
        "{\"input\":[5]}",
        "{\"input\":[{\"type\":\"image\"}]}",
        "{\"input\":[{\"role\":\"user\"}]}",
        "{\"input\":\"a\",\"previous_response_id\":\"resp_1\"}",
        "{\"input\":\"a\",\"background\":true}",
        "{\"input\":\"a\",\"truncation\":\"auto\"}",
        "{\"input\":\"a\",\"max_output_tokens\":0}",
        "{\"input\":\"a\",\"include\":[\"file_search_call.results\"]}",
        "{\"input\":\"a\",\"text\":{\"format\":{\"type\":\"yaml\"}}}",
        "{\"input\":\"a\",\"n\":2}"
      })
  void whatCannotBeServedIsRefused(String body) {
    Served.Answer answer = served.post(PATH, body);
    assertEquals(400, answer.status(), answer.text());
    assertFalse(answer.error().path("param").asText().isEmpty(), answer.text());
  }
}
