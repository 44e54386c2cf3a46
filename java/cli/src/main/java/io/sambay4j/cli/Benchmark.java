package io.sambay4j.cli;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Times a model on random token ids. */
final class Benchmark {
  private static final String PROMPT = "pp";
  private static final String GENERATION = "tg";

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
   * @param tokens of each sequence
   * @param batch sequences
   * @param tokensPerStep rows of a step, all sequences together
   * @param rates tokens a second of all sequences, one for each repetition
   */
  record Result(String kind, int tokens, int batch, int tokensPerStep, List<Double> rates) {
    String name() {
      return kind + tokens;
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

  /** Reads prompts of so many tokens, with the logits of the last only. */
  Result prompt(int tokens, int batch) {
    return time(PROMPT, tokens, batch, Math.min(model.maxStepTokens() / batch, tokens));
  }

  /** Generates so many tokens, with logits at each; which tokens does not matter to the time. */
  Result generation(int tokens, int batch) {
    return time(GENERATION, tokens, batch, 1);
  }

  private Result time(String kind, int tokens, int batch, int chunk) {
    List<Double> rates = new ArrayList<>();
    boolean everyLogit = kind.equals(GENERATION);
    for (int run = 0; run <= repetitions; run++) {
      List<SequenceState> sequences = new ArrayList<>();
      try {
        for (int s = 0; s < batch; s++) {
          SequenceState sequence = model.states().acquire();
          sequence.useRopeFactors(model.config().ropeFactors(tokens));
          sequences.add(sequence);
        }
        long start = System.nanoTime();
        for (int done = 0; done < tokens; done += chunk) {
          int n = Math.min(chunk, tokens - done);
          boolean wanted = everyLogit || done + n == tokens;
          step(sequences, n, wanted ? Wanted.LAST : Wanted.NONE);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        if (run > 0) { // the first warms up
          rates.add((double) tokens * batch / seconds);
        }
      } finally {
        sequences.forEach(SequenceState::close);
      }
    }
    return new Result(kind, tokens, batch, chunk * batch, rates);
  }

  private void step(List<SequenceState> sequences, int tokens, Wanted wanted) {
    List<Chunk> chunks = new ArrayList<>();
    for (SequenceState sequence : sequences) {
      int[] ids = random.ints(tokens, 0, model.config().vocabSize()).toArray();
      chunks.add(new Chunk(sequence, ids, wanted));
    }
    model.forward(chunks, (chunk, token, logits) -> {});
  }
}
