package io.sambay4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.RopeConfig.Factors;
import io.sambay4j.model.SequenceState;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.weights.SafeTensors;
import io.sambay4j.weights.TestFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A dense model whose rotary factors change after 16 tokens, as a whole engine runs it. */
@Timeout(120)
final class LongRopeTest {
  private static final Path DENSE = TestFiles.golden("phi4mini-tiny");
  private static final int ORIGINAL = 16;
  private static final int CASES = 4; // prompts of 10, 16, 17 and 30 tokens

  @TempDir Path directory;

  private static TextModel open(LongRopePolicy policy, int stepTokens, int sequences) {
    return TextModel.builder(DENSE)
        .longRope(policy)
        .stepTokens(stepTokens)
        .sequences(sequences)
        .open();
  }

  private static int[] golden(String name) {
    try (SafeTensors file = SafeTensors.open(DENSE.resolve("expected.safetensors"))) {
      return Arrays.stream(file.readLongs(file.tensor(name))).mapToInt(Math::toIntExact).toArray();
    }
  }

  private static int[] prompt(int tokens) {
    return Arrays.copyOf(golden("c3.input_ids"), tokens);
  }

  private static GenerationRequest.Builder greedy(int maxTokens, int... ids) {
    return GenerationRequest.tokens(ids)
        .sampling(SamplingParameters.greedy())
        .ignoreEndTokens(true)
        .maxTokens(maxTokens);
  }

  private static int[] concat(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
  }

  /** The greedy continuation of the goldens, made without any cache. */
  @ParameterizedTest
  @CsvSource({"512, 1", "10, 4", "6, 4", "1, 1"}) // whole prompts, and chunks of 7, 3 and 1
  void greedyTextAcrossTheOriginalContext(int stepTokens, int sequences) {
    try (TextModel model = open(LongRopePolicy.BY_LENGTH, stepTokens, sequences)) {
      List<RunningGeneration> running = new ArrayList<>();
      for (int c = 0; c < CASES; c++) { // at once: short and long factors in one step
        int[] want = golden("c" + c + ".greedy_ids");
        GenerationRequest request = greedy(want.length, golden("c" + c + ".input_ids")).build();
        running.add(model.start(request, new GenerationListener() {}));
      }
      for (int c = 0; c < CASES; c++) {
        int[] want = golden("c" + c + ".greedy_ids");
        assertArrayEquals(want, running.get(c).result().tokenIds(), "case " + c);
      }
    }
  }

  @Test
  void whatIsSaidAtTheCrossingIsWhatAColdRunSays() {
    try (TextModel model = open(LongRopePolicy.BY_LENGTH, 512, 1)) {
      List<float[]> seen = new ArrayList<>();
      int[] prompt = prompt(10);
      int[] said =
          model
              .generate(
                  greedy(20, prompt)
                      .logitsProcessors((history, logits) -> seen.add(logits.clone()))
                      .build())
              .tokenIds();
      int[] all = concat(prompt, said);
      for (int i = 0; i < said.length; i++) {
        float[] cold = model.logits(Arrays.copyOf(all, prompt.length + i));
        if (prompt.length + i == ORIGINAL + 1) {
          assertArrayEquals(cold, seen.get(i), "the first token beyond: the same reading");
        }
        assertClose("token " + i, cold, seen.get(i));
      }
    }
  }

  /** A conversation that crosses the original context: short states serve no long sequence. */
  @Test
  void thePrefixCacheKeepsTheFactorsApart() {
    TextModel.Builder builder = TextModel.builder(DENSE).sequences(2).deterministic(true);
    try (TextModel cold = builder.open();
        TextModel model = builder.prefixCacheBytes(8 << 20).open()) {
      int[] all = prompt(8);
      int[] added = {0, 2, 6, 6};
      int[] cached = new int[added.length];
      for (int turn = 0; turn < added.length; turn++) {
        all = concat(all, Arrays.copyOf(prompt(30), added[turn]));
        GenerationRequest request = greedy(turn == 1 ? 1 : 4, all).build();
        Generation answer = model.generate(request);
        assertArrayEquals(cold.generate(request).tokenIds(), answer.tokenIds(), "turn " + turn);
        cached[turn] = answer.usage().cachedTokens();
        all = concat(all, answer.tokenIds());
      }
      assertArrayEquals(new int[] {0, 11, 0, 24}, cached);
    }
  }

