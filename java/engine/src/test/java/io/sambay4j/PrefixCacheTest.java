package io.sambay4j;

import static io.sambay4j.TinyModel.endless;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.DType;
import io.sambay4j.sampling.SamplingParameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** That a state from the prefix cache is as good as reading the prompt. */
@Timeout(600)
final class PrefixCacheTest {
  private static final long PLENTY = 64L << 20;

  private static TextModel.Builder builder() {
    return TinyModel.builder().sequences(4);
  }

  private static TextModel open(long bytes) {
    return builder().prefixCacheBytes(bytes).open();
  }

  /** Asked between two steps: what statistics say at other times is that of the last step. */
  private static boolean isIdle(TextModel model) {
    EngineStatistics now = model.scheduler().call(model::statistics);
    return now.waiting() == 0 && now.slotsUsed() == 0;
  }

  private static int[] join(int[] first, int... second) {
    int[] all = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }

  private static long slotBytes(TextModel model) {
    return model.model().states().slotBytes();
  }

  /** What a generation was and saw: its tokens, and the logits before each. */
  private record Seen(Generation generation, List<float[]> logits) {
    static Seen of(TextModel model, int[] prompt, int maxTokens) {
      List<float[]> logits = new ArrayList<>();
      Generation generation =
          model.generate(
              endless(maxTokens, prompt)
                  .sampling(SamplingParameters.builder().temperature(0).build())
                  .logitsProcessors((history, row) -> logits.add(row.clone()))
                  .build());
      return new Seen(generation, logits);
    }

    void assertSameBits(Seen other, String what) {
      assertArrayEquals(generation.tokenIds(), other.generation.tokenIds(), what);
      for (int i = 0; i < logits.size(); i++) {
        assertArrayEquals(logits.get(i), other.logits.get(i), what + " token " + i);
      }
    }

    /** The first logits; after a near tie the rest may differ. */
    void assertClose(Seen other, DType activations, String what) {
      float[] want = logits.get(0);
      float[] got = other.logits.get(0);
      double error = 0;
      double size = 0;
      for (int i = 0; i < want.length; i++) {
        error += Math.pow(got[i] - want[i], 2);
        size += Math.pow(want[i], 2);
      }
      double most = activations == DType.F32 ? 1e-4 : 0.06; // the goldens' tolerance for bf16
      assertTrue(Math.sqrt(error / size) < most, what + " off by " + Math.sqrt(error / size));
    }
  }

  @Test
  void theNextTurnReadsOnlyWhatIsNew() {
    Random random = new Random(1);
    try (TextModel model = open(PLENTY);
        TextModel cold = TinyModel.open(4)) {
      int[] prompt = TinyModel.tokens(random, 300);
      Generation first = model.generate(endless(40, prompt).build());
      assertEquals(0, first.usage().cachedTokens());
      int[] second = join(join(prompt, first.tokenIds()), TinyModel.tokens(random, 20));
      Generation answer = model.generate(endless(40, second).build());
      assertEquals(339, answer.usage().cachedTokens(), "all but the token that was not fed");
      assertArrayEquals(cold.generate(endless(40, second).build()).tokenIds(), answer.tokenIds());
      Generation again = model.generate(endless(40, second).build());
      assertTrue(again.usage().cachedTokens() >= 339);
      assertArrayEquals(answer.tokenIds(), again.tokenIds());
      EngineStatistics statistics = model.statistics();
      assertEquals(2, statistics.prefixCacheHits());
      assertEquals(1, statistics.prefixCacheMisses());
      assertEquals(
          answer.usage().cachedTokens() + again.usage().cachedTokens(),
          statistics.prefixCacheTokensSaved());
      Generation without = model.generate(endless(40, second).prefixCache(false).build());
      assertEquals(0, without.usage().cachedTokens());
    }
  }

  @Test
  void theSamePromptAgainReadsOneToken() {
    try (TextModel model = open(PLENTY)) {
      int[] prompt = TinyModel.tokens(new Random(3), 400);
      model.generate(endless(3, prompt).build());
      assertEquals(399, model.generate(endless(3, prompt).build()).usage().cachedTokens());
    }
  }

