package io.sambay4j;

import static io.sambay4j.TinyModel.endless;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.sampling.SamplingParameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That a state from the prefix cache is as good as reading the prompt. */
@Timeout(300)
final class PrefixCacheTest {
  private static final long PLENTY = 64L << 20;

  private static TextModel open(long bytes) {
    return TextModel.builder(TinyModel.DIRECTORY).sequences(4).prefixCacheBytes(bytes).open();
  }

  private static int[] join(int[] first, int... second) {
    int[] all = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
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
    }
  }

  @Test
  void branchesReadTheirPromptOnce() {
    try (TextModel model = open(0);
        TextModel cold = TinyModel.open(4)) {
      int[] prompt = TinyModel.tokens(new Random(2), 200);
      SamplingParameters sampling = SamplingParameters.builder().temperature(1).seed(5).build();
      GenerationRequest request = endless(30, prompt).sampling(sampling).build();
      List<GenerationListener> listeners = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        listeners.add(new GenerationListener() {});
      }
      List<RunningGeneration> branches = model.startBranches(request, listeners);
      for (int i = 0; i < branches.size(); i++) {
        Generation alone =
            cold.generate(
                endless(30, prompt).sampling(sampling.toBuilder().seed(5 + i).build()).build());
        Generation branch = branches.get(i).result();
        assertArrayEquals(alone.tokenIds(), branch.tokenIds(), "branch " + i);
        assertEquals(i == 0 ? 0 : 199, branch.usage().cachedTokens());
      }
      assertEquals(4, model.scheduler().call(() -> model.model().states().freeSlots()));
      assertEquals(
          0,
          model
              .scheduler()
              .call(() -> model.model().states().blocks() - model.model().states().freeBlocks())
              .intValue());
    }
  }
}