  private static void assertClose(String what, float[] want, float[] got) {
    double max = 0;
    double difference = 0;
    for (int i = 0; i < want.length; i++) {
      max = Math.max(max, Math.abs(want[i]));
      difference = Math.max(difference, Math.abs((double) want[i] - got[i]));
    }
    assertTrue(difference <= 2e-4 * max, what + " is off by " + difference / max);
  }

  /** Greedy text with factors chosen by hand, token by token on the bare model. */
  private static int[] byHand(TextModel model, Factors factors, int[] prompt, int count) {
    return model
        .scheduler()
        .call(
            () -> {
              int[] said = new int[count];
              try (SequenceState sequence = model.model().states().acquire()) {
                sequence.useRopeFactors(factors);
                int[] next = prompt;
                for (int i = 0; i < count; i++) {
                  int[] best = {0};
                  model
                      .model()
                      .forward(
                          List.of(new Chunk(sequence, next, Chunk.Wanted.LAST)),
                          (chunk, token, logits) -> {
                            for (int id = 1; id < logits.length; id++) {
                              best[0] = logits[id] > logits[best[0]] ? id : best[0];
                            }
                          });
                  said[i] = best[0];
                  next = best.clone();
                }
              }
              return said;
            });
  }

  @Test
  void byMaximumLengthARequestKeepsTheFactorsItBeganWith() {
    try (TextModel model = open(LongRopePolicy.BY_MAX_LENGTH, 512, 2)) {
      int[] prompt = prompt(10);
      assertArrayEquals(
          byHand(model, Factors.LONG, prompt, 20),
          model.generate(greedy(20, prompt).build()).tokenIds(),
          "30 tokens at most: long from the start");
      assertArrayEquals(
          byHand(model, Factors.SHORT, prompt, 6),
          model.generate(greedy(6, prompt).build()).tokenIds(),
          "16 at most: short");
      assertArrayEquals(
          byHand(model, Factors.LONG, prompt, 30),
          Arrays.copyOf(
              model.generate(greedy(GenerationRequest.MAX_TOKENS, prompt).build()).tokenIds(), 30),
          "as far as the context goes: long");
      assertFalse(
          Arrays.equals(
              byHand(model, Factors.LONG, prompt, 6), byHand(model, Factors.SHORT, prompt, 6)),
          "the factors make a difference");
    }
  }

  @Test
  void aContextWithinTheOriginalNeverTakesTheLongFactors() {
    try (TextModel model =
        TextModel.builder(DENSE)
            .longRope(LongRopePolicy.BY_MAX_LENGTH)
            .contextLimit(ORIGINAL)
            .open()) {
      Generation generation =
          model.generate(greedy(GenerationRequest.MAX_TOKENS, prompt(10)).build());
      assertArrayEquals(
          byHand(model, Factors.SHORT, prompt(10), 6), generation.tokenIds(), "all 16 tokens");
    }
  }

  @ParameterizedTest
  @EnumSource(LongRopePolicy.class)
  void aSessionSaysWhatItsTokensReadAfreshWouldSay(LongRopePolicy policy) {
    try (TextModel model = open(policy, 512, 3);
        Session session = model.newSession()) {
      session.appendTokens(prompt(8));
      int[] first = session.generate(greedy(4, 7, 9).build()).tokenIds(); // 14 tokens
      int[] past = concat(prompt(8), new int[] {7, 9}, first);
      assertArrayEquals(past, session.tokens());
      try (Session fork = session.fork()) {
        int[] second = session.generate(greedy(12, 3).build()).tokenIds(); // crosses
        int[] cold = model.generate(greedy(12, concat(past, new int[] {3})).build()).tokenIds();
        assertArrayEquals(cold, second);
        int[] all = concat(past, new int[] {3}, second);
        assertArrayEquals(all, session.tokens());

        session.rewind(14); // back under the short factors
        assertArrayEquals(past, session.tokens());
        assertArrayEquals(
            model.generate(greedy(1, concat(past, new int[] {3})).build()).tokenIds(),
            session.generate(greedy(1, 3).build()).tokenIds());
        assertEquals(Factors.SHORT, session.state().ropeFactors());
        assertArrayEquals(
            model.generate(greedy(9, concat(past, prompt(5))).build()).tokenIds(),
            fork.generate(greedy(9, prompt(5)).build()).tokenIds(),
            "the fork crosses on its own");
      }
    }
  }

