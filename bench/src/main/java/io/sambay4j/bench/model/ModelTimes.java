package io.sambay4j.bench.model;

import io.sambay4j.backend.NativeBackend;
import io.sambay4j.model.Chunk;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.model.Draw;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Times steps and prompts of a model on random token ids, by the wall clock. */
public final class ModelTimes {
  private static final int WARM_UP = 4; // the first makes working memory, the second a graph
  private static final Draw GREEDY = new Draw(0, 0, 1, 0, 0);

  private final SambayModel model;
  private final SplittableRandom random = new SplittableRandom(1);

  /** Times of a model. */
  public ModelTimes(SambayModel model) {
    this.model = model;
  }

  /** Seconds of single decode steps: one token each of so many sequences of that length. */
  public double[] decode(int batch, int context, int steps) {
    List<SequenceState> sequences = new ArrayList<>();
    try {
      for (int s = 0; s < batch; s++) {
        SequenceState sequence = model.states().acquire();
        sequences.add(sequence);
        model.states().pretend(sequence, context);
      }
      double[] seconds = new double[steps];
      for (int step = -WARM_UP; step < steps; step++) {
        List<Chunk> chunks = new ArrayList<>();
        for (SequenceState sequence : sequences) {
          chunks.add(new Chunk(sequence, tokens(1), Wanted.LAST, GREEDY));
        }
        double took = seconds(chunks);
        if (step >= 0) {
          seconds[step] = took;
        }
      }
      return seconds;
    } finally {
      sequences.forEach(SequenceState::close);
    }
  }

  /** Seconds of whole prompts, from nothing to the last token's choice. */
  public double[] prefill(int tokens, int runs) {
    double[] seconds = new double[runs];
    for (int run = -1; run < runs; run++) {
      double took = prompt(tokens);
      if (run >= 0) {
        seconds[run] = took;
      }
    }
    return seconds;
  }

  /** Seconds of one prompt, without another before it. */
  public double prompt(int tokens) {
    try (SequenceState sequence = model.states().acquire()) {
      double sum = 0;
      for (int done = 0; done < tokens; ) {
        int n = Math.min(model.maxStepTokens(), tokens - done);
        done += n;
        sum +=
            seconds(
                List.of(
                    done == tokens
                        ? new Chunk(sequence, tokens(n), Wanted.LAST, GREEDY)
                        : new Chunk(sequence, tokens(n), Wanted.NONE)));
      }
      return sum;
    }
  }

  private double seconds(List<Chunk> chunks) {
    long start = System.nanoTime();
    model.forward(
        chunks,
        new SambayModel.LogitsSink() {
          @Override
          public void accept(int chunk, int token, float[] logits) {}

          @Override
          public void chosen(int chunk, int token, double logProbability) {}
        });
    if (model.backend() instanceof NativeBackend device) {
      device.synchronize(); // where nothing came back, nothing waited
    }
    return (System.nanoTime() - start) / 1e9;
  }

  private int[] tokens(int count) {
    return random.ints(count, 0, model.config().vocabSize()).toArray();
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
}