  /** Where a state is cheap, also a short question is known when it comes again. */
  @Test
  void aShortPromptIsKeptTheFirstTime() {
    try (TextModel model = open(PLENTY);
        TextModel cold = TinyModel.open(1)) {
      int[] prompt = TinyModel.tokens(new Random(6), 40);
      Generation first = model.generate(endless(5, prompt).build());
      Generation again = model.generate(endless(5, prompt).build());
      assertEquals(0, first.usage().cachedTokens());
      assertEquals(39, again.usage().cachedTokens());
      assertArrayEquals(cold.generate(endless(5, prompt).build()).tokenIds(), again.tokenIds());
      int[] tiny = TinyModel.tokens(new Random(7), 20);
      model.generate(endless(1, tiny).build());
      assertEquals(0, model.generate(endless(1, tiny).build()).usage().cachedTokens());
    }
  }

  /** A system prompt of twenty tokens, each conversation with another question. */
  @Test
  void aShortSystemPromptIsKeptWhereTwoConversationsParted() {
    try (TextModel model = open(PLENTY)) {
      Random random = new Random(8);
      int[] system = TinyModel.tokens(random, 20);
      int[] cached = new int[4];
      for (int i = 0; i < cached.length; i++) {
        int[] prompt = join(system, join(new int[] {400 + i}, TinyModel.tokens(random, 15)));
        cached[i] = model.generate(endless(2, prompt).build()).usage().cachedTokens();
      }
      assertArrayEquals(new int[] {0, 0, 20, 20}, cached);
    }
  }

  /** The third of those that begin alike starts where the first two parted. */
  @Test
  void whereTwoPromptsPartedAStateIsKept() {
    try (TextModel model = open(PLENTY)) {
      Random random = new Random(4);
      int[] system = TinyModel.tokens(random, 90);
      int[] cached = new int[3];
      for (int i = 0; i < 3; i++) {
        int[] prompt = join(system, join(new int[] {400 + i}, TinyModel.tokens(random, 20)));
        cached[i] = model.generate(endless(2, prompt).build()).usage().cachedTokens();
      }
      assertArrayEquals(new int[] {0, 0, 90}, cached);
    }
  }

  @Test
  void aLongPromptLeavesStatesOnItsWay() {
    try (TextModel model = open(PLENTY)) {
      int[] prompt = TinyModel.tokens(new Random(5), 3000);
      model.generate(endless(2, prompt).build());
      int[] half = join(Arrays.copyOf(prompt, 1800), 1, 2, 3);
      int cached = model.generate(endless(2, half).build()).usage().cachedTokens();
      assertTrue(cached >= 1024 && cached <= 1800, "cached " + cached);
    }
  }

