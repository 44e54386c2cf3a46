package io.sambay4j.model;

import static io.sambay4j.model.TestModels.assertSame;
import static io.sambay4j.model.TestModels.cold;
import static io.sambay4j.model.TestModels.concat;
import static io.sambay4j.model.TestModels.feed;
import static io.sambay4j.model.TestModels.feedAll;
import static io.sambay4j.model.TestModels.tokens;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sambay4j.backend.NativeLibrary;
import io.sambay4j.model.Chunk.Wanted;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * However tokens reach a sequence, what it says next is the same: within the rule for f32, for sums
 * may be in another order. Where the way is the same, as after a fork or a restore, it is so bit
 * for bit.
 */
final class SequencePropertiesTest {
  private static final int ROUNDS = NativeLibrary.isAvailable() ? 6 : 1;

  @TempDir static Path directory;

  /**
   * Windows of 24, 8 and 5; every kind of layer; with and without a growing cache, of one layer and
   * of all.
   */
  static Stream<Path> models() {
    return Stream.of(
        TestModels.TINY_REASONER,
        TestModels.golden("flash-tiny-f32"),
        TestModels.golden("flash-gqa-window"),
        TestModels.golden("variant-samba"),
        TestModels.golden("variant-sambayoco"),
        TestModels.golden("variant-mamba"),
        TestModels.dense(directory.resolve("dense"), null),
        TestModels.dense(directory.resolve("dense-window-5"), 5));
  }

  private static void everyRound(Path directory, BiConsumer<SambayModel, Random> property) {
    try (SambayModel model = TestModels.load(directory, 8, 1024, 600, 8192)) {
      for (int round = 0; round < ROUNDS; round++) {
        long seed = 20261123L * (round + 1);
        try {
          property.accept(model, new Random(seed));
        } catch (AssertionError | RuntimeException e) {
          throw new AssertionError("with seed " + seed, e);
        }
        assertEquals(8, model.states().freeSlots(), "slots came back");
      }
    }
  }

  /** Lengths around the borders of windows (5, 8, 24) and blocks (64), and others. */
  private static int length(Random random) {
    int[] borders = {1, 4, 5, 6, 8, 9, 23, 24, 25, 63, 64, 65, 127, 128, 129};
    return random.nextInt(3) == 0
        ? 1 + random.nextInt(200)
        : borders[random.nextInt(borders.length)];
  }

  @ParameterizedTest
  @MethodSource("models")
  void aPromptInChunksIsThePromptAtOnce(Path directory) {
    everyRound(
        directory,
        (model, random) -> {
          int[] ids = tokens(random, model, length(random));
          List<float[]> want;
          try (SequenceState sequence = model.states().acquire()) {
            want = feedAll(model, sequence, ids, 512);
          }
          for (int chunk : new int[] {1, 3, 1 + random.nextInt(70)}) {
            try (SequenceState sequence = model.states().acquire()) {
              List<float[]> got = feedAll(model, sequence, ids, chunk);
              for (int i = 0; i < ids.length; i++) {
                assertSame("token %d in chunks of %d".formatted(i, chunk), want.get(i), got.get(i));
              }
            }
          }
        });
  }

  @ParameterizedTest
  @MethodSource("models")
  void skippingTheCrossDecoderChangesNothing(Path directory) {
    everyRound(
        directory,
        (model, random) -> {
          int[] ids = tokens(random, model, length(random));
          int[] more = tokens(random, model, 1 + random.nextInt(5));
          try (SequenceState all = model.states().acquire();
              SequenceState last = model.states().acquire();
              SequenceState none = model.states().acquire()) {
            List<float[]> rows = feedAll(model, all, ids, 512);
            assertSame("the last row", rows.get(ids.length - 1), feed(model, last, ids));
            model.forward(
                List.of(new Chunk(none, ids, Wanted.NONE)),
                (chunk, token, logits) -> {
                  throw new AssertionError("nobody asked for logits");
                });
            float[] want = feed(model, all, more);
            assertSame("after the last row alone", want, feed(model, last, more));
            assertSame("after no row", want, feed(model, none, more));
          }
        });
  }

