package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every number of a request, at and past the ends of its range. */
class NumericFieldsTest {
  private static Served served;

  @BeforeAll
  static void start() {
    served = new Served();
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  private static Served.Answer chat(String field, String value) {
    boolean limited = field.contains("max_");
    String extra = field.equals("top_logprobs") ? "\"logprobs\":true," : "";
    return served.post(
        "/v1/chat/completions",
        Served.chat(
            extra + (limited ? "" : "\"max_tokens\":2,") + "\"%s\":%s,".formatted(field, value)));
  }

  @ParameterizedTest
  @CsvSource({
    "temperature,0",
    "temperature,2",
    "temperature,1e-300",
    "top_p,0",
    "top_p,1",
    "top_k,-1",
    "top_k,0",
    "top_k,1048576",
    "min_p,0",
    "min_p,1",
    "repetition_penalty,0.01",
    "repetition_penalty,10",
    "presence_penalty,-2",
    "presence_penalty,2",
    "frequency_penalty,-2",
    "frequency_penalty,2",
    "seed,-9223372036854775808",
    "seed,9223372036854775807",
    "n,1",
    "n,8",
    "max_tokens,1",
    "max_tokens,4084",
    "max_completion_tokens,1",
    "top_logprobs,0",
    "top_logprobs,20",
    "priority,-100",
    "priority,100",
    "n,1.0",
    "n,null"
  })
  void endsOfRangesAreTaken(String field, String value) {
    Served.Answer answer = chat(field, value);
    assertEquals(200, answer.status(), answer.text());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "temperature|-0.001",
        "temperature|2.001",
        "temperature|1e999",
        "temperature|\"1\"",
        "temperature|true",
        "temperature|[]",
        "top_p|-0.1",
        "top_p|1.1",
        "top_p|{}",
        "top_k|-2",
        "top_k|1048577",
        "top_k|1.5",
        "min_p|-1",
        "min_p|1.0001",
        "repetition_penalty|0",
        "repetition_penalty|10.1",
        "repetition_penalty|-1",
        "presence_penalty|-2.1",
        "presence_penalty|2.1",
        "frequency_penalty|-2.1",
        "frequency_penalty|1e308",
        "seed|9223372036854775808",
        "seed|-9223372036854775809",
        "seed|0.5",
        "seed|\"7\"",
        "n|0",
        "n|-1",
        "n|129",
        "n|1.5",
        "n|99999999999999999999999999",
        "n|\"2\"",
        "max_tokens|0",
        "max_tokens|-1",
        "max_tokens|16777216",
        "max_tokens|1e10",
        "max_tokens|\"5\"",
        "max_completion_tokens|0",
        "max_completion_tokens|true",
        "top_logprobs|-1",
        "top_logprobs|21",
        "priority|-101",
        "priority|101",
        "logprobs|1",
        "stream|1",
        "stream|\"true\"",
      })
  void pastTheEndsIsRefused(String field, String value) {
    Served.Answer answer = chat(field, value);
    assertEquals(400, answer.status(), answer.text());
    assertEquals(field, answer.error().path("param").asText(), answer.text());
    assertEquals("invalid_request_error", answer.error().path("type").asText());
    assertTrue(answer.error().path("message").asText().contains(field + " must be"));
    assertFalse(answer.text().contains("Exception"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"temperature\":NaN}",
        "{\"temperature\":Infinity}",
        "{\"temperature\":-Infinity}",
        "{\"temperature\":0x10}",
        "{\"temperature\":01}",
        "{\"temperature\":.5}",
        "{\"temperature\":+1}"
      })
  void whatIsNoJsonNumberIsRefused(String body) {
    Served.Answer answer = served.post("/v1/chat/completions", body);
    assertEquals(400, answer.status(), answer.text());
    assertEquals("invalid_json", answer.error().path("code").asText());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"454\":1}",
        "{\"-1\":1}",
        "{\"x\":1}",
        "{\"99999999999\":1}",
        "{\"1\":101}",
        "{\"1\":-100.5}",
        "{\"1\":null}",
        "{\"1\":\"5\"}",
        "[]",
        "5"
      })
  void logitBiasOutsideIsRefused(String value) {
    Served.Answer answer = chat("logit_bias", value);
    assertEquals(400, answer.status(), answer.text());
    assertTrue(answer.error().path("param").asText().startsWith("logit_bias"), answer.text());
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"0\":100,\"453\":-100}", "{}", "null"})
  void logitBiasInsideIsTaken(String value) {
    assertEquals(200, chat("logit_bias", value).status());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[454]",
        "[-1]",
        "[1.5]",
        "[[454]]",
        "[]",
        "[[]]",
        "[null]",
        "7",
        "{}",
        "true",
        "[4294967296]",
        "[1,\"a\"]"
      })
  void tokenIdsOutsideTheVocabularyAreRefused(String prompt) {
    Served.Answer answer =
        served.post("/v1/completions", "{\"prompt\":%s,\"max_tokens\":1}".formatted(prompt));
    assertEquals(400, answer.status(), answer.text());
    assertTrue(answer.error().path("param").asText().startsWith("prompt"), answer.text());
    Served.Answer detokenized = served.post("/detokenize", "{\"tokens\":%s}".formatted(prompt));
    assertTrue(
        detokenized.status() == 400 || prompt.equals("[]"), prompt + ": " + detokenized.text());
  }

  @ParameterizedTest
  @CsvSource({"logprobs,-1", "logprobs,21", "best_of,0", "best_of,129", "max_tokens,-1", "n,0"})
  void completionsRefuseTheirsToo(String field, String value) {
    Served.Answer answer =
        served.post("/v1/completions", "{\"prompt\":\"a\",\"%s\":%s}".formatted(field, value));
    assertEquals(400, answer.status(), answer.text());
    assertEquals(field, answer.error().path("param").asText());
  }

  @ParameterizedTest
  @ValueSource(strings = {"[454]", "[-1]", "[0.5]", "[\"0\"]", "5"})
  void stopTokensOutsideAreRefused(String value) {
    assertEquals(400, chat("stop_token_ids", value).status());
  }
}
