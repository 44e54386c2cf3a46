package io.sambay4j.model;

import static io.sambay4j.model.TestModels.assertSame;
import static io.sambay4j.model.TestModels.cold;
import static io.sambay4j.model.TestModels.concat;
import static io.sambay4j.model.TestModels.feed;
import static io.sambay4j.model.TestModels.tokens;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.NativeLibrary;
import io.sambay4j.model.Chunk.Wanted;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Slots and blocks: taken, shared, copied before they are written, and given back. */
final class StatePoolTest {
  private static final int SLOTS = 4;
  private static final int CACHE = 10 * StatePool.BLOCK_TOKENS;
  private static SambayModel model;

  @BeforeAll
  static void open() {
    model = TestModels.load(TestModels.TINY_REASONER, SLOTS, 512, 512, CACHE);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @AfterEach
  void everythingCameBack() {
    assertEquals(SLOTS, model.states().freeSlots(), "slots");
    assertEquals(CACHE, model.states().freeCacheTokens(), "cache");
  }

  /** A sequence or a snapshot, and the tokens it should hold. */
  private record Held<T>(T state, int[] tokens) {}

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void anyOrderOfOperationsKeepsEverySequenceToItself(long seed) {
    Random random = new Random(seed);
    List<Held<SequenceState>> sequences = new ArrayList<>();
    List<Held<StatePool.Snapshot>> snapshots = new ArrayList<>();
    int steps = NativeLibrary.isAvailable() ? 300 : 40;
    int refused = 0;
    for (int step = 0; step < steps; step++) {
      String what = "seed %d, step %d".formatted(seed, step);
      try {
        operation(random, sequences, snapshots);
      } catch (IllegalStateException e) { // full: nothing may have changed, as the checks below see
        assertTrue(
            e.getMessage().contains("slots are in use") || e.getMessage().contains("full"),
            what + ": " + e);
        refused++;
      }
      for (Held<SequenceState> held : sequences) {
        assertEquals(held.tokens.length, held.state.length(), what);
      }
      if (step % 10 == 9 && !sequences.isEmpty()) {
        check(what, random, sequences.get(random.nextInt(sequences.size())));
      }
    }
    assertTrue(refused > 0, "the pool was never full, so refusals were not tried");
    sequences.forEach(held -> held.state.close());
    snapshots.forEach(held -> held.state.close());
  }

  private static void operation(
      Random random,
      List<Held<SequenceState>> sequences,
      List<Held<StatePool.Snapshot>> snapshots) {
    int kind = random.nextInt(10);
    if (sequences.isEmpty() || kind == 0) {
      sequences.add(new Held<>(model.states().acquire(), new int[0]));
      return;
    }
    int at = random.nextInt(sequences.size());
    Held<SequenceState> held = sequences.get(at);
    switch (kind) {
      case 1 -> sequences.add(new Held<>(model.states().fork(held.state), held.tokens));
      case 2 -> snapshots.add(new Held<>(model.states().snapshot(held.state), held.tokens));
      case 3 -> {
        if (!snapshots.isEmpty()) {
          Held<StatePool.Snapshot> snapshot = snapshots.get(random.nextInt(snapshots.size()));
          model.states().restore(held.state, snapshot.state);
          sequences.set(at, new Held<>(held.state, snapshot.tokens));
        }
      }
      case 4 -> {
        model.states().clear(held.state);
        sequences.set(at, new Held<>(held.state, new int[0]));
      }
      case 5 -> {
        held.state.close();
        sequences.remove(at);
      }
      case 6 -> {
        if (snapshots.size() > 3) {
          snapshots.remove(random.nextInt(snapshots.size())).state.close();
        }
      }
      default -> {
        int[] more = tokens(random, model, 1 + random.nextInt(random.nextBoolean() ? 5 : 90));
        if (held.tokens.length + more.length <= 500) {
          feed(model, held.state, more);
          sequences.set(at, new Held<>(held.state, concat(held.tokens, more)));
        }
      }
    }
  }

  /** What a sequence says next, against a model of its own that read the tokens afresh. */
  private static void check(String what, Random random, Held<SequenceState> held) {
    int[] next = tokens(random, model, 1);
    try (SambayModel fresh = TestModels.load(TestModels.TINY_REASONER, 1, 512, 512, 512);
        StatePool.Snapshot before = model.states().snapshot(held.state)) {
      float[] got;
      try {
        got = feed(model, held.state, next);
      } catch (IllegalStateException full) {
        return; // no block for one more token; it is checked another time
      }
      assertSame(what, cold(fresh, concat(held.tokens, next)), got);
      model.states().restore(held.state, before);
    }
  }

  @Test
  void aForkCopiesOnlyTheBlockItWritesInto() {
    Random random = new Random(7);
    try (SequenceState sequence = model.states().acquire()) {
      feed(model, sequence, tokens(random, model, 200)); // blocks 0 to 3, the last one begun
      assertEquals(CACHE - 256, model.states().freeCacheTokens());
      try (SequenceState fork = model.states().fork(sequence)) {
        assertEquals(CACHE - 256, model.states().freeCacheTokens(), "a fork shares");
        feed(model, fork, 1);
        assertEquals(CACHE - 320, model.states().freeCacheTokens(), "the writer has a copy");
        feed(model, sequence, 2);
        assertEquals(CACHE - 320, model.states().freeCacheTokens(), "the other has it for itself");
      }
      assertEquals(CACHE - 256, model.states().freeCacheTokens());
    }
  }

  @Test
  void aForkAtTheEndOfABlockCopiesNothing() {
    try (SequenceState sequence = model.states().acquire()) {
      feed(model, sequence, tokens(new Random(7), model, 128));
      try (SequenceState fork = model.states().fork(sequence)) {
        feed(model, fork, 1);
        feed(model, sequence, 1);
        assertEquals(CACHE - 256, model.states().freeCacheTokens());
      }
    }
  }

  @Test
  void blocksTakenForARefusedStepAreNotSharedByAFork() {
    Random random = new Random(8);
    int[] past = tokens(random, model, 10);
    int[] left = tokens(random, model, 100);
    int[] right = tokens(random, model, 100);
    try (SequenceState sequence = model.states().acquire()) {
      feed(model, sequence, past);
      model.reserve(new Chunk(sequence, new int[200], Wanted.NONE)); // and then nothing is fed
      try (SequenceState fork = model.states().fork(sequence)) {
        feed(model, sequence, left);
        feed(model, fork, right);
        assertSame(
            "sequence", cold(model, concat(concat(past, left), 3)), feed(model, sequence, 3));
        assertSame("fork", cold(model, concat(concat(past, right), 3)), feed(model, fork, 3));
      }
    }
  }

  @Test
  void aFullCacheIsSaidSoAndHarmsNobody() {
    Random random = new Random(9);
    int[] past = tokens(random, model, 300);
    try (SequenceState big = model.states().acquire();
        SequenceState small = model.states().acquire()) {
      feed(model, big, past);
      feed(model, small, tokens(random, model, 260)); // 5 + 5 blocks: all of them
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class, () -> feed(model, big, tokens(random, model, 21)));
      assertTrue(e.getMessage().contains("the key/value cache is full"), e.getMessage());
      assertFalse(big.isTorn());
      assertEquals(300, big.length());
      model.states().clear(small);
      assertSame("big", cold(model, concat(past, 5)), feed(model, big, 5));
    }
  }