  @Test
  void usageCountsWhatWasReadAgain() {
    try (TextModel model = open(LongRopePolicy.BY_MAX_LENGTH, 512, 2);
        Session session = model.newSession()) {
      session.appendTokens(prompt(8)); // short
      Usage further = session.generate(greedy(2, 5).build()).usage(); // 11 tokens at most
      assertEquals(8, further.cachedTokens());
      Usage changed = session.generate(greedy(20, 5).build()).usage(); // 32 at most: long
      assertEquals(0, changed.cachedTokens(), "all of it was read again");
      assertEquals(12, changed.promptTokens());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {12, 16, 20})
  void aSavedSessionKnowsItsFactors(int length) {
    Path file = directory.resolve("session.safetensors");
    try (TextModel model = open(LongRopePolicy.BY_LENGTH, 512, 2);
        Session session = model.newSession()) {
      session.appendTokens(prompt(length));
      session.save(file);
      try (Session loaded = model.loadSession(file)) {
        assertEquals(
            length > ORIGINAL ? Factors.LONG : Factors.SHORT, loaded.state().ropeFactors());
        assertArrayEquals(
            session.generate(greedy(10, 5).build()).tokenIds(),
            loaded.generate(greedy(10, 5).build()).tokenIds());
        assertArrayEquals(session.tokens(), loaded.tokens());
      }
    }
  }

  @Test
  void aSavedSessionWithoutItsFactorsIsRefused() throws IOException {
    Path file = directory.resolve("session.safetensors");
    try (TextModel model = open(LongRopePolicy.BY_LENGTH, 512, 2);
        Session session = model.newSession()) {
      session.appendTokens(prompt(3));
      session.save(file);
      String saved = Files.readString(file, StandardCharsets.ISO_8859_1);
      Files.writeString(file, saved.replace("\"SHORT\"", "\"SHIRT\""), StandardCharsets.ISO_8859_1);
      InvalidModelException e =
          assertThrows(InvalidModelException.class, () -> model.loadSession(file));
      assertTrue(e.getMessage().contains("rope_factors"), e.getMessage());
    }
  }

  /** A neighbour's tokens count the steps of a second reading, which tells nobody of itself. */
  @Test
  void aSecondReadingMayBeCancelledAndLosesNothing() throws Exception {
    try (TextModel model = open(LongRopePolicy.BY_LENGTH, 3, 2); // chunks of 2
        Session session = model.newSession()) {
      session.appendTokens(prompt(ORIGINAL));
      session.keepCheckpoint(); // so that the session does not wait for the engine, which waits
      CompletableFuture<RunningGeneration> crossing = new CompletableFuture<>();
      RunningGeneration neighbour =
          model.start(
              greedy(40, 1).build(),
              new GenerationListener() {
                @Override
                public void onToken(GeneratedToken token) {
                  if (token.index() == 1) {
                    crossing.join();
                  } else if (token.index() == 5) {
                    crossing.join().cancel();
                  }
                }
              });
      crossing.complete(session.start(greedy(3, 5).build(), new GenerationListener() {}));
      neighbour.result();
      assertEquals(FinishReason.CANCELLED, crossing.get().result().finishReason());
      int seen = session.state().length();
      assertTrue(seen > 0 && seen < ORIGINAL, "cancelled while reading again, at " + seen);
      assertEquals(Factors.LONG, session.state().ropeFactors());
      assertArrayEquals(prompt(ORIGINAL), session.tokens(), "what was known is kept");
      assertArrayEquals(
          model.generate(greedy(9, concat(prompt(ORIGINAL), new int[] {5})).build()).tokenIds(),
          session.generate(greedy(9, 5).build()).tokenIds());
      session.rewind(8); // begun under the long factors, and short again
      assertArrayEquals(
          model.generate(greedy(5, concat(prompt(8), new int[] {5})).build()).tokenIds(),
          session.generate(greedy(5, 5).build()).tokenIds());
    }
  }

  @Test
  void scoresAndLogitsOfALongTextAreUnderTheLongFactors() {
    try (TextModel model = open(LongRopePolicy.BY_LENGTH, 6, 4)) { // chunks of 3
      int[] ids = golden("c3.input_ids");
      float[][] rows = model.allLogits(ids);
      try (SafeTensors file = SafeTensors.open(DENSE.resolve("expected.safetensors"))) {
        float[] want = file.readFloats(file.tensor("c3.logits"));
        for (int i = 0; i < ids.length; i++) {
          int vocabulary = rows[i].length;
          assertClose(
              "row " + i, Arrays.copyOfRange(want, i * vocabulary, (i + 1) * vocabulary), rows[i]);
        }
      }
      assertEquals(ids.length - 1, model.scoreTokens(ids, 1).tokens().size());
    }
  }
}
