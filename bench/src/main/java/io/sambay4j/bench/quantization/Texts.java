package io.sambay4j.bench.quantization;

import io.sambay4j.GenerationRequest;
import io.sambay4j.TextModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Right answers read token by token: how far each choice is from that of the model as stored. Tells
 * formats apart that answer the same.
 */
final class Texts {
  private final List<int[]> texts = new ArrayList<>();
  private final List<Integer> starts = new ArrayList<>(); // of the answer, by text
  private final List<float[][]> stored = new ArrayList<>(); // [answer tokens][vocabulary]

  /**
   * Means over the tokens of all answers.
   *
   * @param kl Kullback-Leibler divergence from the model as stored, nats
   * @param top1 share of tokens where both think the same one likeliest
   * @param logitError relative, of the logits
   * @param loss minus the log-probability of the right token, nats
   */
  record Result(double kl, double top1, double logitError, double loss) {}

  Texts(Path model, List<Problem> problems) {
    try (TextModel opened = Variant.STORED.builder(model).open()) {
      for (Problem problem : problems) {
        int[] prompt = opened.encode(GenerationRequest.user(problem.question()).build().prompt());
        int[] answer = opened.tokenizer().encode(problem.text());
        int[] text = Arrays.copyOf(prompt, prompt.length + answer.length);
        System.arraycopy(answer, 0, text, prompt.length, answer.length);
        texts.add(text);
        starts.add(prompt.length);
        stored.add(answerRows(opened, texts.size() - 1));
      }
    }
  }

  /** The logits that choose the tokens of an answer. */
  private float[][] answerRows(TextModel model, int index) {
    int[] text = texts.get(index);
    float[][] all = model.allLogits(Arrays.copyOf(text, text.length - 1));
    return Arrays.copyOfRange(all, starts.get(index) - 1, all.length);
  }

  Result run(Path directory, Variant variant) {
    double[] sums = new double[4];
    int tokens = 0;
    try (TextModel model = variant.builder(directory).open()) {
      for (int i = 0; i < texts.size(); i++) {
        float[][] want = stored.get(i);
        float[][] got = answerRows(model, i);
        for (int t = 0; t < want.length; t++) {
          sums[0] += Divergence.kullbackLeibler(want[t], got[t]);
          sums[1] += Divergence.best(want[t]) == Divergence.best(got[t]) ? 1 : 0;
          sums[2] += Divergence.relativeError(want[t], got[t]);
          sums[3] -= Divergence.logProbability(got[t], texts.get(i)[starts.get(i) + t]);
          tokens++;
        }
      }
    }
    return new Result(sums[0] / tokens, sums[1] / tokens, sums[2] / tokens, sums[3] / tokens);
  }
}
