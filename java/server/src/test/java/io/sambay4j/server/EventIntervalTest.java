package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens that are sent together are one chunk, and nothing is lost by it. */
class EventIntervalTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String TEXT = "/v1/completions";

  private static Served serve(Duration interval) {
    return new Served(4, 64, options -> options.eventInterval(interval));
  }

  /** The choices of a streamed answer's chunks, without the last one's usage. */
  private static List<JsonNode> choices(Served.Answer answer) {
    List<String> events = answer.events();
    assertEquals("[DONE]", events.get(events.size() - 1));
    List<JsonNode> choices = new ArrayList<>();
    for (String event : events.subList(0, events.size() - 1)) {
      Served.read(event).path("choices").forEach(choices::add);
    }
    return choices;
  }

  private static List<JsonNode> withText(List<JsonNode> choices) {
    return choices.stream()
        .filter(choice -> !choice.path("delta").path("content").asText().isEmpty())
        .toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 20, 1000})
  void piecesAndLogProbabilitiesJoinedAreTheWhole(int millis) {
    String fields = "\"logprobs\":true,\"top_logprobs\":2,\"max_tokens\":200,\"ignore_eos\":true,";
    try (Served served = serve(Duration.ofMillis(millis))) {
      JsonNode whole = served.post(CHAT, Served.chat(fields)).json().path("choices").path(0);
      StringBuilder text = new StringBuilder();
      List<JsonNode> tokens = new ArrayList<>();
      List<JsonNode> choices = choices(served.post(CHAT, Served.chat(fields + "\"stream\":true,")));
      for (JsonNode choice : choices) {
        text.append(choice.path("delta").path("content").asText());
        choice.path("logprobs").path("content").forEach(tokens::add);
      }
      assertEquals(whole.path("message").path("content").asText(), text.toString());
      JsonNode expected = whole.path("logprobs").path("content");
      assertEquals(200, tokens.size());
      for (int i = 0; i < tokens.size(); i++) {
        assertEquals(expected.path(i).path("token"), tokens.get(i).path("token"));
        assertEquals(expected.path(i).path("bytes"), tokens.get(i).path("bytes"));
        assertEquals(
            expected.path(i).path("logprob").asDouble(),
            tokens.get(i).path("logprob").asDouble(),
            1e-3);
        assertEquals(2, tokens.get(i).path("top_logprobs").size());
      }
      JsonNode last = choices.get(choices.size() - 1);
      assertEquals("length", last.path("finish_reason").asText(), "the end comes last");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1000})
  void completionsKeepTheirOffsets(int millis) {
    String request =
        "{\"prompt\":\"What is\",\"max_tokens\":60,\"ignore_eos\":true,\"logprobs\":1,\"n\":2,\"seed\":3,\"temperature\":1.2";
    try (Served served = serve(Duration.ofMillis(millis))) {
      JsonNode whole = served.post(TEXT, request + "}").json().path("choices");
      List<JsonNode> choices = choices(served.post(TEXT, request + ",\"stream\":true}"));
      for (int i = 0; i < 2; i++) {
        int index = i;
        StringBuilder text = new StringBuilder();
        List<Integer> offsets = new ArrayList<>();
        choices.stream()
            .filter(choice -> choice.path("index").asInt() == index)
            .forEach(
                choice -> {
                  text.append(choice.path("text").asText());
                  choice
                      .path("logprobs")
                      .path("text_offset")
                      .forEach(offset -> offsets.add(offset.asInt()));
                });
        assertEquals(whole.path(i).path("text").asText(), text.toString());
        List<Integer> expected = new ArrayList<>();
        whole
            .path(i)
            .path("logprobs")
            .path("text_offset")
            .forEach(offset -> expected.add(offset.asInt()));
        assertEquals(expected, offsets);
      }
    }
  }

  @Test
  void withoutAnIntervalEachTokenIsAChunk() {
    try (Served served = serve(Duration.ZERO)) {
      List<JsonNode> chunks =
          withText(choices(served.post(CHAT, Served.chat("\"stream\":true,\"logprobs\":true,"))));
      assertEquals(28, chunks.size(), "tokens of the answer, without the one that ends it");
      for (JsonNode chunk : chunks) {
        assertEquals(1, chunk.path("logprobs").path("content").size(), chunk.toString());
      }
    }
  }

  /** The longest interval and the longest answer: with the next beat, half of it would be there. */
  @Test
  void theFirstTokenWaitsForNoOther() {
    try (Served served = serve(Duration.ofSeconds(1))) {
      int tokens = 4000;
      for (int round = 0; round < 2; round++) { // the first loads classes
        List<JsonNode> chunks =
            withText(
                choices(
                    served.post(
                        CHAT,
                        Served.chat(
                            "\"stream\":true,\"logprobs\":true,\"ignore_eos\":true,\"max_tokens\":%d,"
                                .formatted(tokens)))));
        int first = chunks.get(0).path("logprobs").path("content").size();
        assertTrue(first < tokens / 4, "tokens of the first chunk: " + first);
        assertTrue(chunks.size() < tokens / 10, "chunks: " + chunks.size());
      }
    }
  }

  @Test
  void usageIsThatOfTheWhole() {
    try (Served served = serve(Duration.ofMillis(50))) {
      JsonNode whole = served.post(CHAT, Served.chat("")).json();
      List<String> events =
          served
              .post(
                  CHAT, Served.chat("\"stream\":true,\"stream_options\":{\"include_usage\":true},"))
              .events();
      JsonNode last = Served.read(events.get(events.size() - 2));
      for (String field : List.of("prompt_tokens", "completion_tokens", "total_tokens")) {
        assertEquals(whole.path("usage").path(field), last.path("usage").path(field));
      }
      JsonNode end = Served.read(events.get(events.size() - 3));
      assertTrue(end.path("timings").path("generated_tokens_per_second").asDouble() > 0);
    }
  }
}
