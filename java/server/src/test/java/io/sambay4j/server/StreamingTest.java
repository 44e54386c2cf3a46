package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.TextModel;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Answers as they come. */
class StreamingTest {
  private static Served served;

  @BeforeAll
  static void start() {
    served = new Served(2, 64, options -> options.pingInterval(Duration.ofMillis(200)));
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  private static List<JsonNode> chunks(Served.Answer answer) {
    List<String> events = new ArrayList<>(answer.events());
    assertEquals("[DONE]", events.remove(events.size() - 1));
    return events.stream().map(Served::read).toList();
  }

  private static String content(List<JsonNode> chunks, int index) {
    StringBuilder text = new StringBuilder();
    for (JsonNode chunk : chunks) {
      for (JsonNode choice : chunk.path("choices")) {
        if (choice.path("index").asInt() == index) {
          text.append(choice.path("delta").path("content").asText());
        }
      }
    }
    return text.toString();
  }

  @Test
  void chatChunks() {
    Served.Answer answer = served.post("/v1/chat/completions", Served.chat("\"stream\":true,"));
    assertEquals("text/event-stream; charset=utf-8", answer.header("content-type"));
    List<JsonNode> chunks = chunks(answer);
    JsonNode first = chunks.get(0);
    assertEquals("chat.completion.chunk", first.path("object").asText());
    assertEquals(
        Served.read(
            "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]"),
        first.path("choices"));
    assertFalse(first.has("usage"));
    for (JsonNode chunk : chunks) {
      assertEquals(first.path("id"), chunk.path("id"));
      assertEquals(first.path("created"), chunk.path("created"));
    }
    JsonNode last = chunks.get(chunks.size() - 1).path("choices").path(0);
    assertEquals(Served.read("{}"), last.path("delta"));
    assertEquals("stop", last.path("finish_reason").asText());
    assertEquals("17+25: 7+5=12, 1+2+1=4. Answer: 42", content(chunks, 0));
  }

  @Test
  void usageComesLastWhereAskedFor() {
    List<JsonNode> chunks =
        chunks(
            served.post(
                "/v1/chat/completions",
                Served.chat("\"stream\":true,\"stream_options\":{\"include_usage\":true},")));
    JsonNode last = chunks.get(chunks.size() - 1);
    assertEquals(0, last.path("choices").size());
    assertEquals(29, last.path("usage").path("completion_tokens").asInt());
    for (JsonNode chunk : chunks.subList(0, chunks.size() - 1)) {
      assertTrue(chunk.has("usage") && chunk.path("usage").isNull(), chunk.toString());
    }
  }

  @Test
  void streamedIsWhole() {
    String fields = "\"temperature\":1.5,\"seed\":11,\"n\":3,\"logprobs\":true,\"max_tokens\":40,";
    JsonNode whole = served.post("/v1/chat/completions", Served.chat(fields)).json();
    List<JsonNode> chunks =
        chunks(served.post("/v1/chat/completions", Served.chat(fields + "\"stream\":true,")));
    for (int i = 0; i < 3; i++) {
      JsonNode choice = whole.path("choices").path(i);
      assertEquals(choice.path("message").path("content").asText(), content(chunks, i));
      int index = i;
      long entries =
          chunks.stream()
              .map(chunk -> chunk.path("choices").path(0))
              .filter(c -> c.path("index").asInt() == index)
              .mapToLong(c -> c.path("logprobs").path("content").size())
              .sum();
      assertEquals(choice.path("logprobs").path("content").size(), entries);
    }
  }

  @Test
  void completionChunks() {
    String request = "{\"prompt\":\"What is\",\"max_tokens\":12,\"logprobs\":0";
    JsonNode whole = served.post("/v1/completions", request + "}").json();
    List<JsonNode> chunks = chunks(served.post("/v1/completions", request + ",\"stream\":true}"));
    StringBuilder text = new StringBuilder();
    for (JsonNode chunk : chunks) {
      assertEquals("text_completion", chunk.path("object").asText());
      text.append(chunk.path("choices").path(0).path("text").asText());
    }
    assertEquals(whole.path("choices").path(0).path("text").asText(), text.toString());
  }

  @Test
  void emojiAreNeverCutInHalf() {
    // "repeat the prompt" is beyond the model; byte tokens at random give halves of characters
    List<JsonNode> chunks =
        chunks(
            served.post(
                "/v1/completions",
                "{\"prompt\":\"\\ud83d\\ude00\",\"max_tokens\":200,\"temperature\":2,\"top_p\":1,\"seed\":5,\"ignore_eos\":true,\"stream\":true}"));
    for (JsonNode chunk : chunks) {
      String text = chunk.path("choices").path(0).path("text").asText();
      for (int i = 0; i < text.length(); i++) {
        boolean half =
            Character.isHighSurrogate(text.charAt(i))
                ? i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))
                : Character.isLowSurrogate(text.charAt(i))
                    && (i == 0 || !Character.isHighSurrogate(text.charAt(i - 1)));
        assertFalse(half, text);
      }
    }
  }

  @Test
  void waitingStreamsPing() throws Exception {
    served.awaitIdle();
    List<Socket> busy = new ArrayList<>();
    try (Socket waiting = served.socket()) {
      for (int i = 0; i < 2; i++) { // every sequence is taken
        Socket socket = served.socket();
        busy.add(socket);
        socket.getOutputStream().write(Served.wire("/v1/completions", Served.endless(true)));
      }
      Served.await("both run", () -> served.model.statistics().running() == 2);
      waiting.getOutputStream().write(Served.wire("/v1/completions", Served.endless(true)));
      StringBuilder seen = new StringBuilder();
      while (seen.indexOf(": ping") < 0 && seen.indexOf("finish_reason") < 0) {
        seen.append((char) waiting.getInputStream().read());
      }
      assertTrue(seen.indexOf(": ping") > 0, "a token came before a ping: " + seen);
    } finally {
      for (Socket socket : busy) {
        socket.close();
      }
    }
    served.awaitIdle();
  }

  @Test
  void timeLimitEndsAnAnswer() {
    try (TextModel model = TextModel.builder(Served.DIRECTORY).sequences(1).open();
        Served limited = new Served(model, options -> options, Duration.ofMillis(300))) {
      Served.Answer answer = limited.post("/v1/completions", Served.endless(false));
      assertEquals(200, answer.status(), answer.text());
      assertEquals("length", answer.json().path("choices").path(0).path("finish_reason").asText());
    }
  }
}
