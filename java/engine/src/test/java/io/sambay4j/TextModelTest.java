package io.sambay4j;

import static io.sambay4j.TinyModel.QUESTIONS;
import static io.sambay4j.TinyModel.endless;
import static io.sambay4j.TinyModel.joined;
import static io.sambay4j.TinyModel.tokens;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.sampling.LogProbabilities;
import io.sambay4j.sampling.LogitsProcessor;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.sampling.TokenLogProbability;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Generating and scoring, on the model in the box. */
@Timeout(120)
final class TextModelTest {
  private static final String QUESTION = "What is 17+25?";
  private static TextModel model;

  @BeforeAll
  static void open() {
    model = TinyModel.open(8);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static GenerationRequest.Builder ask() {
    return GenerationRequest.user(QUESTION).maxTokens(200);
  }

  // ---- ways of reading the same

  @Test
  void everyWayOfReadingGivesTheSame() throws Exception {
    Generation whole = model.generate(QUESTION);
    assertEquals(FinishReason.STOP, whole.finishReason());
    assertTrue(whole.text().endsWith("Answer: 42"), whole.text());
    assertEquals(whole.text(), joined(whole));

    try (TokenStream stream = model.stream(QUESTION)) {
      List<GeneratedToken> tokens = new ArrayList<>();
      stream.forEachRemaining(tokens::add);
      assertEquals(whole.tokens(), tokens);
      assertFalse(stream.hasNext());
      assertEquals(whole.text(), stream.result().text());
    }
    try (TokenStream stream = model.stream(QUESTION);
        Stream<GeneratedToken> tokens = stream.tokens()) {
      assertEquals(whole.tokens(), tokens.toList());
    }
    try (TokenStream stream = model.stream(QUESTION)) {
      assertEquals(whole.text(), stream.text().collect(Collectors.joining()));
    }
    Heard heard = new Heard();
    Generation told = model.start(GenerationRequest.user(QUESTION).build(), heard).result();
    assertEquals(whole.tokens(), heard.tokens);
    assertEquals(whole.text(), told.text());
    assertEquals(told, heard.end.get(60, TimeUnit.SECONDS));
    assertEquals(told.usage().promptTokens(), heard.promptDone);
    assertEquals(whole.tokens(), subscribed(Long.MAX_VALUE));
    assertEquals(whole.tokens(), subscribed(1));
  }

  private static final class Heard implements GenerationListener {
    final List<GeneratedToken> tokens = Collections.synchronizedList(new ArrayList<>());
    final CompletableFuture<Generation> end = new CompletableFuture<>();
    volatile int promptDone;

    @Override
    public void onPrompt(int done, int total) {
      promptDone = done;
    }

    @Override
    public void onToken(GeneratedToken token) {
      tokens.add(token);
    }

    @Override
    public void onComplete(Generation generation) {
      end.complete(generation);
    }

    @Override
    public void onError(Throwable failure) {
      end.completeExceptionally(failure);
    }
  }

  private static List<GeneratedToken> subscribed(long atATime) throws Exception {
    List<GeneratedToken> tokens = new ArrayList<>();
    CompletableFuture<List<GeneratedToken>> all = new CompletableFuture<>();
    model
        .publish(GenerationRequest.user(QUESTION).build())
        .subscribe(
            new Flow.Subscriber<>() {
              private Flow.Subscription subscription;

              @Override
              public void onSubscribe(Flow.Subscription given) {
                subscription = given;
                given.request(atATime);
              }

              @Override
              public void onNext(GeneratedToken token) {
                tokens.add(token);
                subscription.request(1);
              }

              @Override
              public void onError(Throwable failure) {
                all.completeExceptionally(failure);
              }

              @Override
              public void onComplete() {
                all.complete(tokens);
              }
            });
    return all.get(60, TimeUnit.SECONDS);
  }

  @Test
  void aSubscriberHearsOfABadRequest() {
    CompletableFuture<Throwable> heard = new CompletableFuture<>();
    model
        .publish(endless(5, 9999).build())
        .subscribe(
            new Flow.Subscriber<>() {
              @Override
              public void onSubscribe(Flow.Subscription subscription) {
                subscription.request(1);
              }

              @Override
              public void onNext(GeneratedToken token) {}

              @Override
              public void onError(Throwable failure) {
                heard.complete(failure);
              }

              @Override
              public void onComplete() {
                heard.complete(new AssertionError("completed"));
              }
            });
    assertTrue(heard.join() instanceof IllegalArgumentException, heard.join().toString());
  }

  @Test
  void aSubscriberWhoLeavesEndsTheGeneration() throws Exception {
    CompletableFuture<Flow.Subscription> first = new CompletableFuture<>();
    model
        .publish(endless(4000, 1).build())
        .subscribe(
            new Flow.Subscriber<>() {
              private Flow.Subscription subscription;

              @Override
              public void onSubscribe(Flow.Subscription given) {
                subscription = given;
                given.request(Long.MAX_VALUE);
              }

              @Override
              public void onNext(GeneratedToken token) {
                subscription.cancel();
                first.complete(subscription);
              }

              @Override
              public void onError(Throwable failure) {
                first.completeExceptionally(failure);
              }

              @Override
              public void onComplete() {}
            });
    first.get(60, TimeUnit.SECONDS);
    while (model.scheduler().call(() -> model.model().states().freeSlots()) < 8) {
      Thread.onSpinWait(); // the class's time limit fails the test if the slot never comes back
    }
  }

  // ---- ends

  @Test
  void atMostSoManyTokens() {
    Generation all = model.generate(ask().build());
    for (int max : new int[] {0, 1, 2, 7}) {
      Generation some = model.generate(ask().maxTokens(max).build());
      assertEquals(FinishReason.LENGTH, some.finishReason());
      assertArrayEquals(Arrays.copyOf(all.tokenIds(), max), some.tokenIds());
      assertEquals(some.text(), joined(some));
      assertTrue(all.text().startsWith(some.text()));
      assertEquals(max, some.usage().generatedTokens());
    }
    int exact = all.tokens().size();
    assertEquals(FinishReason.STOP, model.generate(ask().maxTokens(exact).build()).finishReason());
    assertEquals(
        FinishReason.LENGTH, model.generate(ask().maxTokens(exact - 1).build()).finishReason());
  }

  @Test
  void endTokensAndGoingOnAfterThem() {
    Generation ended = model.generate(ask().build());
    int last = ended.tokenIds()[ended.tokens().size() - 1];
    assertTrue(model.endTokens().contains(last));
    assertEquals(OptionalInt.of(last), ended.endToken());

    int more = ended.tokens().size() + 5;
    Generation longer = model.generate(ask().ignoreEndTokens(true).maxTokens(more).build());
    assertEquals(FinishReason.LENGTH, longer.finishReason());
    assertEquals(more, longer.tokens().size());
    assertArrayEquals(ended.tokenIds(), Arrays.copyOf(longer.tokenIds(), ended.tokens().size()));
    assertTrue(longer.endToken().isEmpty());
  }

  @Test
  void stopTokens() {
    int[] all = model.generate(ask().build()).tokenIds();
    int stop = all[10];
    int first = 0;
    while (all[first] != stop) {
      first++;
    }
    Generation stopped = model.generate(ask().stopTokens(stop).build());
    assertEquals(FinishReason.STOP, stopped.finishReason());
    assertEquals(OptionalInt.of(stop), stopped.endToken());
    assertArrayEquals(Arrays.copyOf(all, first + 1), stopped.tokenIds());
    Generation both = model.generate(ask().stopTokens(stop).ignoreEndTokens(true).build());
    assertArrayEquals(stopped.tokenIds(), both.tokenIds(), "a stop token is not an end token");
  }

  /**
   * Every piece of the answer as a stop string: within a token, at its edge, and across several.
   */
  @Test
  void stopStringsAnywhere() {
    Generation all = model.generate(ask().build());
    String text = all.text();
    Random random = new Random(42);
    for (int round = 0; round < 12 * TinyModel.ROUNDS; round++) {
      int from = random.nextInt(text.length());
      int to = from + 1 + random.nextInt(Math.min(12, text.length() - from));
      String stop = text.substring(from, to);
      Generation stopped = model.generate(ask().stop("never said", stop).build());
      String what = "stop \"%s\"".formatted(stop);
      assertEquals(text.substring(0, text.indexOf(stop)), stopped.text(), what);
      assertEquals(stopped.text(), joined(stopped), what);
      assertEquals(FinishReason.STOP, stopped.finishReason(), what);
      assertTrue(stopped.endToken().isEmpty(), what);
      assertArrayEquals(
          Arrays.copyOf(all.tokenIds(), stopped.tokens().size()), stopped.tokenIds(), what);
    }
    Generation almost = model.generate(ask().stop(text + "!").build());
    assertEquals(text, almost.text(), "what was held back comes out at the end");
    assertEquals(text, joined(almost));
    int half = all.tokens().size() / 2;
    Generation cut = model.generate(ask().stop(text).maxTokens(half).build());
    assertEquals(model.generate(ask().maxTokens(half).build()).text(), cut.text());
    assertEquals(cut.text(), joined(cut));
  }

  @Test
  void aConditionOfOnesOwn() {
    Generation all = model.generate(ask().build());
    List<Integer> sizes = new ArrayList<>();
    Generation five =
        model.generate(
            ask()
                .stopWhen(
                    tokens -> {
                      sizes.add(tokens.size());
                      assertThrows(UnsupportedOperationException.class, () -> tokens.remove(0));
                      return tokens.size() == 5;
                    })
                .build());
    assertEquals(List.of(1, 2, 3, 4, 5), sizes);
    assertEquals(FinishReason.STOP, five.finishReason());
    assertEquals(all.tokens().subList(0, 5), five.tokens());
    assertTrue(five.endToken().isEmpty());
    assertEquals(five.text(), joined(five));
  }

  // ---- choosing

  @Test
  void logitsProcessorsInTheirOrder() {
    int[] promptIds = model.encode(ask().build().prompt());
    List<Integer> lengths = new ArrayList<>();
    LogitsProcessor onlyFive =
        (history, logits) -> {
          lengths.add(history.length());
          assertEquals(promptIds.length, history.promptLength());
          Arrays.fill(logits, Float.NEGATIVE_INFINITY);
          logits[5] = 0;
        };
    LogitsProcessor sixToo =
        (history, logits) -> {
          assertEquals(0, logits[5], "the first came first");
          logits[6] = 1;
        };
    Generation forced =
        model.generate(ask().logitsProcessors(onlyFive, sixToo).maxTokens(3).build());
    assertArrayEquals(new int[] {6, 6, 6}, forced.tokenIds());
    int n = promptIds.length;
    assertEquals(List.of(n, n + 1, n + 2), lengths);
    Generation biased =
        model.generate(
            ask()
                .sampling(SamplingParameters.builder().logitBias(Map.of(7, 100.0)).build())
                .maxTokens(2)
                .build());
    assertArrayEquals(new int[] {7, 7}, biased.tokenIds());
  }

  @Test
  void logProbabilitiesAreThoseOfTheModel() {
    Generation generation =
        model.generate(
            ask()
                .sampling(SamplingParameters.builder().logProbabilities(3).build())
                .maxTokens(6)
                .build());
    int[] prompt = model.encode(ask().build().prompt());
    int[] all = concat(prompt, generation.tokenIds());
    float[][] logits = model.allLogits(all);
    for (GeneratedToken token : generation.tokens()) {
      LogProbabilities want = LogProbabilities.of(logits[prompt.length + token.index() - 1]);
      assertEquals(want.at(token.id()), token.logProbability(), 1e-3);
      List<TokenLogProbability> top = want.top(3);
      assertEquals(3, token.alternatives().size());
      for (int i = 0; i < 3; i++) {
        TokenLogProbability got = token.alternatives().get(i);
        assertEquals(top.get(i).logProbability(), got.logProbability(), 1e-3);
      }
      assertEquals(token.id(), token.alternatives().get(0).token(), "greedy takes the best");
    }
  }

  @Test
  void promptTokensHaveAlternatives() {
    int[] ids = tokens(new Random(6), 40);
    SamplingParameters sampling =
        SamplingParameters.greedy().toBuilder().logProbabilities(3).build();
    Generation read =
        model.generate(endless(0, ids).promptLogProbabilities(true).sampling(sampling).build());
    float[][] logits = model.allLogits(ids);
    for (int i = 1; i < ids.length; i++) {
      List<TokenLogProbability> want = LogProbabilities.of(logits[i - 1]).top(3);
      List<TokenLogProbability> got = read.promptLogProbabilities().get(i - 1).alternatives();
      assertEquals(3, got.size());
      for (int rank = 0; rank < 3; rank++) {
        assertEquals(want.get(rank).logProbability(), got.get(rank).logProbability(), 1e-3);
      }
    }
  }

  @Test
  void promptsThatStartTogetherAreAnsweredAsAlone() {
    SamplingParameters sampling = SamplingParameters.builder().temperature(1.5).seed(3).build();
    List<GenerationRequest> requests =
        TinyModel.QUESTIONS.stream()
            .map(text -> GenerationRequest.text(text).sampling(sampling).maxTokens(12).build())
            .toList();
    GenerationListener ignore = new GenerationListener() {};
    List<List<RunningGeneration>> started =
        model.startAll(requests, requests.stream().map(r -> List.of(ignore, ignore)).toList());
    assertEquals(requests.size(), started.size());
    for (int i = 0; i < requests.size(); i++) {
      List<RunningGeneration> alone = model.startBranches(requests.get(i), List.of(ignore, ignore));
      for (int j = 0; j < 2; j++) {
        assertEquals(alone.get(j).result().text(), started.get(i).get(j).result().text());
      }
    }
  }

  @Test
  void promptsStartTogetherOrNotAtAll() {
    List<Generation> ended = Collections.synchronizedList(new ArrayList<>());
    GenerationListener ignore =
        new GenerationListener() {
          @Override
          public void onComplete(Generation generation) {
            ended.add(generation);
          }
        };
    GenerationRequest good = endless(3, 1, 2).build();
    GenerationRequest tooLong = endless(3, new int[model.contextLimit()]).build();
    assertThrows(
        ContextLengthException.class,
        () -> model.startAll(List.of(good, tooLong), List.of(List.of(ignore), List.of(ignore))));
    assertThrows(
        IllegalArgumentException.class,
        () -> model.startAll(List.of(good), List.of(List.of(ignore), List.of(ignore))));
    assertThrows(
        IllegalArgumentException.class,
        () -> model.startAll(List.of(good), List.of(Collections.nCopies(129, ignore))));
    assertThrows(IllegalArgumentException.class, () -> model.startAll(List.of(), List.of()));
    model.generate(good); // what had been queued before would have ended by now
    assertEquals(List.of(), ended);
  }

  @Test
  void promptLogProbabilitiesAreScoresAreLogSoftmax() {
    Random random = new Random(5);
    for (int round = 0; round < TinyModel.ROUNDS; round++) {
      int[] ids = tokens(random, 2 + random.nextInt(150));
      Generation read = model.generate(endless(0, ids).promptLogProbabilities(true).build());
      Score score = model.scoreTokens(ids, 1);
      float[][] logits = model.allLogits(ids);
      assertEquals(ids.length - 1, read.promptLogProbabilities().size());
      assertEquals(ids.length - 1, score.tokens().size());
      double sum = 0;
      for (int i = 1; i < ids.length; i++) {
        double want = logSoftmax(logits[i - 1], ids[i]);
        sum += want;
        assertEquals(ids[i], score.tokens().get(i - 1).token());
        assertEquals(want, score.tokens().get(i - 1).logProbability(), 1e-3);
        assertEquals(ids[i], read.promptLogProbabilities().get(i - 1).token());
        assertEquals(want, read.promptLogProbabilities().get(i - 1).logProbability(), 1e-3);
      }
      assertEquals(sum, score.logProbability(), 1e-3 * ids.length);
      assertEquals(
          Math.exp(-sum / (ids.length - 1)), score.perplexity(), 1e-2 * score.perplexity());
      int from = 1 + random.nextInt(ids.length);
      Score tail = model.scoreTokens(ids, from);
      assertEquals(ids.length - from, tail.tokens().size());
      for (int i = from; i < ids.length; i++) {
        assertEquals(
            score.tokens().get(i - 1).logProbability(),
            tail.tokens().get(i - from).logProbability(),
            1e-3);
      }
      assertClose(logits[ids.length - 1], model.logits(ids));
    }
  }

  /** The textbook's, written once more. */
  private static double logSoftmax(float[] logits, int id) {
    double max = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - max);
    }
    return logits[id] - max - Math.log(sum);
  }

  private static void assertClose(float[] want, float[] got) {
    double max = 0;
    for (float w : want) {
      max = Math.max(max, Math.abs(w));
    }
    for (int i = 0; i < want.length; i++) {
      assertEquals(want[i], got[i], 2e-4 * max);
    }
  }

  @Test
  void scoringTellsRightFromWrong() {
    String prompt = model.generate(ask().stop("Answer").build()).text();
    double right = model.score(prompt, "Answer: 42").logProbability();
    double wrong = model.score(prompt, "Answer: 97").logProbability();
    assertTrue(right > wrong, right + " against " + wrong);
    assertEquals(0, model.score("What", "").tokens().size());
    assertTrue(Double.isNaN(model.score("What", "").perplexity()));
  }

  // ---- seeds and company

  /** Tokens and log-probabilities to the last bit, though prompts have to share narrow steps. */
  @Test
  void theSameSeedGivesTheSameWhateverTheNeighboursDo() {
    Random random = new Random(77);
    List<GenerationRequest> requests = new ArrayList<>();
    List<List<GeneratedToken>> alone = new ArrayList<>();
    try (TextModel narrow = TinyModel.builder().sequences(8).stepTokens(64).open()) {
      for (int i = 0; i < 2 * TinyModel.ROUNDS; i++) {
        GenerationRequest request =
            endless(60, tokens(random, 1 + random.nextInt(200)))
                .sampling(SamplingParameters.builder().temperature(1.2).topP(0.95).seed(i).build())
                .build();
        requests.add(request);
        alone.add(narrow.generate(request).tokens());
        assertEquals(alone.get(i), narrow.generate(request).tokens(), "seed " + i + " repeated");
      }
      for (int round = 0; round < 3; round++) {
        List<RunningGeneration> neighbours = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
          neighbours.add(
              narrow.start(
                  endless(300, tokens(random, 1 + random.nextInt(300))).build(),
                  new GenerationListener() {}));
        }
        List<RunningGeneration> crowd = new ArrayList<>();
        for (GenerationRequest request : requests) {
          crowd.add(narrow.start(request, new GenerationListener() {}));
        }
        neighbours.get(1).cancel();
        for (int i = 0; i < crowd.size(); i++) {
          assertEquals(alone.get(i), crowd.get(i).result().tokens(), "seed " + i + " in a crowd");
        }
        neighbours.forEach(RunningGeneration::cancel);
      }
      GenerationRequest first = requests.get(0);
      SamplingParameters otherSeed = first.sampling().toBuilder().seed(1000).build();
      assertNotEquals(
          alone.get(0),
          narrow
              .generate(endless(60, model.encode(first.prompt())).sampling(otherSeed).build())
              .tokens(),
          "the seed makes a difference");
    }
  }

  @Test
  void withoutASeedTextsDiffer() {
    GenerationRequest request =
        endless(40, 1, 2, 3).sampling(SamplingParameters.builder().temperature(2).build()).build();
    assertNotEquals(model.generate(request).text(), model.generate(request).text());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 512})
  void theWidthOfAStepChangesNothing(int stepTokens) {
    try (TextModel other =
        TextModel.builder(TinyModel.DIRECTORY).sequences(1).stepTokens(stepTokens).open()) {
      for (String question : QUESTIONS) {
        Generation want = model.generate(question);
        Generation got = other.generate(question);
        assertArrayEquals(want.tokenIds(), got.tokenIds(), question);
        assertEquals(want.text(), got.text());
      }
    }
  }

  @Test
  void usageSaysWhatWasDone() {
    Generation generation = model.generate(ask().build());
    Usage usage = generation.usage();
    assertEquals(model.encode(ask().build().prompt()).length, usage.promptTokens());
    assertEquals(0, usage.cachedTokens());
    assertEquals(generation.tokens().size(), usage.generatedTokens());
    assertFalse(usage.promptTime().isZero(), "reading takes time, also in a single step");
    assertTrue(usage.promptTokensPerSecond() > 0);
    assertTrue(usage.generatedTokensPerSecond() > 0);
    Usage none = model.generate(ask().maxTokens(0).build()).usage();
    assertEquals(0, none.generatedTokensPerSecond());
  }

  private static int[] concat(int[] first, int... second) {
    int[] all = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }
}
