package io.sambay4j.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.NativeException;
import io.sambay4j.OutOfDeviceMemoryException;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.CardLike;
import io.sambay4j.backend.Graph;
import io.sambay4j.model.Chunk.Wanted;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Graphs on the reference backend, which runs the recorded operations once more. */
final class DecodeGraphTest extends DecodeGraphContract {
  @Override
  Backend backend() {
    return CardLike.open();
  }

  private static float[] decode(SambayModel model, SequenceState sequence, int id) {
    List<float[]> rows = new ArrayList<>();
    model.forward(
        List.of(new Chunk(sequence, new int[] {id}, Wanted.LAST)),
        (chunk, token, logits) -> rows.add(logits.clone()));
    return rows.get(0);
  }

  @Test
  void withoutMemoryForAGraphStepsRunAsBefore() {
    AtomicInteger attempts = new AtomicInteger();
    Backend full =
        CardLike.open(
            operations -> {
              attempts.incrementAndGet();
              throw new OutOfDeviceMemoryException(5, "no room for a graph");
            });
    try (SambayModel model = load(full, "flash-tiny-f32", 2);
        SequenceState sequence = model.states().acquire();
        SequenceState plain = model.states().acquire()) {
      for (int id = 1; id < 6; id++) {
        float[][] want = new float[1][];
        model.forward(
            List.of(new Chunk(plain, new int[] {id}, Wanted.LAST)),
            (chunk, token, logits) -> want[0] = logits.clone(),
            new SambayModel.Tap() {});
        assertArrayEquals(want[0], decode(model, sequence, id));
      }
      assertEquals(1, attempts.get(), "it is not tried again");
    }
  }

  @Test
  void aLaunchThatFailsTearsTheSequenceAndNotTheModel() {
    AtomicInteger launches = new AtomicInteger();
    Backend failing =
        CardLike.open(
            operations ->
                new Graph() {
                  @Override
                  public void launch() {
                    if (launches.incrementAndGet() == 2) {
                      throw new NativeException(6, "the card has stumbled");
                    }
                    operations.run();
                  }

                  @Override
                  public void close() {}
                });
    try (SambayModel model = load(failing, "flash-tiny-f32", 2)) {
      SequenceState sequence = model.states().acquire();
      decode(model, sequence, 1);
      float[] want = decode(model, sequence, 2);
      NativeException e = assertThrows(NativeException.class, () -> decode(model, sequence, 3));
      assertEquals("the card has stumbled", e.getMessage());
      assertTrue(sequence.isTorn());
      sequence.close();
      try (SequenceState again = model.states().acquire()) {
        decode(model, again, 1);
        assertArrayEquals(want, decode(model, again, 2));
      }
    }
  }
}
