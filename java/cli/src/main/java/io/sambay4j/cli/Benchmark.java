package io.sambay4j.cli;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.model.Draw;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Times a model on random token ids. */
final class Benchmark {
  private static final String PROMPT = "pp";
  private static final String GENERATION = "tg";
  private static final int WARM_UP_PROMPT = 1024;
  private static final int WARM_UP_TOKENS = 8;
  private static final Draw GREEDY = new Draw(0, 0, 1, 0, 0);

  private final SambayModel model;
  private final int repetitions;
  private final SplittableRandom random;

  Benchmark(SambayModel model, int repetitions, long seed) {
    this.model = model;
    this.repetitions = repetitions;
    this.random = new SplittableRandom(seed);
  }

  /**
   * What one length and batch came to.
   *
   * @param kind "pp" for reading prompts, "tg" for generating tokens
   * @param depth tokens that each sequence had behind it
   * @param tokens of each sequence, after those
   * @param batch sequences
   * @param tokensPerStep rows of a step, all sequences together
   * @param rates tokens a second of all sequences, one for each repetition
   */
  record Result(
      String kind, int depth, int tokens, int batch, int tokensPerStep, List<Double> rates) {
    String name() {
      return kind + tokens + (depth == 0 ? "" : " @ d" + depth);
    }

    boolean generates() {
      return kind.equals(GENERATION);
    }

    double mean() {
      return rates.stream().mapToDouble(rate -> rate).average().orElseThrow();
    }

    /** Of the sample; 0 for a single run. */
    double deviation() {
      double mean = mean();
      double squares = rates.stream().mapToDouble(rate -> (rate - mean) * (rate - mean)).sum();
      return rates.size() == 1 ? 0 : Math.sqrt(squares / (rates.size() - 1));
    }
  }

  /**
   * Reads prompts of so many tokens, with the choice after the last only.
   *
   * @param depth tokens before them: declared, not read, which leaves zeros in the caches and takes
   *     as long
   */
  Result prompt(int depth, int tokens, int batch) {
    int chunk = Math.min(model.maxStepTokens() / batch, tokens);
    return time(PROMPT, depth, tokens, batch, chunk, WARM_UP_PROMPT);
  }

  /** Generates so many tokens; which does not matter to the time. */
  Result generation(int depth, int tokens, int batch) {
    return time(GENERATION, depth, tokens, batch, 1, WARM_UP_TOKENS);
  }

  private Result time(String kind, int depth, int tokens, int batch, int chunk, int warmUp) {
    run(kind, depth, Math.min(tokens, warmUp), batch, Math.min(chunk, warmUp));
    List<Double> rates = new ArrayList<>();
    for (int run = 0; run < repetitions; run++) {
      rates.add((double) tokens * batch / run(kind, depth, tokens, batch, chunk));
    }
    return new Result(kind, depth, tokens, batch, chunk * batch, rates);
  }

  /** Seconds. */
  private double run(String kind, int depth, int tokens, int batch, int chunk) {
    boolean everyToken = kind.equals(GENERATION);
    List<SequenceState> sequences = new ArrayList<>();
    try {
      for (int s = 0; s < batch; s++) {
        SequenceState sequence = model.states().acquire();
        sequences.add(sequence);
        if (depth > 0) {
          model.states().pretend(sequence, depth);
        } else {
          sequence.useRopeFactors(model.config().ropeFactors(tokens));
        }
      }
      long start = System.nanoTime();
      for (int done = 0; done < tokens; done += chunk) {
        int n = Math.min(chunk, tokens - done);
        step(sequences, n, everyToken || done + n == tokens);
      }
      return (System.nanoTime() - start) / 1e9;
    } finally {
      sequences.forEach(SequenceState::close);
    }
  }

  private void step(List<SequenceState> sequences, int tokens, boolean choose) {
    List<Chunk> chunks = new ArrayList<>();
    for (SequenceState sequence : sequences) {
      int[] ids = random.ints(tokens, 0, model.config().vocabSize()).toArray();
      chunks.add(
          choose
              ? new Chunk(sequence, ids, Wanted.LAST, GREEDY)
              : new Chunk(sequence, ids, Wanted.NONE));
    }
    model.forward(chunks, IGNORED);
  }

  private static final SambayModel.LogitsSink IGNORED =
      new SambayModel.LogitsSink() {
        @Override
        public void accept(int chunk, int token, float[] logits) {}

        @Override
        public void chosen(int chunk, int token, double logProbability) {}
      };
}
