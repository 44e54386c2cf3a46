package io.sambay4j.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SamplerTest {
  private static final float MASKED = Float.NEGATIVE_INFINITY;
  private static final SamplingParameters GREEDY = SamplingParameters.greedy();

  private static Sampler sampler(SamplingParameters parameters, int vocabularySize, int... prompt) {
    return new Sampler(parameters, vocabularySize, prompt);
  }

  private static int[] tokens(Sampler sampler, int count) {
    int[] tokens = new int[count];
    for (int i = 0; i < count; i++) {
      tokens[i] = sampler.next(wave(1000, i)).token();
    }
    return tokens;
  }

  /** Logits in [0, 9.99] that depend on whole-number arithmetic alone. */
  private static float[] wave(int vocabularySize, int step) {
    float[] logits = new float[vocabularySize];
    for (int id = 0; id < vocabularySize; id++) {
      logits[id] = (id * 7919 + step * 104729) % 1000 / 100f;
    }
    return logits;
  }

  // Seeds

  @Test
  void aSeedGivesTheseTokensForEver() {
    SamplingParameters parameters =
        SamplingParameters.builder()
            .temperature(0.8)
            .topK(200)
            .topP(0.9)
            .minP(0.02)
            .repetitionPenalty(1.1)
            .presencePenalty(0.3)
            .frequencyPenalty(0.2)
            .logitBias(Map.of(5, 1.5))
            .seed(20260101)
            .build();
    int[] expected = {
      951, 195, 759, 769, 555, 502, 771, 632, 258, 280, 338, 310, 788, 254, 509, 37, 812, 783, 730,
      974, 625, 289, 371, 516
    };
    assertArrayEquals(
        expected,
        tokens(sampler(parameters, 1000, 1, 2, 3), expected.length),
        "the meaning of a seed has changed: that breaks a promise to users");
  }

  @Test
  void aSeedGivesTheseTokensForEverWithoutFilters() {
    int[] expected = {
      891, 923, 229, 435, 703, 826, 943, 261, 776, 8, 16, 803, 11, 859, 204, 667, 416, 191, 125,
      419, 378, 671, 470, 185
    };
    assertArrayEquals(
        expected,
        tokens(sampler(SamplingParameters.builder().seed(-1).build(), 1000), expected.length),
        "the meaning of a seed has changed: that breaks a promise to users");
  }

  @Test
  void anotherSeedGivesOtherTokens() {
    SamplingParameters parameters = SamplingParameters.builder().seed(1).build();
    int[] first = tokens(sampler(parameters, 1000), 20);
    assertArrayEquals(first, tokens(sampler(parameters, 1000), 20));
    int[] second = tokens(sampler(parameters.toBuilder().seed(2).build(), 1000), 20);
    assertTrue(!Arrays.equals(first, second), "seeds 1 and 2 give the same tokens");
  }

  @Test
  void withoutASeedEachSamplerTakesItsOwnAndTellsIt() {
    SamplingParameters parameters = SamplingParameters.builder().build();
    Sampler sampler = sampler(parameters, 1000);
    assertNotEquals(sampler.seed(), sampler(parameters, 1000).seed());
    SamplingParameters again = parameters.toBuilder().seed(sampler.seed()).build();
    assertArrayEquals(tokens(sampler, 20), tokens(sampler(again, 1000), 20));
  }

  @Test
  void aCopyContinuesAsTheOriginal() {
    SamplingParameters parameters =
        SamplingParameters.builder().frequencyPenalty(2).repetitionPenalty(1.3).seed(3).build();
    Sampler original = sampler(parameters, 1000, 1, 2);
    tokens(original, 30);
    Sampler copy = original.copy();
    int[] ofCopy = tokens(copy, 30);
    assertArrayEquals(
        ofCopy, tokens(original, 30)); // and what the copy did has not touched the original
    assertEquals(original.seed(), copy.seed());
    assertEquals(62, original.history().length());
  }

  @Test
  void aCopyCountsForItself() {
    SamplingParameters parameters =
        GREEDY.toBuilder().frequencyPenalty(0.4).repetitionPenalty(1.5).build();
    Sampler original = sampler(parameters, 3);
    Sampler copy = original.copy();
    float[] logits = {3, 2, 1.9f};
    List<Integer> alone = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      alone.add(copy.next(logits).token());
    }
    for (int token : alone) { // would see the copy's counts if they were shared
      assertEquals(token, original.next(logits).token());
    }
  }

  @Test
  void aForkKeepsTheTokensAndTakesANewSeed() {
    SamplingParameters parameters = SamplingParameters.builder().seed(3).build();
    Sampler original = sampler(parameters, 1000, 1, 2);
    int[] start = tokens(original, 5);
    Sampler fork = original.fork(99);
    assertEquals(99, fork.seed());
    assertEquals(start[4], fork.history().token(6));
    int[] ofFork = tokens(fork, 20);
    assertArrayEquals(tokens(sampler(parameters.toBuilder().seed(99).build(), 1000), 20), ofFork);
    assertTrue(!Arrays.equals(tokens(original, 20), ofFork));
  }

  // Greedy

  @Test
  void greedyTakesTheLowestIdAmongEquals() {
    assertEquals(1, sampler(GREEDY, 4).next(new float[] {1, 3, 3, 2}).token());
    assertEquals(0, sampler(GREEDY, 3).next(new float[] {-0f, 0f, -1}).token());
    assertEquals(2, sampler(GREEDY, 4).next(new float[] {MASKED, MASKED, -5, MASKED}).token());
  }

  @Test
  void aVocabularyOfOneHasOneAnswer() {
    for (float logit : new float[] {0, -3e38f, 3e38f}) {
      for (double temperature : new double[] {0, Double.MIN_VALUE, 1, 2}) {
        SamplingParameters parameters =
            SamplingParameters.builder()
                .temperature(temperature)
                .topK(1)
                .topP(0)
                .minP(1)
                .logProbabilities(20)
                .build();
        TokenChoice choice = sampler(parameters, 1).next(new float[] {logit});
        assertEquals(new TokenChoice(0, 0, List.of(new TokenLogProbability(0, 0))), choice);
      }
    }
  }

  // Penalties and bias, seen through greedy choices at the point where they tip

  @Test
  void repetitionPenaltyDividesPositiveAndMultipliesNegativeLogits() {
    SamplingParameters parameters = GREEDY.toBuilder().repetitionPenalty(2).build();
    // Token 0 is in the prompt: 6 counts as 3, and -3 as -6.
    assertEquals(1, sampler(parameters, 2, 0).next(new float[] {6, 3.001f}).token());
    assertEquals(0, sampler(parameters, 2, 0).next(new float[] {6, 2.999f}).token());
    assertEquals(1, sampler(parameters, 2, 0).next(new float[] {-3, -5.999f}).token());
    assertEquals(0, sampler(parameters, 2, 0).next(new float[] {-3, -6.001f}).token());
  }

  @Test
  void repetitionPenaltyCountsGeneratedTokensToo() {
    Sampler sampler = sampler(GREEDY.toBuilder().repetitionPenalty(2).build(), 2);
    float[] logits = {6, 4};
    assertEquals(0, sampler.next(logits).token());
    assertEquals(1, sampler.next(logits).token());
    assertEquals(0, sampler.next(logits).token()); // 3 against 2, however often
    assertEquals(0, sampler.next(logits).token());
  }

  @Test
  void presencePenaltyIsPaidOnceAndOnlyForGeneratedTokens() {
    Sampler sampler = sampler(GREEDY.toBuilder().presencePenalty(1.5).build(), 2, 0);
    float[] logits = {2, 1};
    assertEquals(0, sampler.next(logits).token()); // the prompt's 0 does not count
    assertEquals(1, sampler.next(logits).token()); // 0.5 against 1
    assertEquals(0, sampler.next(logits).token()); // 0.5 against -0.5, for good
    assertEquals(0, sampler.next(logits).token());
  }

  @Test
  void frequencyPenaltyIsPaidPerOccurrence() {
    Sampler sampler = sampler(GREEDY.toBuilder().frequencyPenalty(0.4).build(), 2, 0, 0, 0);
    float[] logits = {2, 1};
    int[] expected = {0, 0, 0, 1, 0}; // 2, 1.6, 1.2, 0.8 against 1, 0.8 against 0.6
    for (int token : expected) {
      assertEquals(token, sampler.next(logits).token());
    }
  }

  @Test
  void negativePenaltiesEncourage() {
    Sampler sampler =
        sampler(GREEDY.toBuilder().presencePenalty(-1).frequencyPenalty(-0.5).build(), 2);
    assertEquals(1, sampler.next(new float[] {1, 2}).token());
    assertEquals(1, sampler.next(new float[] {3.4f, 2}).token()); // 2 + 1 + 0.5
    assertEquals(0, sampler.next(new float[] {4.1f, 2}).token()); // 2 + 1 + 2 * 0.5
  }

  @Test
  void biasComesBeforeThePenalties() {
    // (-2 + 8) / 2 = 3; the other order would give -2 * 2 + 8 = 4.
    SamplingParameters parameters =
        GREEDY.toBuilder().repetitionPenalty(2).logitBias(Map.of(0, 8.0)).build();
    assertEquals(1, sampler(parameters, 2, 0).next(new float[] {-2, 3.5f}).token());
    assertEquals(0, sampler(parameters, 2, 0).next(new float[] {-2, 2.5f}).token());
  }

  @Test
  void aBiasOfAHundredDecidesBothWays() {
    SamplingParameters ban =
        SamplingParameters.builder().logitBias(Map.of(0, -100.0)).seed(1).build();
    SamplingParameters force =
        SamplingParameters.builder().logitBias(Map.of(2, 100.0)).seed(1).build();
    Sampler banning = sampler(ban, 3);
    Sampler forcing = sampler(force, 3);
    float[] logits = {20, 0, 0};
    for (int i = 0; i < 1000; i++) {
      assertNotEquals(0, banning.next(logits).token());
      assertEquals(2, forcing.next(logits).token());
    }
  }

  @Test
  void biasDoesNotBringBackAnExcludedToken() {
    SamplingParameters parameters = GREEDY.toBuilder().logitBias(Map.of(0, 100.0)).build();
    assertEquals(1, sampler(parameters, 2).next(new float[] {MASKED, -Float.MAX_VALUE}).token());
  }

  @Test
  void penaltiesOfVeryLargeLogitsStayFinite() {
    SamplingParameters parameters =
        SamplingParameters.builder()
            .repetitionPenalty(10)
            .presencePenalty(2)
            .logitBias(Map.of(0, -100.0))
            .seed(1)
            .build();
    Sampler sampler = sampler(parameters, 1, 0);
    for (float logit : new float[] {-Float.MAX_VALUE, Float.MAX_VALUE, -Float.MAX_VALUE}) {
      assertEquals(0, sampler.next(new float[] {logit}).token());
    }
  }

  // Log-probabilities

  @Test
  void logProbabilitiesAreThoseOfTheRawLogits() {
    SamplingParameters parameters =
        SamplingParameters.builder()
            .temperature(0.1)
            .topK(1)
            .repetitionPenalty(3)
            .logitBias(Map.of(0, 100.0))
            .logProbabilities(2)
            .seed(1)
            .build();
    float[] logits = {0, (float) Math.log(2), (float) Math.log(5)};
    TokenChoice choice = sampler(parameters, 3, 0, 1, 2).next(logits);
    assertEquals(0, choice.token());
    assertEquals(Math.log(1 / 8.0), choice.logProbability(), 1e-7);
    assertEquals(2, choice.alternatives().size());
    assertEquals(2, choice.alternatives().get(0).token());
    assertEquals(Math.log(5 / 8.0), choice.alternatives().get(0).logProbability(), 1e-7);
    assertEquals(1, choice.alternatives().get(1).token());
    assertEquals(Math.log(2 / 8.0), choice.alternatives().get(1).logProbability(), 1e-7);
  }

  @Test
  void equalAlternativesComeInTheOrderOfTheirIds() {
    SamplingParameters parameters = GREEDY.toBuilder().logProbabilities(3).build();
    TokenChoice choice = sampler(parameters, 5).next(new float[] {1, 2, 2, MASKED, 2});
    assertEquals(
        List.of(1, 2, 4), choice.alternatives().stream().map(TokenLogProbability::token).toList());
  }

  // Processors

  @Test
  void processorsRunInOrderOnACopyBeforeTheBias() {
    List<String> calls = new ArrayList<>();
    LogitsProcessor first =
        (history, logits) -> {
          calls.add("first sees " + history.length() + " tokens and " + logits[0]);
          logits[0] = 50;
        };
    LogitsProcessor second = (history, logits) -> calls.add("second sees " + logits[0]);
    SamplingParameters parameters = GREEDY.toBuilder().logitBias(Map.of(0, -100.0)).build();
    Sampler sampler = new Sampler(parameters, 2, new int[] {1, 1}, List.of(first, second));
    float[] logits = {1, 2};
    assertEquals(1, sampler.next(logits).token());
    assertArrayEquals(new float[] {1, 2}, logits);
    sampler.next(logits);
    assertEquals(
        List.of(
            "first sees 2 tokens and 1.0",
            "second sees 50.0",
            "first sees 3 tokens and 1.0",
            "second sees 50.0"),
        calls);
  }

  @Test
  void aProcessorCanExcludeAndBringBackTokens() {
    LogitsProcessor swap =
        (history, logits) -> {
          logits[0] = MASKED;
          logits[1] = 0;
        };
    SamplingParameters parameters =
        SamplingParameters.builder().logProbabilities(2).seed(1).build();
    TokenChoice choice =
        new Sampler(parameters, 2, new int[0], List.of(swap)).next(new float[] {0, MASKED});
    assertEquals(
        new TokenChoice(1, Double.NEGATIVE_INFINITY, List.of(new TokenLogProbability(0, 0))),
        choice);
  }

  @Test
  void aProcessorThatBreaksTheLogitsIsNamed() {
    LogitsProcessor fine = (history, logits) -> {};
    LogitsProcessor broken = (history, logits) -> logits[1] = Float.NaN;
    LogitsProcessor forbidding = (history, logits) -> Arrays.fill(logits, MASKED);
    Sampler nan = new Sampler(GREEDY, 2, new int[0], List.of(fine, broken));
    assertState(
        "logits processor 1 produced the non-finite logit NaN at id 1;", nan, new float[] {1, 2});
    Sampler none = new Sampler(GREEDY, 2, new int[0], List.of(forbidding));
    assertState(
        "logits processor 0 produced negative infinity for each of the 2 logits",
        none,
        new float[] {1, 2});
  }

  @Test
  void aFailedCallLeavesTheSamplerAsItWas() {
    SamplingParameters parameters =
        SamplingParameters.builder().frequencyPenalty(1).seed(8).build();
    Sampler untouched = sampler(parameters, 1000);
    Sampler failing = sampler(parameters, 1000);
    float[] broken = wave(1000, 0);
    broken[999] = Float.NaN;
    for (int i = 0; i < 10; i++) {
      assertThrows(IllegalStateException.class, () -> failing.next(broken));
      assertEquals(untouched.next(wave(1000, i)).token(), failing.next(wave(1000, i)).token());
    }
  }

  // History

  @Test
  void historyIsThePromptAndWhatWasGenerated() {
    Sampler sampler = sampler(GREEDY, 3, 2, 2);
    TokenHistory history = sampler.history();
    for (int i = 0; i < 40; i++) {
      float[] logits = new float[3];
      logits[i % 3] = 1;
      sampler.next(logits);
    }
    assertSame(history, sampler.history());
    assertEquals(42, history.length());
    assertEquals(2, history.promptLength());
    assertEquals(40, history.generatedLength());
    assertEquals(2, history.token(1));
    assertEquals(0, history.token(2));
    assertEquals(39 % 3, history.token(41));
    assertThrows(IndexOutOfBoundsException.class, () -> history.token(42));
    assertThrows(IndexOutOfBoundsException.class, () -> history.token(-1));
  }

  @Test
  void thePromptIsCopied() {
    int[] prompt = {0};
    Sampler sampler = sampler(GREEDY.toBuilder().repetitionPenalty(2).build(), 2, prompt);
    prompt[0] = 1;
    assertEquals(0, sampler.history().token(0));
  }

  // Bad input

  @Test
  void refusesNonFiniteLogitsOfTheModel() {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      for (int id = 0; id < 3; id++) {
        float[] logits = {1, 2, 3};
        logits[id] = bad;
        String message = "the model produced the non-finite logit " + bad + " at id " + id + ";";
        assertState(message, sampler(GREEDY, 3), logits);
        assertState(message, sampler(SamplingParameters.builder().build(), 3), logits);
      }
    }
  }

  @Test
  void refusesARowThatExcludesEveryToken() {
    assertState(
        "the model produced negative infinity for each of the 2 logits, so no token can be chosen",
        sampler(GREEDY, 2),
        new float[] {MASKED, MASKED});
  }

  private static void assertState(String start, Sampler sampler, float[] logits) {
    String message =
        assertThrows(IllegalStateException.class, () -> sampler.next(logits)).getMessage();
    assertTrue(message != null && message.startsWith(start), message);
  }

  @Test
  void refusesARowOfAnotherLength() {
    for (int length : new int[] {0, 2, 4}) {
      assertArgument(
          "logits must hold one number per token of the vocabulary, 3, but hold " + length,
          () -> sampler(GREEDY, 3).next(new float[length]));
    }
  }

  @Test
  void refusesAVocabularySizeOutsideItsRange() {
    for (int size : new int[] {0, -1, 1_048_577, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      assertArgument(
          "vocabularySize must be in [1, 1048576] but was " + size, () -> sampler(GREEDY, size));
    }
  }

  @Test
  void refusesPromptTokensOutsideTheVocabulary() {
    for (int token : new int[] {-1, 10, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      assertArgument(
          "token 1 of the prompt must be in [0, 9] but was " + token,
          () -> sampler(GREEDY, 10, 9, token));
    }
  }

  @Test
  void refusesABiasOutsideTheVocabulary() {
    sampler(GREEDY.toBuilder().logitBias(Map.of(9, 1.0)).build(), 10);
    assertArgument(
        "token id in logitBias must be in [0, 9] but was 10",
        () -> sampler(GREEDY.toBuilder().logitBias(Map.of(10, 1.0)).build(), 10));
  }

  private static void assertArgument(String message, Runnable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
  }

  @Test
  void theLargestVocabularyDoesNotOverflow() {
    int size = SamplingParameters.MAX_VOCABULARY_SIZE;
    float[] logits = new float[size]; // all equal: the largest sum of weights there is
    Random random = new Random(1);
    long sum = 0;
    int draws = 50;
    Sampler sampler = sampler(SamplingParameters.builder().topP(1 - 1e-9).seed(1).build(), size);
    for (int i = 0; i < draws; i++) {
      sum += sampler.fork(random.nextLong()).next(logits).token();
    }
    double mean = sum / (double) draws / size; // of a uniform distribution: 0.5, deviation 0.29
    assertEquals(0.5, mean, 4 * 0.29 / Math.sqrt(draws));
  }
}