  @ParameterizedTest
  @MethodSource("models")
  void aBatchIsItsSequencesAloneInAnyOrder(Path directory) {
    everyRound(
        directory,
        (model, random) -> {
          int count = 2 + random.nextInt(6);
          List<int[]> prompts = new ArrayList<>();
          for (int i = 0; i < count; i++) {
            int[] ids = tokens(random, model, Math.min(80, length(random)));
            prompts.add(ids);
          }
          List<Integer> order = new ArrayList<>();
          for (int i = 0; i < count; i++) {
            order.add(i);
          }
          for (int turn = 0; turn < 2; turn++) {
            List<SequenceState> sequences = new ArrayList<>();
            List<Chunk> prefill = new ArrayList<>();
            List<Chunk> decode = new ArrayList<>();
            for (int i : order) {
              SequenceState sequence = model.states().acquire();
              sequences.add(sequence);
              prefill.add(new Chunk(sequence, prompts.get(i), Wanted.LAST));
              decode.add(new Chunk(sequence, new int[] {prompts.get(i)[0]}, Wanted.LAST));
            }
            List<Row> rows = new ArrayList<>(); // compared later: a step cannot run within a step
            for (List<Chunk> step : List.of(prefill, decode)) {
              model.forward(
                  step,
                  (chunk, token, logits) -> {
                    int[] ids = prompts.get(order.get(chunk));
                    int[] seen = step == prefill ? ids : concat(ids, ids[0]);
                    rows.add(new Row(order.get(chunk), seen, logits.clone()));
                  });
            }
            sequences.forEach(SequenceState::close);
            for (Row row : rows) {
              String what = "sequence %d after %d tokens".formatted(row.sequence, row.seen.length);
              assertSame(what, cold(model, row.seen), row.logits);
            }
            Collections.shuffle(order, random);
          }
        });
  }

  @SuppressWarnings("ArrayRecordComponent")
  private record Row(int sequence, int[] seen, float[] logits) {}

  @ParameterizedTest
  @MethodSource("models")
  void aForkGoesOnLikeTheOriginalAndNeitherDisturbsTheOther(Path directory) {
    everyRound(
        directory,
        (model, random) -> {
          int[] past = tokens(random, model, length(random));
          int[] left = tokens(random, model, 1 + random.nextInt(70));
          int[] right = tokens(random, model, 1 + random.nextInt(70));
          try (SequenceState original = model.states().acquire()) {
            feed(model, original, past);
            try (SequenceState fork = model.states().fork(original)) {
              assertEquals(past.length, fork.length());
              float[] forkSays = null;
              float[] originalSays = null;
              int length = Math.max(left.length, right.length);
              for (int i = 0;
                  i < length;
                  i++) { // in turns, so that each could spoil the other's block
                if (i < left.length) {
                  originalSays = feed(model, original, left[i]);
                }
                if (i < right.length) {
                  forkSays = feed(model, fork, right[i]);
                }
              }
              assertSame("the original", cold(model, concat(past, left)), originalSays);
              assertSame("the fork", cold(model, concat(past, right)), forkSays);
            }
          }
        });
  }

  @ParameterizedTest
  @MethodSource("models")
  void aRestoredSnapshotGoesOnBitForBit(Path directory) {
    everyRound(
        directory,
        (model, random) -> {
          int[] past = tokens(random, model, length(random));
          int[] gone = tokens(random, model, 1 + random.nextInt(150));
          int[] next = tokens(random, model, 1 + random.nextInt(70));
          try (SequenceState unbroken = model.states().acquire();
              SequenceState sequence = model.states().acquire();
              SequenceState other = model.states().acquire()) {
            feed(model, unbroken, past);
            feed(model, sequence, past);
            try (StatePool.Snapshot snapshot = model.states().snapshot(sequence)) {
              assertEquals(past.length, snapshot.length());
              feed(model, sequence, gone);
              feed(model, other, gone);
              float[] want = feed(model, unbroken, next);
              assertSame("unbroken", cold(model, concat(past, next)), want);
              for (SequenceState target : List.of(sequence, other, sequence)) {
                model.states().restore(target, snapshot);
                assertEquals(past.length, target.length());
                assertArrayEquals(want, feed(model, target, next), "after the snapshot");
              }
            }
          }
        });
  }

  @ParameterizedTest
  @MethodSource("models")
  void exportedStateGoesOnBitForBit(Path directory) {
    everyRound(
        directory,
        (model, random) -> {
          int[] past = tokens(random, model, length(random));
          int[] next = tokens(random, model, 1 + random.nextInt(70));
          try (SequenceState original = model.states().acquire();
              SequenceState copy = model.states().acquire()) {
            feed(model, original, past);
            StateTensors.restore(model, copy, past.length, StateTensors.export(model, original));
            assertArrayEquals(
                feed(model, original, next), feed(model, copy, next), "after the export");
          }
        });
  }

  @ParameterizedTest
  @MethodSource("models")
  void aSlotUsedBeforeLeavesNoTrace(Path directory) {
    everyRound(
        directory,
        (model, random) -> {
          int[] ids = tokens(random, model, length(random));
          float[] want = cold(model, ids);
          List<SequenceState> dirty = new ArrayList<>();
          for (int i = 0; i < 8; i++) {
            SequenceState sequence = model.states().acquire();
            feed(model, sequence, tokens(random, model, length(random)));
            dirty.add(sequence);
          }
          SequenceState cleared = dirty.get(0);
          model.states().clear(cleared);
          assertArrayEquals(want, feed(model, cleared, ids), "after clear");
          dirty.forEach(SequenceState::close);
          assertArrayEquals(want, cold(model, ids), "after close");
          assertArrayEquals(want, cold(model, Arrays.copyOf(ids, ids.length)), "once more");
        });
  }
}