  @Test
  void randomConversationsAreAnsweredAsColdBitForBit() {
    randomConversations(DType.F32, true, PLENTY);
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void randomConversationsAreAnsweredAsColdWithinTolerance(DType activations) {
    randomConversations(activations, false, PLENTY);
  }

  @Test
  void aTinyBudgetEvictsAndStaysRight() {
    randomConversations(DType.F32, true, 0);
  }

  /** A forest of conversations: each turn goes on from, or branches off, some earlier one. */
  private static void randomConversations(DType activations, boolean deterministic, long budget) {
    long seed = new Random().nextLong();
    System.out.println("random conversations: seed " + seed);
    Random random = new Random(seed);
    TextModel.Builder builder = builder().activations(activations).deterministic(deterministic);
    try (TextModel cold = builder.open()) {
      long bytes = budget > 0 ? budget : 8 * slotBytes(cold) + 400_000;
      try (TextModel model = builder.prefixCacheBytes(bytes).open()) {
        List<int[]> said = new ArrayList<>();
        said.add(TinyModel.tokens(random, 100));
        for (int turn = 0; turn < 10 * TinyModel.ROUNDS; turn++) {
          int[] past = said.get(random.nextInt(said.size()));
          int kept = random.nextInt(3) == 0 ? 1 + random.nextInt(past.length) : past.length;
          int[] prompt =
              join(
                  Arrays.copyOf(past, Math.min(kept, 3000)),
                  TinyModel.tokens(random, 1 + random.nextInt(150)));
          int answer = 1 + random.nextInt(12);
          Seen want = Seen.of(cold, prompt, answer);
          Seen got = Seen.of(model, prompt, answer);
          String what = "seed " + seed + " turn " + turn;
          if (deterministic) {
            want.assertSameBits(got, what);
          } else {
            want.assertClose(got, activations, what);
          }
          said.add(join(prompt, got.generation.tokenIds()));
          assertTrue(model.statistics().prefixCacheBytes() <= bytes, what);
        }
        EngineStatistics statistics = model.statistics();
        System.out.println(statistics);
        assertTrue(statistics.prefixCacheHits() > 0, "seed " + seed);
        assertEquals(budget == 0, statistics.prefixCacheEvictions() > 0, "seed " + seed);
      }
    }
  }

  @Test
  void greedyTextOfAConversationIsThatOfAColdModel() {
    try (TextModel model = open(PLENTY);
        TextModel cold = TinyModel.open(4)) {
      for (int conversation = 0; conversation < 3; conversation++) {
        List<ChatMessage> messages = new ArrayList<>();
        for (String question : TinyModel.QUESTIONS) {
          messages.add(ChatMessage.user(question));
          GenerationRequest request =
              GenerationRequest.messages(messages)
                  .sampling(SamplingParameters.builder().temperature(0).build())
                  .maxTokens(60)
                  .build();
          String want = cold.generate(request).text();
          assertEquals(want, model.generate(request).text(), question);
          messages.add(ChatMessage.assistant(want));
        }
      }
      assertTrue(model.statistics().prefixCacheHits() > 10, model.statistics().toString());
    }
  }

  /** One request, four ways. */
  @Test
  void aloneInACrowdChunkedAndCachedGiveTheSameBytes() {
    long seed = new Random().nextLong();
    System.out.println("four ways: seed " + seed);
    Random random = new Random(seed);
    int[] prompt = TinyModel.tokens(random, 350);
    try (TextModel alone = builder().deterministic(true).open();
        TextModel chunked =
            builder().deterministic(true).promptChunk(1 + random.nextInt(60)).open();
        TextModel cached =
            builder().deterministic(true).prefixCacheBytes(PLENTY).stepTokens(64).open()) {
      Seen want = Seen.of(alone, prompt, 40);
      want.assertSameBits(Seen.of(chunked, prompt, 40), "chunked, seed " + seed);
      List<RunningGeneration> crowd = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        crowd.add(
            cached.start(
                endless(60, TinyModel.tokens(random, 1 + random.nextInt(200))).build(),
                new GenerationListener() {}));
      }
      want.assertSameBits(Seen.of(cached, prompt, 40), "in a crowd, seed " + seed);
      crowd.forEach(RunningGeneration::result);
      Seen again = Seen.of(cached, prompt, 40);
      assertTrue(again.generation.usage().cachedTokens() > 0);
      want.assertSameBits(again, "cached, seed " + seed);
    }
  }

  @Test
  void branchesReadTheirPromptOnce() {
    for (long bytes : new long[] {0, PLENTY}) {
      try (TextModel model = open(bytes);
          TextModel cold = TinyModel.open(4)) {
        int[] prompt = TinyModel.tokens(new Random(2), 200);
        SamplingParameters sampling = SamplingParameters.builder().temperature(1).seed(5).build();
        GenerationRequest request = endless(30, prompt).sampling(sampling).build();
        List<RunningGeneration> branches = model.startBranches(request, listeners(6));
        for (int i = 0; i < branches.size(); i++) {
          Generation alone =
              cold.generate(
                  endless(30, prompt).sampling(sampling.toBuilder().seed(5 + i).build()).build());
          Generation branch = branches.get(i).result();
          assertArrayEquals(alone.tokenIds(), branch.tokenIds(), "branch " + i);
          assertEquals(i == 0 ? 0 : 199, branch.usage().cachedTokens());
        }
        assertNothingIsHeld(model);
      }
    }
  }

  /** The one that reads for all is cancelled; another takes over. */
  @Test
  void branchesOutliveTheirReader() {
    try (TextModel model = builder().promptChunk(8).open()) {
      int[] prompt = TinyModel.tokens(new Random(2), 900);
      int[] want = model.generate(endless(10, prompt).build()).tokenIds();
      List<RunningGeneration> branches =
          model.startBranches(endless(10, prompt).build(), listeners(3));
      while (model.statistics().running() == 0 && !branches.get(0).isDone()) {
        Thread.onSpinWait();
      }
      branches.get(0).cancel();
      assertArrayEquals(want, branches.get(1).result().tokenIds());
      assertArrayEquals(want, branches.get(2).result().tokenIds());
      branches.get(0).result();
      assertNothingIsHeld(model);
    }
  }

