package io.sambay4j.bench.model;

import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.model.ModelWork;
import java.util.ArrayList;
import java.util.List;

/**
 * Long answers: many prompts, all read before the first token, then a token of each at every step
 * until all are done. A whole run takes an hour, so its time is put together from a prompt and from
 * steps at a few lengths, evenly spaced, between which a step's time is taken for a straight line.
 *
 * @param prompt tokens of a prompt
 * @param generated tokens of an answer
 * @param points lengths at which a step is measured, 2 or more
 */
record Workload(int prompt, int generated, int points) {
  Workload {
    if (prompt < 1 || points < 2 || generated < points - 1) {
      throw new IllegalArgumentException(
          "prompts of %d tokens, %d generated, %d lengths: expected 1 or more, 2 or more lengths and a token between them"
              .formatted(prompt, generated, points));
    }
  }

  /** The lengths: from the first token after the prompt to the last one. */
  List<Integer> contexts() {
    List<Integer> contexts = new ArrayList<>();
    for (int i = 0; i < points; i++) {
      contexts.add(prompt + (int) Math.round((double) generated * i / (points - 1)));
    }
    return contexts;
  }

  /** Tokens of a sequence at its end. */
  int longest() {
    return prompt + generated;
  }

  /**
   * A whole run.
   *
   * @param sequences in every step
   * @param promptSeconds of one prompt
   * @param stepSeconds of a step of all sequences, at each of {@link #contexts}
   */
  record Run(Workload workload, int sequences, double promptSeconds, List<Double> stepSeconds) {
    Run {
      if (stepSeconds.size() != workload.points()) {
        throw new IllegalArgumentException(
            "%d times of steps, expected %d".formatted(stepSeconds.size(), workload.points()));
      }
      stepSeconds = List.copyOf(stepSeconds);
    }

    double seconds() {
      List<Integer> at = workload.contexts();
      double seconds = sequences * promptSeconds;
      for (int i = 1; i < at.size(); i++) {
        seconds += (at.get(i) - at.get(i - 1)) * (stepSeconds.get(i - 1) + stepSeconds.get(i)) / 2;
      }
      return seconds;
    }

    /** Generated tokens a second, of all sequences. */
    double tokensPerSecond() {
      return (double) sequences * workload.generated() / seconds();
    }
  }

  /** What the run takes at least, by bytes and products alone. */
  Run predicted(ModelWork work, int sequences, int stepTokens, DeviceLimits limits) {
    List<Double> steps = new ArrayList<>();
    for (int context : contexts()) {
      steps.add(work.decode(sequences, context).floor(limits));
    }
    return new Run(this, sequences, work.prompt(1, 0, prompt, stepTokens).floor(limits), steps);
  }
}
