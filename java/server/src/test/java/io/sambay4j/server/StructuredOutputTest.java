package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers of a given form, and forms that cannot be followed. */
class StructuredOutputTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String SCHEMA =
      "{\"type\":\"object\",\"properties\":{\"sum\":{\"type\":\"integer\"}},\"required\":[\"sum\"],\"additionalProperties\":false}";

  private static Served served;

  @BeforeAll
  static void start() {
    served = new Served();
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  private static String content(String more) {
    Served.Answer answer = served.post(CHAT, Served.chat(more));
    assertEquals(200, answer.status(), answer.text());
    JsonNode choice = answer.json().path("choices").path(0);
    assertEquals("stop", choice.path("finish_reason").asText(), answer.text());
    return choice.path("message").path("content").asText();
  }

  private static String schemaFormat(String schema) {
    return "\"max_tokens\":200,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"sum\",\"strict\":true,\"schema\":%s}},"
        .formatted(schema);
  }

  @Test
  void jsonSchema() {
    JsonNode json = Served.read(content(schemaFormat(SCHEMA)));
    assertTrue(json.path("sum").isIntegralNumber(), json.toString());
    assertEquals(1, json.size());
  }

  @Test
  void otherNamesOfTheSame() {
    assertTrue(
        Served.read(content("\"guided_json\":" + SCHEMA + ",")).path("sum").isIntegralNumber());
    assertTrue(
        Served.read(content("\"structured_outputs\":{\"json\":" + SCHEMA + "},"))
            .path("sum")
            .isIntegralNumber());
    JsonNode response =
        served
            .post(
                "/v1/responses",
                "{\"input\":\"What is 1+1?\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"sum\",\"schema\":%s}}}"
                    .formatted(SCHEMA))
            .json();
    String text = response.path("output").path(0).path("content").path(0).path("text").asText();
    assertTrue(Served.read(text).path("sum").isIntegralNumber(), response.toString());
  }

  @Test
  void choicesExpressionsAndGrammars() {
    assertTrue(content("\"guided_choice\":[\"yes\",\"no\"],").matches("yes|no"));
    assertTrue(content("\"guided_regex\":\"[a-c]{3}\",").matches("[a-c]{3}"));
    assertTrue(
        content("\"guided_grammar\":\"root ::= \\\"x\\\" [0-9] \\\"y\\\"\",").matches("x[0-9]y"));
  }

  @Test
  void everyAnswerOfSeveralKeepsToIt() {
    JsonNode json =
        served
            .post(
                CHAT,
                Served.chat("\"n\":4,\"temperature\":2,\"seed\":1,\"guided_regex\":\"[0-9]{2}\","))
            .json();
    assertEquals(4, json.path("choices").size());
    for (JsonNode choice : json.path("choices")) {
      assertTrue(choice.path("message").path("content").asText().matches("[0-9]{2}"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"type\":\"nothing\"}",
        "{\"$ref\":\"#/nowhere\"}",
        "{\"$ref\":\"https://example.com/schema\"}",
        "{\"$ref\":\"#\"}",
        "{\"type\":\"string\",\"pattern\":\"(a\"}",
        "{\"type\":\"string\",\"pattern\":\"(a{1000}){1000}\"}",
        "{\"type\":\"string\",\"minLength\":-1}",
        "{\"type\":\"array\",\"minItems\":100000000}",
        "{\"properties\":5}",
        "{\"enum\":[]}",
        "{\"not\":{}}",
        "false",
        "5"
      })
  void schemasThatCannotBeFollowedAreRefused(String schema) {
    Served.Answer answer = served.post(CHAT, Served.chat(schemaFormat(schema)));
    assertEquals(400, answer.status(), answer.text());
    assertEquals("response_format.json_schema.schema", answer.error().path("param").asText());
    assertEquals("invalid_grammar", answer.error().path("code").asText());
  }

  @Test
  void deeplyNestedSchemasAreRefused() {
    String schema = "{\"items\":".repeat(5000) + "{}" + "}".repeat(5000);
    assertEquals(400, served.post(CHAT, Served.chat(schemaFormat(schema))).status());
  }

  @Test
  void enormousSchemasAreRefused() {
    StringBuilder properties = new StringBuilder();
    for (int i = 0; i < 60_000; i++) {
      properties.append(i == 0 ? "" : ",").append("\"property").append(i).append("\":{}");
    }
    String schema = "{\"type\":\"object\",\"properties\":{" + properties + "}}";
    Served.Answer answer = served.post(CHAT, Served.chat(schemaFormat(schema)));
    assertEquals(400, answer.status(), answer.text());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(a",
        "[z-a]",
        "a{5,2}",
        "(a|b){100000000}",
        "((((((a{50}){50}){50}){50}){50}){50})",
        "\\\\k<x>",
        "(?<=a)b",
        "(a|aa|aaa){1,1000}(a|aa|aaa){1,1000}b",
        "*"
      })
  void expressionsThatCannotBeFollowedAreRefused(String expression) {
    Served.Answer answer =
        served.post(CHAT, Served.chat("\"max_tokens\":1,\"guided_regex\":\"" + expression + "\","));
    assertEquals(400, answer.status(), answer.text());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"response_format\":{},",
        "\"response_format\":{\"type\":\"xml\"},",
        "\"response_format\":\"json\",",
        "\"response_format\":{\"type\":\"json_schema\"},",
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\"}},",
        "\"response_format\":{\"type\":\"json_object\",\"extra\":1},",
        "\"guided_choice\":[],",
        "\"guided_choice\":[\"\"],",
        "\"guided_choice\":[1],",
        "\"guided_grammar\":\"root ::= root\",",
        "\"guided_grammar\":\"\",",
        "\"guided_json\":\"{\",",
        "\"guided_regex\":\"a\",\"guided_choice\":[\"a\"],",
        "\"guided_regex\":\"a\",\"response_format\":{\"type\":\"json_object\"},"
      })
  void wrongFormsAreRefused(String more) {
    Served.Answer answer = served.post(CHAT, Served.chat(more));
    assertEquals(400, answer.status(), answer.text());
    assertEquals("invalid_request_error", answer.error().path("type").asText());
  }
}
