package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Each endpoint as it is meant to be used, and the exact shape of its answer. */
class EndpointsTest {
  private static final String ANSWER = "17+25: 7+5=12, 1+2+1=4. Answer: 42";

  private static Served served;

  @BeforeAll
  static void start() {
    served = new Served();
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  private static List<String> names(JsonNode node) {
    List<String> names = new ArrayList<>();
    node.fieldNames().forEachRemaining(names::add);
    return names;
  }

  @Test
  void chatCompletion() {
    Served.Answer answer = served.post("/v1/chat/completions", Served.chat(""));
    assertEquals(200, answer.status(), answer.text());
    assertEquals("application/json", answer.header("content-type"));
    JsonNode json = answer.json();
    assertEquals(
        List.of("id", "object", "created", "model", "choices", "usage", "timings"), names(json));
    assertTrue(json.path("id").asText().matches("chatcmpl-[0-9a-f]{24}"));
    assertEquals("chat.completion", json.path("object").asText());
    assertEquals(Served.MODEL, json.path("model").asText());
    assertTrue(Math.abs(json.path("created").asLong() - System.currentTimeMillis() / 1000) < 600);
    assertEquals(1, json.path("choices").size());
    JsonNode choice = json.path("choices").path(0);
    assertEquals(List.of("index", "message", "logprobs", "finish_reason"), names(choice));
    assertEquals(
        Served.read(
            "{\"role\":\"assistant\",\"content\":\"%s\",\"refusal\":null}".formatted(ANSWER)),
        choice.path("message"));
    assertTrue(choice.path("logprobs").isNull());
    assertEquals("stop", choice.path("finish_reason").asText());
    JsonNode usage = json.path("usage");
    assertEquals(12, usage.path("prompt_tokens").asInt());
    assertEquals(29, usage.path("completion_tokens").asInt());
    assertEquals(41, usage.path("total_tokens").asInt());
    assertTrue(usage.path("prompt_tokens_details").path("cached_tokens").isInt());
    assertEquals(0, usage.path("completion_tokens_details").path("reasoning_tokens").asInt());
    assertEquals(
        List.of(
            "queue_seconds",
            "prompt_seconds",
            "first_token_seconds",
            "generation_seconds",
            "total_seconds",
            "prompt_tokens_per_second",
            "generated_tokens_per_second"),
        names(json.path("timings")));
  }

  @Test
  void contentMayBeParts() {
    String parts =
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is \"},{\"type\":\"text\",\"text\":\"17+25?\"}]}]}";
    JsonNode json = served.post("/v1/chat/completions", parts).json();
    assertEquals(ANSWER, json.path("choices").path(0).path("message").path("content").asText());
  }

  @Test
  void severalAnswers() {
    JsonNode json =
        served
            .post("/v1/chat/completions", Served.chat("\"n\":3,\"temperature\":1.5,\"seed\":4,"))
            .json();
    assertEquals(3, json.path("choices").size(), json.toString());
    for (int i = 0; i < 3; i++) {
      assertEquals(i, json.path("choices").path(i).path("index").asInt());
    }
    assertEquals(12, json.path("usage").path("prompt_tokens").asInt());
    JsonNode again =
        served
            .post("/v1/chat/completions", Served.chat("\"n\":3,\"temperature\":1.5,\"seed\":4,"))
            .json();
    assertEquals(json.path("choices"), again.path("choices"), "the same seed, the same answers");
  }

  @Test
  void logProbabilities() {
    JsonNode json =
        served
            .post(
                "/v1/chat/completions",
                Served.chat("\"logprobs\":true,\"top_logprobs\":2,\"max_tokens\":4,"))
            .json();
    JsonNode content = json.path("choices").path(0).path("logprobs").path("content");
    assertEquals(4, content.size(), json.toString());
    JsonNode first = content.path(0);
    assertEquals(List.of("token", "logprob", "bytes", "top_logprobs"), names(first));
    assertEquals("1", first.path("token").asText());
    assertEquals(Served.read("[49]"), first.path("bytes"));
    assertEquals(2, first.path("top_logprobs").size());
    assertEquals(first.path("token"), first.path("top_logprobs").path(0).path("token"));
    assertEquals(first.path("logprob"), first.path("top_logprobs").path(0).path("logprob"));
    assertEquals("length", json.path("choices").path(0).path("finish_reason").asText());
  }

  @Test
  void stopStringEndsTheAnswer() {
    JsonNode json =
        served.post("/v1/chat/completions", Served.chat("\"stop\":[\". Answer\"],")).json();
    JsonNode choice = json.path("choices").path(0);
    assertEquals("17+25: 7+5=12, 1+2+1=4", choice.path("message").path("content").asText());
    assertEquals("stop", choice.path("finish_reason").asText());
  }

  @Test
  void logitBiasForbidsAToken() {
    int nine = served.model.tokenizer().encode("1")[0];
    JsonNode json =
        served
            .post(
                "/v1/chat/completions",
                Served.chat("\"logit_bias\":{\"%d\":-100},\"max_tokens\":3,".formatted(nine)))
            .json();
    String text = json.path("choices").path(0).path("message").path("content").asText();
    assertFalse(text.contains("1"), text);
  }

  @Test
  void completion() {
    JsonNode json =
        served
            .post(
                "/v1/completions",
                "{\"prompt\":\"<|user|>What\",\"max_tokens\":3,\"logprobs\":1,\"model\":\"reasoner\"}")
            .json();
    assertEquals(
        List.of("id", "object", "created", "model", "choices", "usage", "timings"), names(json));
    assertTrue(json.path("id").asText().matches("cmpl-[0-9a-f]{24}"));
    assertEquals("text_completion", json.path("object").asText());
    JsonNode choice = json.path("choices").path(0);
    assertEquals(List.of("index", "text", "logprobs", "finish_reason"), names(choice));
    assertEquals(
        List.of("tokens", "token_logprobs", "top_logprobs", "text_offset"),
        names(choice.path("logprobs")));
    assertEquals(3, choice.path("logprobs").path("tokens").size());
    assertEquals("length", choice.path("finish_reason").asText());
  }

  @Test
  void completionEchoesItsPrompt() {
    JsonNode json =
        served
            .post("/v1/completions", "{\"prompt\":\"What is\",\"max_tokens\":2,\"echo\":true}")
            .json();
    String text = json.path("choices").path(0).path("text").asText();
    assertTrue(text.startsWith("What is") && text.length() > 7, text);
  }

  @Test
  void completionOfTokens() {
    int[] ids = served.model.tokenizer().encode("What is");
    JsonNode fromIds =
        served
            .post(
                "/v1/completions",
                "{\"prompt\":[%d,%d],\"max_tokens\":4}".formatted(ids[0], ids[1]))
            .json();
    JsonNode fromText =
        served.post("/v1/completions", "{\"prompt\":\"What is\",\"max_tokens\":4}").json();
    assertEquals(fromText.path("choices"), fromIds.path("choices"));
  }

  @Test
  void bestOfGivesTheMostProbable() {
    String request =
        "{\"prompt\":\"What is\",\"max_tokens\":6,\"temperature\":2,\"seed\":9,\"logprobs\":0,";
    JsonNode all = served.post("/v1/completions", request + "\"n\":4}").json();
    JsonNode best = served.post("/v1/completions", request + "\"n\":1,\"best_of\":4}").json();
    assertEquals(1, best.path("choices").size());
    double expected = Double.NEGATIVE_INFINITY;
    String text = "";
    for (JsonNode choice : all.path("choices")) {
      if (mean(choice) > expected) {
        expected = mean(choice);
        text = choice.path("text").asText();
      }
    }
    assertEquals(text, best.path("choices").path(0).path("text").asText());
    assertEquals(24, best.path("usage").path("completion_tokens").asInt());
  }

  private static double mean(JsonNode choice) {
    JsonNode values = choice.path("logprobs").path("token_logprobs");
    double sum = 0;
    for (JsonNode value : values) {
      sum += value.asDouble();
    }
    return sum / values.size();
  }

  @Test
  void models() {
    JsonNode json = served.get("/v1/models").json();
    assertEquals("list", json.path("object").asText());
    assertEquals(2, json.path("data").size());
    JsonNode model = json.path("data").path(0);
    assertEquals(Served.MODEL, model.path("id").asText());
    assertEquals("model", model.path("object").asText());
    assertEquals(4096, model.path("max_model_len").asInt());
    JsonNode alias = served.get("/v1/models/" + Served.ALIAS).json();
    assertEquals(Served.ALIAS, alias.path("id").asText());
    assertEquals(Served.MODEL, alias.path("root").asText());
    Served.Answer unknown = served.get("/v1/models/gpt-4");
    assertEquals(404, unknown.status());
    assertEquals("model_not_found", unknown.error().path("code").asText());
  }

  @Test
  void tokenizeAndBack() {
    JsonNode json =
        served.post("/tokenize", "{\"prompt\":\"What is 1+2?\",\"return_token_strs\":true}").json();
    assertEquals(json.path("count").asInt(), json.path("tokens").size());
    assertEquals(json.path("count").asInt(), json.path("token_strs").size());
    JsonNode back = served.post("/detokenize", "{\"tokens\":" + json.path("tokens") + "}").json();
    assertEquals(Served.read("{\"prompt\":\"What is 1+2?\"}"), back);
  }

  @Test
  void tokenizeAConversation() {
    JsonNode json = served.post("/tokenize", Served.chat("")).json();
    assertEquals(12, json.path("count").asInt());
  }

  @Test
  void healthAndReadiness() {
    assertEquals("{\"status\":\"alive\"}", served.get("/health").text());
    assertEquals("{\"status\":\"ready\"}", served.get("/ready").text());
  }

  @Test
  void statistics() {
    JsonNode json = served.get("/stats").json();
    assertEquals(List.of("version", "draining", "uptime_seconds", "server", "models"), names(json));
    assertFalse(json.path("version").asText().contains("$"));
    assertEquals(Served.MODEL, json.path("models").path(0).path("id").asText());
    JsonNode engine = json.path("models").path(0).path("engine");
    assertEquals(8, engine.path("slots").asInt());
    assertEquals(64, engine.path("queue_limit").asInt());
    assertEquals(4096, engine.path("context_limit").asInt());
    assertTrue(json.path("server").path("connections").asInt() >= 1);
  }

  @Test
  void metrics() {
    Served.Answer answer = served.get("/metrics");
    assertEquals(200, answer.status());
    assertTrue(String.valueOf(answer.header("content-type")).startsWith("text/plain"));
  }

  @Test
  void page() {
    Served.Answer answer = served.get("/");
    assertEquals(200, answer.status());
    assertEquals("text/html; charset=utf-8", answer.header("content-type"));
    assertNotNull(answer.header("content-security-policy"));
    assertTrue(answer.text().contains("<html"));
    assertEquals(400, served.get("/../SambayServer.class").status());
    assertEquals(400, served.get("/%2e%2e/SambayServer.class").status());
    assertEquals(404, served.get("/nothing.js").status());
  }

  @Test
  void headAnswersWithoutABody() {
    Served.Answer answer =
        served.send(served.request("/health").method("HEAD", HttpRequest.BodyPublishers.noBody()));
    assertEquals(200, answer.status());
    assertEquals("", answer.text());
  }

  @Test
  void requestIdsAreKeptIfSane() {
    Served.Answer kept = served.send(served.request("/health").header("x-request-id", "mine-7"));
    assertEquals("mine-7", kept.header("x-request-id"));
    Served.Answer made = served.send(served.request("/health").header("x-request-id", "a b\tc"));
    assertTrue(String.valueOf(made.header("x-request-id")).matches("req-[0-9a-f]{32}"));
  }
}