  @Test
  void theAdvisedCacheHoldsEverySequenceToTheEndOfItsContext() {
    int context = 100; // not a multiple of a block
    int cache = StatePool.cacheTokens(3, context, 2);
    Random random = new Random(10);
    try (SambayModel own = TestModels.load(TestModels.TINY_REASONER, 3, context, 128, cache)) {
      List<AutoCloseable> open = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        SequenceState sequence = own.states().acquire();
        open.add(sequence);
        feed(own, sequence, tokens(random, own, 30));
        open.add(own.states().snapshot(sequence));
        feed(own, sequence, tokens(random, own, 40));
        open.add(own.states().snapshot(sequence));
        feed(own, sequence, tokens(random, own, 30));
      }
      open.forEach(
          part -> {
            try {
              part.close();
            } catch (Exception e) {
              throw new AssertionError(e);
            }
          });
      assertEquals(3, own.states().freeSlots());
    }
  }

  @Test
  void aTornSequenceSaysSoAndARestoreMendsIt() {
    int[] past = tokens(new Random(11), model, 40);
    try (SequenceState sequence = model.states().acquire();
        SequenceState other = model.states().acquire()) {
      feed(model, sequence, past);
      try (StatePool.Snapshot snapshot = model.states().snapshot(sequence)) {
        assertThrows(
            ArithmeticException.class,
            () ->
                model.forward(
                    List.of(
                        new Chunk(sequence, new int[] {1}, Wanted.LAST),
                        new Chunk(other, new int[] {1}, Wanted.LAST)),
                    (chunk, token, logits) -> {
                      throw new ArithmeticException("in the middle of a step");
                    }));
        assertTrue(sequence.isTorn());
        for (SequenceState torn : List.of(sequence, other)) {
          IllegalStateException e =
              assertThrows(IllegalStateException.class, () -> feed(model, torn, 1));
          assertTrue(e.getMessage().contains("failed half way"), e.getMessage());
          assertThrows(IllegalStateException.class, () -> model.states().fork(torn));
          assertThrows(IllegalStateException.class, () -> model.states().snapshot(torn));
          assertThrows(IllegalStateException.class, () -> StateTensors.export(model, torn));
        }
        model.states().restore(sequence, snapshot);
        assertSame("restored", cold(model, concat(past, 1)), feed(model, sequence, 1));
        model.states().clear(other);
        assertSame("cleared", cold(model, 1), feed(model, other, 1));
      }
    }
  }

  @Test
  void aRefusedStepChangesNoneOfItsSequences() {
    int[] past = tokens(new Random(12), model, 20);
    try (SequenceState good = model.states().acquire();
        SequenceState bad = model.states().acquire()) {
      feed(model, good, past);
      for (int[] ids : new int[][] {{-1}, {model.config().vocabSize()}, new int[505]}) {
        feed(model, bad, 1, 2, 3, 4, 5, 6, 7, 8);
        assertThrows(
            IllegalArgumentException.class,
            () ->
                model.forward(
                    List.of(
                        new Chunk(good, new int[] {1}, Wanted.LAST),
                        new Chunk(bad, ids, Wanted.LAST)),
                    (chunk, token, logits) -> {}));
        assertEquals(20, good.length());
        assertFalse(good.isTorn());
        model.states().clear(bad);
      }
      assertThrows(
          IllegalArgumentException.class,
          () ->
              model.forward(
                  List.of(
                      new Chunk(good, new int[] {1}, Wanted.LAST),
                      new Chunk(good, new int[] {1}, Wanted.LAST)),
                  (chunk, token, logits) -> {}));
      assertSame("good", cold(model, concat(past, 1)), feed(model, good, 1));
    }
  }

  @Test
  void slotsAreFewAndSaidSo() {
    List<SequenceState> all = new ArrayList<>();
    for (int i = 0; i < SLOTS; i++) {
      all.add(model.states().acquire());
    }
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> model.states().acquire());
    assertTrue(e.getMessage().contains("all 4 sequence slots are in use"), e.getMessage());
    assertThrows(IllegalStateException.class, () -> model.states().fork(all.get(0)));
    all.forEach(SequenceState::close);
    all.forEach(SequenceState::close); // twice is once
  }

  @Test
  void whatIsClosedOrAnothersIsRefused() {
    try (SambayModel other = TestModels.load(TestModels.TINY_REASONER, 2, 512, 512, 512);
        SequenceState theirs = other.states().acquire();
        SequenceState ours = model.states().acquire()) {
      feed(other, theirs, 1);
      assertThrows(IllegalArgumentException.class, () -> feed(model, theirs, 1));
      assertThrows(IllegalArgumentException.class, () -> model.states().fork(theirs));
      assertThrows(IllegalArgumentException.class, () -> model.states().snapshot(theirs));
      assertThrows(IllegalArgumentException.class, () -> model.states().clear(theirs));
      try (StatePool.Snapshot snapshot = other.states().snapshot(theirs)) {
        assertThrows(IllegalArgumentException.class, () -> model.states().restore(ours, snapshot));
      }
      StatePool.Snapshot closed = model.states().snapshot(ours);
      closed.close();
      closed.close();
      assertThrows(IllegalStateException.class, () -> model.states().restore(ours, closed));
      SequenceState gone = model.states().acquire();
      gone.close();
      assertThrows(IllegalStateException.class, () -> feed(model, gone, 1));
      assertThrows(IllegalStateException.class, () -> model.states().fork(gone));
    }
  }
}
