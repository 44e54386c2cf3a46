package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.Score;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code /v1/completions}: several prompts, and prompts with their log-probabilities. */
class CompletionsTest {
  private static final String PATH = "/v1/completions";
  private static final String TEXT = "What is 17+25? Ä€😀 Answer: 42";

  private static Served served;

  @BeforeAll
  static void start() {
    served = new Served(8, 128, options -> options);
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  private static JsonNode post(String body) {
    Served.Answer answer = served.post(PATH, body);
    assertEquals(200, answer.status(), answer.text());
    return answer.json();
  }

  private static String ids(int[] ids) {
    return Arrays.stream(ids).mapToObj(String::valueOf).collect(Collectors.joining(",", "[", "]"));
  }

  private static List<String> strings(JsonNode array) {
    List<String> strings = new ArrayList<>();
    array.forEach(element -> strings.add(element.asText()));
    return strings;
  }

  // ---- echo with log-probabilities

  private static void assertScored(JsonNode choice, int[] ids, Score score, int top) {
    JsonNode logprobs = choice.path("logprobs");
    assertTrue(logprobs.path("token_logprobs").path(0).isNull(), logprobs.toString());
    assertTrue(logprobs.path("top_logprobs").path(0).isNull(), logprobs.toString());
    for (int i = 1; i < ids.length; i++) {
      double value = logprobs.path("token_logprobs").path(i).asDouble(Double.NaN);
      assertEquals(score.tokens().get(i - 1).logProbability(), value, 1e-3);
      JsonNode tops = logprobs.path("top_logprobs").path(i);
      assertEquals(top, tops.size());
      for (JsonNode other : tops) {
        assertTrue(other.asDouble() <= 0);
      }
    }
    int offset = 0;
    for (int i = 0; i < ids.length; i++) {
      String token = served.model.tokenizer().decode(new int[] {ids[i]}, true);
      assertEquals(token, logprobs.path("tokens").path(i).asText());
      int at = logprobs.path("text_offset").path(i).asInt();
      assertTrue(at >= offset && at <= choice.path("text").asText().length());
      if (!token.contains("\ufffd")) {
        assertTrue(choice.path("text").asText().startsWith(token, at), token + " at " + at);
      }
      offset = at;
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 5})
  void aTextIsScored(int top) {
    int[] ids = served.model.tokenizer().encode(TEXT);
    JsonNode json =
        post(
            "{\"prompt\":\"%s\",\"max_tokens\":0,\"echo\":true,\"logprobs\":%d}"
                .formatted(TEXT, top));
    JsonNode choice = json.path("choices").path(0);
    assertEquals(TEXT, choice.path("text").asText());
    assertEquals("length", choice.path("finish_reason").asText());
    for (String list : List.of("tokens", "token_logprobs", "top_logprobs", "text_offset")) {
      assertEquals(ids.length, choice.path("logprobs").path(list).size(), list);
    }
    assertScored(choice, ids, served.model.scoreTokens(ids, 1), top);
    assertEquals(ids.length, json.path("usage").path("prompt_tokens").asInt());
    assertEquals(0, json.path("usage").path("completion_tokens").asInt());
  }

  /** As evaluation harnesses ask: token ids, one token more than wanted, the best beside each. */
  @Test
  void tokensAreScoredAsHarnessesDo() {
    int[] first = served.model.tokenizer().encode("What is 17+25?");
    int[] second = served.model.tokenizer().encode("What is 1+1?");
    JsonNode json =
        post(
            "{\"prompt\":[%s,%s],\"max_tokens\":1,\"temperature\":0,\"echo\":true,\"logprobs\":1,\"seed\":1234}"
                .formatted(ids(first), ids(second)));
    assertEquals(2, json.path("choices").size());
    for (int[] ids : List.of(first, second)) {
      JsonNode choice = json.path("choices").path(ids == first ? 0 : 1);
      assertScored(choice, ids, served.model.scoreTokens(ids, 1), 1);
      JsonNode logprobs = choice.path("logprobs");
      assertEquals(ids.length + 1, logprobs.path("tokens").size());
      int last = ids.length;
      double chosen = logprobs.path("token_logprobs").path(last).asDouble();
      for (JsonNode best : logprobs.path("top_logprobs").path(last)) {
        assertEquals(chosen, best.asDouble(), "the likeliest was taken");
      }
      String prompt = ids == first ? "What is 17+25?" : "What is 1+1?";
      assertEquals(prompt.length(), logprobs.path("text_offset").path(last).asInt());
      assertTrue(choice.path("text").asText().startsWith(prompt));
    }
  }

  @Test
  void severalAnswersRepeatTheSamePrompt() {
    int[] ids = served.model.tokenizer().encode("What is 1+1?");
    JsonNode json =
        post(
            "{\"prompt\":\"What is 1+1?\",\"max_tokens\":3,\"n\":2,\"best_of\":3,\"temperature\":1.5,\"seed\":2,\"echo\":true,\"logprobs\":1}");
    assertEquals(2, json.path("choices").size());
    for (JsonNode choice : json.path("choices")) {
      assertScored(choice, ids, served.model.scoreTokens(ids, 1), 1);
    }
  }

  @Test
  void aSingleTokenHasNothingBeforeIt() {
    JsonNode logprobs =
        post("{\"prompt\":[65],\"max_tokens\":0,\"echo\":true,\"logprobs\":3}")
            .path("choices")
            .path(0)
            .path("logprobs");
    assertEquals(
        Served.read(
            "{\"tokens\":[\"A\"],\"token_logprobs\":[null],\"top_logprobs\":[null],\"text_offset\":[0]}"),
        logprobs);
  }

  @Test
  void whatEchoCannotGiveIsRefused() {
    Served.Answer stream =
        served.post(PATH, "{\"prompt\":\"a\",\"echo\":true,\"logprobs\":1,\"stream\":true}");
    assertEquals(400, stream.status(), stream.text());
    assertEquals("stream", stream.error().path("param").asText());
    String prompts = String.join(",", Collections.nCopies(30, ids(new int[4000])));
    Served.Answer tooMuch =
        served.post(
            PATH, "{\"prompt\":[" + prompts + "],\"max_tokens\":0,\"echo\":true,\"logprobs\":20}");
    assertEquals(400, tooMuch.status(), tooMuch.text());
    assertEquals("logprobs", tooMuch.error().path("param").asText());
    assertTrue(tooMuch.error().path("message").asText().contains("2097152"), tooMuch.text());
  }

  // ---- several prompts

  private static final List<String> PROMPTS =
      List.of("What is 17+25?", "What is 1+1?", "17+25: 7+5=", "Answer:");

  private static String json(List<String> prompts) {
    return new ObjectMapper().valueToTree(prompts).toString();
  }

  @ParameterizedTest
  @CsvSource({"1,0", "3,1.5"})
  void severalPromptsAreAnsweredAsAlone(int n, double temperature) {
    String more =
        ",\"max_tokens\":9,\"n\":%d,\"temperature\":%s,\"seed\":5,\"logprobs\":2}"
            .formatted(n, temperature);
    JsonNode json = post("{\"prompt\":" + json(PROMPTS) + more);
    assertEquals(PROMPTS.size() * n, json.path("choices").size());
    int prompt = 0;
    int generated = 0;
    int index = 0;
    for (String text : PROMPTS) {
      JsonNode alone = post("{\"prompt\":" + json(List.of(text)) + more);
      prompt += alone.path("usage").path("prompt_tokens").asInt();
      generated += alone.path("usage").path("completion_tokens").asInt();
      for (JsonNode choice : alone.path("choices")) {
        JsonNode together = json.path("choices").path(index);
        assertEquals(index++, together.path("index").asInt());
        assertEquals(choice.path("text"), together.path("text"));
        assertEquals(choice.path("finish_reason"), together.path("finish_reason"));
        assertEquals(
            strings(choice.path("logprobs").path("tokens")),
            strings(together.path("logprobs").path("tokens")));
      }
    }
    assertEquals(prompt, json.path("usage").path("prompt_tokens").asInt());
    assertEquals(generated, json.path("usage").path("completion_tokens").asInt());
    assertEquals(prompt + generated, json.path("usage").path("total_tokens").asInt());
  }

  @ParameterizedTest
  @ValueSource(strings = {"false", "true"})
  void severalPromptsStream(String echo) {
    String request =
        "{\"prompt\":%s,\"max_tokens\":9,\"n\":2,\"temperature\":1,\"seed\":5,\"echo\":%s"
            .formatted(json(PROMPTS), echo);
    JsonNode whole = post(request + "}");
    Served.Answer streamed =
        served.post(
            PATH, request + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    assertEquals(200, streamed.status(), streamed.text());
    List<String> events = streamed.events();
    assertEquals("[DONE]", events.get(events.size() - 1));
    String[] texts = new String[2 * PROMPTS.size()];
    Arrays.fill(texts, "");
    JsonNode last = Served.read(events.get(events.size() - 2));
    for (String event : events.subList(0, events.size() - 2)) {
      for (JsonNode choice : Served.read(event).path("choices")) {
        texts[choice.path("index").asInt()] += choice.path("text").asText();
      }
    }
    for (int i = 0; i < texts.length; i++) {
      assertEquals(whole.path("choices").path(i).path("text").asText(), texts[i]);
      assertEquals(echo.equals("true"), texts[i].startsWith(PROMPTS.get(i / 2)), texts[i]);
    }
    for (String count : List.of("prompt_tokens", "completion_tokens", "total_tokens")) {
      assertEquals(whole.path("usage").path(count), last.path("usage").path(count), count);
    }
  }

  @Test
  void theBestOfEachPrompt() {
    String more = ",\"max_tokens\":5,\"temperature\":1.5,\"seed\":5,\"n\":1,\"best_of\":4}";
    JsonNode json = post("{\"prompt\":" + json(PROMPTS) + more);
    assertEquals(PROMPTS.size(), json.path("choices").size());
    int generated = 0;
    for (int i = 0; i < PROMPTS.size(); i++) {
      JsonNode alone = post("{\"prompt\":" + json(PROMPTS.subList(i, i + 1)) + more);
      generated += alone.path("usage").path("completion_tokens").asInt();
      assertEquals(
          alone.path("choices").path(0).path("text"), json.path("choices").path(i).path("text"));
    }
    assertEquals(generated, json.path("usage").path("completion_tokens").asInt());
  }

  @Test
  void textsAndTokensMayBeMixed() {
    JsonNode json =
        post(
            "{\"max_tokens\":4,\"prompt\":[\"What is\",%s]}"
                .formatted(ids(served.model.tokenizer().encode("What is"))));
    assertEquals(
        json.path("choices").path(0).path("text"), json.path("choices").path(1).path("text"));
  }

  @Test
  void asManyAsOneRequestMayHave() {
    JsonNode json =
        post("{\"max_tokens\":1,\"prompt\":" + json(Collections.nCopies(128, "a")) + "}");
    assertEquals(128, json.path("choices").size());
    json = post("{\"max_tokens\":1,\"n\":64,\"prompt\":[\"a\",\"b\"]}");
    assertEquals(128, json.path("choices").size());
    for (String body :
        List.of(
            "{\"prompt\":" + json(Collections.nCopies(129, "a")) + "}",
            "{\"n\":65,\"prompt\":[\"a\",\"b\"]}",
            "{\"best_of\":65,\"prompt\":[\"a\",\"b\"]}",
            "{\"prompt\":[" + "[1],".repeat(128) + "[1]]}")) {
      Served.Answer answer = served.post(PATH, body);
      assertEquals(400, answer.status(), answer.text());
      assertEquals("prompt", answer.error().path("param").asText());
      assertTrue(answer.error().path("message").asText().contains("128"), answer.text());
    }
  }

  @Test
  void allPromptsAreTakenOrNone() {
    String ids = ids(new int[4096]);
    Served.Answer tooLong = served.post(PATH, "{\"max_tokens\":3,\"prompt\":[[1,2]," + ids + "]}");
    assertEquals(400, tooLong.status(), tooLong.text());
    assertEquals("context_length_exceeded", tooLong.error().path("code").asText());
    try (Served small = new Served(1, 2, options -> options)) {
      for (String stream : List.of("true", "false")) {
        Served.Answer busy =
            small.post(
                PATH,
                "{\"max_tokens\":1,\"stream\":%s,\"prompt\":[\"a\",\"b\",\"c\",\"d\"]}"
                    .formatted(stream));
        assertEquals(429, busy.status(), busy.text());
      }
      assertEquals(0, small.model.statistics().requests());
      small.awaitIdle();
      assertEquals(
          200, small.post(PATH, "{\"max_tokens\":1,\"prompt\":[\"a\",\"b\",\"c\"]}").status());
      small.awaitIdle();
    }
    served.awaitIdle();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[\"a\",5]|prompt[1]",
        "[\"a\",null]|prompt[1]",
        "[\"a\",{}]|prompt[1]",
        "[\"a\",\"\"]|prompt[1]",
        "[\"a\",[]]|prompt[1]",
        "[\"a\",[454]]|prompt[1][0]",
        "[[1],[2,-1]]|prompt[1][1]",
        "[[1],[[2]]]|prompt[1][0]",
        "[[1],[2.5]]|prompt[1][0]",
        "[\"\\ud800\"]|prompt[0]",
        "[5,\"a\"]|prompt[1]"
      })
  void promptsThatMakeNoSenseAreRefused(String prompt, String param) {
    Served.Answer answer = served.post(PATH, "{\"max_tokens\":1,\"prompt\":" + prompt + "}");
    assertEquals(400, answer.status(), answer.text());
    assertEquals(param, answer.error().path("param").asText(), answer.text());
    assertFalse(answer.text().contains("Exception"));
  }

  @Test
  void aTextThatCannotFitIsNamed() {
    Served.Answer answer =
        served.post(PATH, "{\"prompt\":[\"a\",\"" + "ab".repeat(500_000) + "\"]}");
    assertEquals(400, answer.status());
    assertEquals("prompt[1]", answer.error().path("param").asText());
    assertEquals("context_length_exceeded", answer.error().path("code").asText());
  }
}