  private static List<GenerationListener> listeners(int count) {
    List<GenerationListener> listeners = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      listeners.add(new GenerationListener() {});
    }
    return listeners;
  }

  /** No slot is held, and no block but by the prefix cache, which gives all of them up. */
  private static void assertNothingIsHeld(TextModel model) {
    int[] held =
        model
            .scheduler()
            .call(
                () -> {
                  var states = model.model().states();
                  return new int[] {
                    states.slots() - states.freeSlots(),
                    states.blocks() - states.freeBlocks() - states.spareBlocks()
                  };
                });
    assertArrayEquals(new int[] {0, 0}, held, "slots and blocks");
    assertEquals(0, model.statistics().waiting());
  }

  @Test
  void twoHundredRequestsWithRandomCancelsLeaveNothingBehind() {
    long seed = new Random().nextLong();
    System.out.println("random cancels: seed " + seed);
    Random random = new Random(seed);
    try (TextModel model = builder().prefixCacheBytes(400_000).promptChunk(32).open()) {
      int[] base = TinyModel.tokens(random, 200);
      List<RunningGeneration> all = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        int[] prompt =
            join(
                Arrays.copyOf(base, random.nextInt(200)),
                TinyModel.tokens(random, 1 + random.nextInt(100)));
        GenerationRequest request = endless(1 + random.nextInt(60), prompt).build();
        if (i % 10 == 0) {
          all.addAll(model.startBranches(request, listeners(3)));
        } else if (i % 17 == 0 && isIdle(model)) {
          try (Session session = model.newSession()) {
            session.generate(request);
          }
        } else {
          all.add(model.start(request, new GenerationListener() {}));
        }
        if (random.nextInt(3) > 0) {
          all.get(random.nextInt(all.size())).cancel();
        }
        if (random.nextInt(20) == 0) {
          all.get(all.size() - 1).result();
        }
      }
      for (RunningGeneration generation : all) {
        FinishReason reason = generation.result().finishReason();
        assertTrue(
            reason == FinishReason.LENGTH || reason == FinishReason.CANCELLED, reason.toString());
      }
      assertNothingIsHeld(model);
      assertEquals(0, model.scheduler().call(model::statistics).running());
      int[] prompt = join(base, 7);
      try (TextModel cold = TinyModel.open(1)) {
        Seen.of(cold, prompt, 1).assertClose(Seen.of(model, prompt, 1), DType.F32, "seed " + seed);
      }
    }
  }

  @Test
  void sessionsAndThePrefixCacheShareThePool() {
    try (TextModel model = open(600_000);
        TextModel cold = TinyModel.open(4)) {
      Random random = new Random(9);
      int[] prompt = TinyModel.tokens(random, 300);
      int[] want = cold.generate(endless(20, prompt).build()).tokenIds();
      try (Session session = model.newSession();
          Session other = model.newSession()) {
        session.appendTokens(Arrays.copyOf(prompt, 250));
        other.appendTokens(TinyModel.tokens(random, 50));
        for (int i = 0; i < 5; i++) {
          assertArrayEquals(want, model.generate(endless(20, prompt).build()).tokenIds());
          try (Session fork = session.fork()) {
            int[] rest = Arrays.copyOfRange(prompt, 250, 300);
            assertArrayEquals(want, fork.generate(endless(20, rest).build()).tokenIds());
          }
          session.rewind(100);
          session.appendTokens(Arrays.copyOfRange(prompt, 100, 250));
        }
      }
      assertNothingIsHeld(model);
      assertTrue(model.statistics().prefixCacheHits() >= 4);
    }
  }

  @Test
  void aBudgetBelowOneStateKeepsNothing() {
    try (TextModel model = open(10)) {
      int[] prompt = TinyModel.tokens(new Random(3), 300);
      model.generate(endless(3, prompt).build());
      assertEquals(0, model.generate(endless(3, prompt).build()).usage().cachedTokens());
      assertEquals(0, model.statistics().prefixCacheBytes());
    }
  }

  @Test
  void logProbabilitiesOfThePromptAreReadFromTheStart() {
    try (TextModel model = open(PLENTY)) {
      int[] prompt = TinyModel.tokens(new Random(3), 300);
      model.generate(endless(3, prompt).build());
      Generation again = model.generate(endless(3, prompt).promptLogProbabilities(true).build());
      assertEquals(299, again.promptLogProbabilities().size());
      assertEquals(0, again.usage().cachedTokens());
      assertFalse(again.tokens().isEmpty());
    }
  }
}
