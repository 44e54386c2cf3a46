package io.sambay4j.bench.quantization;

import io.sambay4j.backend.Tensor;
import io.sambay4j.model.Chunk;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;

/** A model reads a text of known tokens, chunk by chunk, and shows what it computes on the way. */
final class ReadText {
  private static final int PROGRESS = 1024;

  /** Told of some positions, in order. */
  interface Visitor {
    /**
     * What a model computes at a position.
     *
     * @param logits [vocabulary]; valid during the call
     * @param memory [inner] of the last Mamba layer before its gate; empty in models without
     * @param hidden [hidden] after the last layer
     */
    void at(int position, float[] logits, float[] memory, float[] hidden) throws IOException;
  }

  private ReadText() {}

  /** Reads the text and visits every {@code every}-th position, the first included. */
  static void read(SambayModel model, int[] text, int every, Visitor visitor) throws IOException {
    Rows rows = new Rows(model);
    long began = System.nanoTime();
    try (SequenceState sequence = model.states().acquire()) {
      for (int first = 0; first < text.length; first += model.maxStepTokens()) {
        int start = first;
        int end = Math.min(text.length, first + model.maxStepTokens());
        model.forward(
            List.of(new Chunk(sequence, Arrays.copyOfRange(text, first, end), Wanted.ALL)),
            (chunk, token, logits) -> {
              if ((start + token) % every == 0) {
                try {
                  visitor.at(
                      start + token, logits, row(rows.memory, token), row(rows.hidden, token));
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              }
            },
            rows);
        if (end / PROGRESS > first / PROGRESS) {
          double rate = end / ((System.nanoTime() - began) / 1e9);
          System.err.printf("%d of %d positions, %.0f a second%n", end, text.length, rate);
        }
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static float[] row(float[][] rows, int token) {
    return rows.length == 0 ? new float[0] : rows[token];
  }

  /** The activations of the chunk that is being read. */
  private static final class Rows implements SambayModel.Tap {
    private final SambayModel model;
    private float[][] memory = {};
    private float[][] hidden = {};

    Rows(SambayModel model) {
      this.model = model;
    }

    @Override
    public void hidden(int index, Tensor h) {
      if (index == model.config().layers().size()) {
        hidden = split(h);
      }
    }

    @Override
    public void memory(Tensor tensor) {
      memory = split(tensor);
    }

    private float[][] split(Tensor tensor) {
      float[] all = RunnableModel.floats(model, tensor);
      float[][] split = new float[tensor.rows()][];
      for (int i = 0; i < split.length; i++) {
        split[i] = Arrays.copyOfRange(all, i * tensor.cols(), (i + 1) * tensor.cols());
      }
      return split;
    }
  }
}
