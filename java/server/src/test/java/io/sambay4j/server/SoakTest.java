package io.sambay4j.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.ChatMessage;
import io.sambay4j.GenerationRequest;
import io.sambay4j.TextModel;
import io.sambay4j.sampling.SamplingParameters;
import java.io.IOException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/**
 * Mixed traffic with faults for a while; a sample of the answers is compared with those of a second
 * model that answers one question at a time and remembers nothing. {@code ci/soak.sh} runs it for
 * longer: {@code -Dsambay.soak.seconds}.
 */
class SoakTest {
  private static final int SECONDS = Integer.getInteger("sambay.soak.seconds", 8);
  private static final int CLIENTS = 8;
  private static final int SAMPLED = 5; // one answer of so many

  private final AtomicInteger answers = new AtomicInteger();
  private final AtomicInteger checked = new AtomicInteger();
  private final AtomicInteger faults = new AtomicInteger();
  private final ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();

  @Test
  void mixedTrafficGivesNoWrongAnswer() throws Exception {
    long seed = Long.getLong("sambay.soak.seed", new Random().nextLong());
    System.out.println("SoakTest: -Dsambay.soak.seed=" + seed);
    long end = System.nanoTime() + SECONDS * 1_000_000_000L;
    try (Served served = new Served(6, 64, options -> options);
        TextModel cold = TextModel.builder(Served.DIRECTORY).sequences(1).threads(1).open()) {
      List<Thread> clients = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        Random random = new Random(seed + i);
        Thread client =
            new Thread(
                () -> {
                  while (System.nanoTime() < end && wrong.isEmpty()) {
                    try {
                      turn(served, cold, random);
                    } catch (Exception | AssertionError e) {
                      wrong.add(String.valueOf(e));
                    }
                  }
                });
        client.start();
        clients.add(client);
      }
      for (Thread client : clients) {
        client.join();
      }
      served.awaitIdle();
      System.out.printf(
          "SoakTest: %d s, %d answers, %d checked against a cold model, %d wrong, %d faults, %d prefix cache hits%n",
          SECONDS,
          answers.get(),
          checked.get(),
          wrong.size(),
          faults.get(),
          served.model.statistics().prefixCacheHits());
      assertEquals(List.of(), List.copyOf(wrong));
      assertTrue(answers.get() > 0);
      assertTrue(checked.get() > 0 || SECONDS < 5);
    }
  }

  private void turn(Served served, TextModel cold, Random random) throws IOException {
    switch (random.nextInt(8)) {
      case 0 -> leave(served, random);
      case 1 -> mistake(served, random);
      case 2 -> structured(served, random);
      default -> conversation(served, cold, random);
    }
  }

  /** Some turns of one conversation, each with all that was said before. */
  private void conversation(Served served, TextModel cold, Random random) {
    List<ChatMessage> said = new ArrayList<>();
    int turns = 1 + random.nextInt(4);
    for (int i = 0; i < turns; i++) {
      said.add(
          ChatMessage.user("What is %d+%d?".formatted(random.nextInt(100), random.nextInt(100))));
      boolean greedy = random.nextBoolean();
      long seed = random.nextInt(1000);
      boolean stream = random.nextBoolean();
      int maxTokens = 5 + random.nextInt(60);
      String text = ask(served, said, greedy, seed, stream, maxTokens);
      answers.incrementAndGet();
      if (random.nextInt(SAMPLED) == 0) {
        check(cold, said, greedy, seed, maxTokens, text);
      }
      said.add(ChatMessage.assistant(text));
    }
  }

  private static String ask(
      Served served,
      List<ChatMessage> said,
      boolean greedy,
      long seed,
      boolean stream,
      int maxTokens) {
    StringBuilder messages = new StringBuilder();
    for (ChatMessage message : said) {
      messages
          .append(messages.isEmpty() ? "" : ",")
          .append(
              "{\"role\":\"%s\",\"content\":%s}"
                  .formatted(
                      message.role(),
                      com.fasterxml.jackson.databind.node.TextNode.valueOf(message.content())));
    }
    Served.Answer answer =
        served.post(
            "/v1/chat/completions",
            "{\"messages\":[%s],\"temperature\":%s,\"seed\":%d,\"stream\":%s,\"max_tokens\":%d}"
                .formatted(messages, greedy ? "0" : "1.2", seed, stream, maxTokens));
    assertEquals(200, answer.status(), answer.text());
    if (!stream) {
      return answer.json().path("choices").path(0).path("message").path("content").asText();
    }
    StringBuilder text = new StringBuilder();
    for (String event : answer.events()) {
      if (!event.equals("[DONE]")) {
        JsonNode chunk = Served.read(event);
        assertTrue(!chunk.has("error"), event);
        text.append(chunk.path("choices").path(0).path("delta").path("content").asText(""));
      }
    }
    return text.toString();
  }

  private void check(
      TextModel cold,
      List<ChatMessage> said,
      boolean greedy,
      long seed,
      int maxTokens,
      String text) {
    GenerationRequest request =
        GenerationRequest.messages(said)
            .sampling(SamplingParameters.builder().temperature(greedy ? 0 : 1.2).seed(seed).build())
            .maxTokens(maxTokens)
            .build();
    String expected = cold.generate(request).text();
    checked.incrementAndGet();
    if (!expected.equals(text)) {
      wrong.add("%s, seed %d: \"%s\", cold \"%s\"".formatted(said, seed, text, expected));
    }
  }

  private void structured(Served served, Random random) {
    Served.Answer answer =
        served.post(
            "/v1/completions",
            "{\"prompt\":\"a\",\"n\":2,\"temperature\":1.5,\"seed\":%d,\"guided_regex\":\"[0-9]{3}x\",\"max_tokens\":20}"
                .formatted(random.nextInt(1000)));
    assertEquals(200, answer.status(), answer.text());
    for (JsonNode choice : answer.json().path("choices")) {
      if (!choice.path("text").asText().matches("[0-9]{3}x")) {
        wrong.add(answer.text());
      }
    }
    answers.addAndGet(2);
  }

  private void mistake(Served served, Random random) {
    String field = random.nextBoolean() ? "\"temperature\":9," : "\"max_tokens\":99999,";
    assertEquals(400, served.post("/v1/chat/completions", Served.chat(field)).status());
    faults.incrementAndGet();
  }

  private void leave(Served served, Random random) throws IOException {
    try (Socket socket = served.socket()) {
      socket
          .getOutputStream()
          .write(Served.wire("/v1/completions", Served.endless(random.nextBoolean())));
      if (random.nextBoolean()) {
        socket.getInputStream().read();
      }
    }
    faults.incrementAndGet();
  }
}
