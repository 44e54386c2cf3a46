package io.sambay4j;

import static io.sambay4j.TinyModel.QUESTIONS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A conversation that remembers says what one that reads everything again would say. */
@Timeout(120)
final class ChatTest {
  private static TextModel model;

  @BeforeAll
  static void open() {
    model = TinyModel.open(4);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static GenerationRequest settings(int maxTokens) {
    return GenerationRequest.user("ignored").maxTokens(maxTokens).build();
  }

  private static Generation cold(List<ChatMessage> messages, int maxTokens) {
    return model.generate(GenerationRequest.messages(messages).maxTokens(maxTokens).build());
  }

  @Test
  void aConversationReadsOnlyWhatIsNew() {
    try (Chat chat = model.newChat("Be exact.")) {
      assertEquals(List.of(ChatMessage.system("Be exact.")), chat.messages());
      List<ChatMessage> said = new ArrayList<>(chat.messages());
      for (String question : QUESTIONS) {
        said.add(ChatMessage.user(question));
        Generation want = cold(said, 60);
        Generation got = chat.send(question, settings(60));
        assertArrayEquals(want.tokenIds(), got.tokenIds(), question);
        assertEquals(want.text(), got.text());
        assertEquals(want.usage().promptTokens(), got.usage().promptTokens());
        if (said.size() > 2) {
          assertTrue(
              got.usage().promptTokens() - got.usage().cachedTokens() < 40,
              "only the new turn is read: " + got.usage());
        }
        said.add(ChatMessage.assistant(got.text()));
        assertEquals(said, chat.messages());
      }
    }
  }

  /** Turns of random length, some cut short, some taken back, some said differently. */
  @Test
  void anyHistoryIsAsIfReadAfresh() {
    for (int round = 0; round < TinyModel.ROUNDS; round++) {
      long seed = 61L * (round + 1);
      Random random = new Random(seed);
      try (Chat chat = model.newChat()) {
        for (int turn = 0; turn < 10; turn++) {
          String question = QUESTIONS.get(random.nextInt(QUESTIONS.size()));
          switch (random.nextInt(5)) {
            case 0 -> chat.takeBack();
            case 1 -> {
              chat.takeBack();
              chat.takeBack();
            }
            case 2 -> question = question + " " + "x".repeat(random.nextInt(90));
            default -> {}
          }
          if (random.nextInt(12) == 0) {
            chat.clear();
            assertEquals(List.of(), chat.messages());
          }
          int maxTokens = random.nextInt(4) == 0 ? random.nextInt(6) : 60;
          List<ChatMessage> said = new ArrayList<>(chat.messages());
          said.add(ChatMessage.user(question));
          Generation want = cold(said, maxTokens);
          Generation got = chat.send(question, settings(maxTokens));
          assertEquals(want.text(), got.text(), "seed %d, turn %d".formatted(seed, turn));
          assertArrayEquals(
              want.tokenIds(), got.tokenIds(), "seed %d, turn %d".formatted(seed, turn));
        }
      }
    }
  }

  @Test
  void takeBack() {
    try (Chat chat = model.newChat("Be exact.")) {
      chat.takeBack();
      assertEquals(1, chat.messages().size());
      String first = chat.send(QUESTIONS.get(0)).text();
      chat.send(QUESTIONS.get(1));
      chat.takeBack();
      assertEquals(
          List.of(
              ChatMessage.system("Be exact."),
              ChatMessage.user(QUESTIONS.get(0)),
              ChatMessage.assistant(first)),
          chat.messages());
      chat.takeBack();
      assertEquals(first, chat.send(QUESTIONS.get(0)).text());
      chat.clear();
      assertEquals(List.of(ChatMessage.system("Be exact.")), chat.messages());
    }
  }

  @Test
  void aCancelledAnswerStaysAndAFailedOneDoesNot() throws Exception {
    try (Chat chat = model.newChat()) {
      CompletableFuture<RunningGeneration> running = new CompletableFuture<>();
      RunningGeneration generation =
          chat.start(
              QUESTIONS.get(0),
              settings(60),
              new GenerationListener() {
                @Override
                public void onToken(GeneratedToken token) {
                  if (token.index() == 3) {
                    running.join().cancel();
                  }
                }
              });
      running.complete(generation);
      Generation cut = generation.result();
      assertEquals(FinishReason.CANCELLED, cut.finishReason());
      assertEquals(4, cut.tokens().size());
      assertEquals(ChatMessage.assistant(cut.text()), chat.messages().get(1));

      List<ChatMessage> before = chat.messages();
      assertThrows(
          ArithmeticException.class,
          () ->
              chat.send(
                  QUESTIONS.get(1),
                  GenerationRequest.user("")
                      .logitsProcessors(
                          (history, logits) -> {
                            throw new ArithmeticException();
                          })
                      .build()));
      assertEquals(before, chat.messages());
      List<ChatMessage> said = new ArrayList<>(before);
      said.add(ChatMessage.user(QUESTIONS.get(1)));
      assertEquals(cold(said, 60).text(), chat.send(QUESTIONS.get(1), settings(60)).text());
    }
  }

  @Test
  void oneThingAtATime() throws Exception {
    try (Chat chat = model.newChat()) {
      CompletableFuture<Void> begun = new CompletableFuture<>();
      RunningGeneration generation =
          chat.start(
              QUESTIONS.get(0),
              GenerationRequest.user("").ignoreEndTokens(true).build(),
              new GenerationListener() {
                @Override
                public void onToken(GeneratedToken token) {
                  begun.complete(null);
                }
              });
      begun.get(60, TimeUnit.SECONDS);
      assertEquals(List.of(), chat.messages(), "not before the end");
      assertThrows(IllegalStateException.class, () -> chat.send("What is 5+6?"));
      assertThrows(IllegalStateException.class, chat::takeBack);
      assertThrows(IllegalStateException.class, chat::clear);
      generation.cancel();
      generation.result();
      assertEquals(2, chat.messages().size());
    }
  }

  /**
   * The engine's thread writes the answer down while another thread asks again: neither waits for
   * the other.
   */
  @Test
  void askingAgainAtTheEndDoesNotDeadlock() throws Exception {
    try (Chat chat = model.newChat()) {
      for (int round = 0; round < 40; round++) {
        RunningGeneration first =
            chat.start(QUESTIONS.get(0), settings(2), new GenerationListener() {});
        while (true) {
          try {
            chat.send(QUESTIONS.get(1), settings(1));
            break;
          } catch (IllegalStateException busy) {
            assertTrue(busy.getMessage().contains("is generating"), busy.getMessage());
          }
        }
        assertEquals(2, first.result().tokens().size());
        chat.clear();
      }
    }
  }

  @Test
  void streams() {
    try (Chat chat = model.newChat();
        TokenStream stream = chat.stream(QUESTIONS.get(0), settings(60))) {
      String text = stream.text().reduce("", String::concat);
      assertEquals(cold(List.of(ChatMessage.user(QUESTIONS.get(0))), 60).text(), text);
      assertEquals(text, chat.messages().get(1).content());
    }
  }

  @Test
  void aConversationLongerThanTheContextSaysSoAndCanBeShortened() {
    try (TextModel small = TinyModel.builder().sequences(1).contextLimit(80).open();
        Chat chat = small.newChat()) {
      boolean full = false;
      for (int turn = 0; turn < 20 && !full; turn++) {
        List<ChatMessage> before = chat.messages();
        try {
          chat.send(QUESTIONS.get(turn % QUESTIONS.size()));
        } catch (IllegalArgumentException e) {
          assertTrue(e.getMessage().contains("the context takes 80"), e.getMessage());
          assertEquals(before, chat.messages());
          full = true;
        }
      }
      assertTrue(full, "the context was never exceeded");
      chat.takeBack();
      chat.takeBack();
      assertFalse(chat.send(QUESTIONS.get(0)).text().isEmpty());
    }
  }
}
