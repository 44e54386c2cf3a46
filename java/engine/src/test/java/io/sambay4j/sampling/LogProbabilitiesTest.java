package io.sambay4j.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LogProbabilitiesTest {
  private static final float MASKED = Float.NEGATIVE_INFINITY;

  @Test
  void logarithmsOfKnownProbabilities() {
    float[] logits = {0, (float) Math.log(2), (float) Math.log(5)};
    LogProbabilities p = LogProbabilities.of(logits);
    assertEquals(Math.log(8), p.logSumExp(), 1e-7);
    assertEquals(Math.log(1 / 8.0), p.at(0), 1e-7);
    assertEquals(Math.log(2 / 8.0), p.at(1), 1e-7);
    assertEquals(Math.log(5 / 8.0), p.at(2), 1e-7);
    assertEquals(2, p.best());
  }

  @Test
  void addingAConstantToAllLogitsChangesNothing() {
    for (float offset : new float[] {-10_000, 10_000, 8192}) {
      float[] logits = {offset + 1, offset + 2, offset + 4};
      LogProbabilities p = LogProbabilities.of(logits);
      LogProbabilities q = LogProbabilities.of(new float[] {1, 2, 4});
      for (int id = 0; id < 3; id++) {
        assertEquals(q.at(id), p.at(id), 1e-15);
      }
    }
  }

  @Test
  void extremeLogitsStayExact() {
    for (float size : new float[] {1e4f, 1e38f, Float.MAX_VALUE}) {
      LogProbabilities p = LogProbabilities.of(new float[] {size, -size, size, MASKED});
      assertEquals(-Math.log(2), p.at(0), 1e-15);
      assertEquals(-2.0 * size - Math.log(2), p.at(1), 1e-15 * size);
      assertEquals(Double.NEGATIVE_INFINITY, p.at(3));
    }
  }

  @Test
  void aVocabularyOfOneIsCertain() {
    assertEquals(0, LogProbabilities.of(new float[] {-3e38f}).at(0));
  }

  @Test
  void probabilitiesSumToOneAtFullWidth() {
    Random random = new Random(5);
    float[] logits = new float[200_064];
    for (int id = 0; id < logits.length; id++) {
      logits[id] = (float) (5 * random.nextGaussian());
    }
    LogProbabilities p = LogProbabilities.of(logits);
    double sum = 0;
    for (int id = 0; id < logits.length; id++) {
      sum += Math.exp(p.at(id));
    }
    assertEquals(1, sum, 1e-10);
  }

  @Test
  void topIsTheHeadOfTheSortedList() {
    for (long seed = 0; seed < 2000; seed++) {
      Random random = new Random(seed);
      float[] logits = new float[1 + random.nextInt(60)];
      for (int id = 0; id < logits.length; id++) {
        logits[id] = random.nextInt(4) == 0 ? MASKED : (random.nextInt(9) - 4) * random.nextInt(2);
      }
      logits[random.nextInt(logits.length)] = 1;
      int count = random.nextInt(21);
      LogProbabilities p = LogProbabilities.of(logits);
      List<TokenLogProbability> sorted = new ArrayList<>();
      for (int id = 0; id < logits.length; id++) {
        if (logits[id] != MASKED) {
          sorted.add(new TokenLogProbability(id, p.at(id)));
        }
      }
      sorted.sort(Comparator.comparingDouble(TokenLogProbability::logProbability).reversed());
      assertEquals(sorted.subList(0, Math.min(count, sorted.size())), p.top(count), "seed " + seed);
    }
  }

  @Test
  void refusesWhatIsNotAnId() {
    LogProbabilities p = LogProbabilities.of(new float[] {1, 2});
    for (int id : new int[] {-1, 2, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> p.at(id));
      assertEquals("token id must be in [0, 1] but was " + id, e.getMessage());
    }
  }

  @Test
  void refusesACountOutsideItsRange() {
    LogProbabilities p = LogProbabilities.of(new float[] {1, 2});
    assertEquals(0, p.top(0).size());
    assertEquals(2, p.top(20).size());
    for (int count : new int[] {-1, 21, Integer.MAX_VALUE}) {
      assertThrows(IllegalArgumentException.class, () -> p.top(count));
    }
  }

  @Test
  void refusesAnEmptyRow() {
    assertThrows(IllegalArgumentException.class, () -> LogProbabilities.of(new float[0]));
  }
}
