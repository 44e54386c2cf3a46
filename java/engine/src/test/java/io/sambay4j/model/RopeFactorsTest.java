package io.sambay4j.model;

import static io.sambay4j.model.TestModels.cold;
import static io.sambay4j.model.TestModels.feed;
import static io.sambay4j.model.TestModels.tokens;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.model.RopeConfig.Factors;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Whose keys are turned by which factors: never two kinds in one sequence. */
final class RopeFactorsTest {
  private static final int ORIGINAL = 16;
  private static SambayModel model;

  @BeforeAll
  static void open() {
    model = TestModels.load(TestModels.golden("phi4mini-tiny"), 4, 128, 128, 512);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @AfterEach
  void everythingCameBack() {
    assertEquals(4, model.states().freeSlots());
    assertEquals(512, model.states().freeCacheTokens());
  }

  private final int[] ids = tokens(new Random(5), model, 40);

  @Test
  void theFirstChunkDecidesByItsLength() {
    try (SequenceState sequence = model.states().acquire()) {
      assertNull(sequence.ropeFactors());
      feed(model, sequence, Arrays.copyOf(ids, ORIGINAL));
      assertEquals(Factors.SHORT, sequence.ropeFactors());
      model.states().clear(sequence);
      assertNull(sequence.ropeFactors());
      feed(model, sequence, Arrays.copyOf(ids, ORIGINAL + 1));
      assertEquals(Factors.LONG, sequence.ropeFactors());
    }
  }

  @Test
  void aCrossingUnderTheShortFactorsIsRefusedAndChangesNothing() {
    try (SequenceState sequence = model.states().acquire()) {
      feed(model, sequence, Arrays.copyOf(ids, 10));
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class,
              () -> feed(model, sequence, Arrays.copyOfRange(ids, 10, 17)));
      assertTrue(e.getMessage().contains("7 tokens after 10"), e.getMessage());
      assertFalse(sequence.isTorn());
      assertEquals(10, sequence.length());
      assertThrows(IllegalStateException.class, () -> sequence.useRopeFactors(Factors.LONG));
      TestModels.assertSame(
          "one token more", cold(model, Arrays.copyOf(ids, 11)), feed(model, sequence, ids[10]));
    }
  }

  @Test
  void factorsChosenBeforehandHoldForEveryChunk() {
    try (SequenceState sequence = model.states().acquire();
        SequenceState whole = model.states().acquire()) {
      sequence.useRopeFactors(Factors.LONG);
      for (int id : Arrays.copyOf(ids, 30)) {
        feed(model, sequence, id);
      }
      feed(model, whole, Arrays.copyOf(ids, 30));
      TestModels.assertSame("after 30", feed(model, whole, 3), feed(model, sequence, 3));
    }
  }

  @Test
  void snapshotsAndForksKeepThem() {
    try (SequenceState sequence = model.states().acquire();
        SequenceState other = model.states().acquire()) {
      sequence.useRopeFactors(Factors.LONG);
      feed(model, sequence, Arrays.copyOf(ids, 8)); // short by its length
      feed(model, other, Arrays.copyOf(ids, 3));
      try (StatePool.Snapshot snapshot = model.states().snapshot(sequence);
          SequenceState fork = model.states().fork(sequence)) {
        assertEquals(Factors.LONG, fork.ropeFactors());
        float[] want = feed(model, sequence, 1);
        assertArrayEquals(want, feed(model, fork, 1));
        assertEquals(Factors.SHORT, other.ropeFactors());
        model.states().restore(other, snapshot);
        assertEquals(Factors.LONG, other.ropeFactors());
        assertArrayEquals(want, feed(model, other, 1));
      }
    }
  }

  /** What two sequences of a step say does not depend on the other's factors, not by a bit. */
  @Test
  void bothKindsInOneStep() {
    int[] few = Arrays.copyOf(ids, 9);
    int[] many = Arrays.copyOf(ids, 33);
    float[] wantFew = cold(model, few);
    float[] wantMany = cold(model, many);
    try (SequenceState a = model.states().acquire();
        SequenceState b = model.states().acquire()) {
      float[][] got = new float[2][];
      model.forward(
          List.of(new Chunk(a, few, Chunk.Wanted.LAST), new Chunk(b, many, Chunk.Wanted.LAST)),
          (chunk, token, logits) -> got[chunk] = logits.clone());
      assertArrayEquals(wantFew, got[0]);
      assertArrayEquals(wantMany, got[1]);
    }
  }
}
