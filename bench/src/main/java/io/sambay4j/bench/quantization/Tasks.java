package io.sambay4j.bench.quantization;

import io.sambay4j.GenerationListener;
import io.sambay4j.GenerationRequest;
import io.sambay4j.RunningGeneration;
import io.sambay4j.TextModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Problems answered greedily, beside the answers of the model as stored. */
final class Tasks {
  private static final int MAX_TOKENS = 200;
  private static final int SEQUENCES = 32;

  private final List<Problem> problems;
  private final List<String> stored; // what the weights as stored answer

  /**
   * How a model did on the problems of one kind.
   *
   * @param lost right as stored and wrong here
   * @param won wrong as stored and right here
   */
  record Result(Share right, int lost, int won, Share sameText) {}

  Tasks(Path model, List<Problem> problems) {
    this.problems = problems;
    this.stored = answers(model, Variant.STORED);
  }

  /** Results by kind. */
  Map<String, Result> run(Path directory, Variant variant) {
    List<String> texts = answers(directory, variant);
    Map<String, int[]> counts = new LinkedHashMap<>(); // all, right, lost, won, same text
    for (int i = 0; i < texts.size(); i++) {
      Problem problem = problems.get(i);
      boolean right = texts.get(i).endsWith("Answer: " + problem.answer());
      boolean wasRight = stored.get(i).endsWith("Answer: " + problem.answer());
      int[] count = counts.computeIfAbsent(problem.kind(), kind -> new int[5]);
      count[0]++;
      count[1] += right ? 1 : 0;
      count[2] += wasRight && !right ? 1 : 0;
      count[3] += right && !wasRight ? 1 : 0;
      count[4] += texts.get(i).equals(stored.get(i)) ? 1 : 0;
    }
    Map<String, Result> results = new LinkedHashMap<>();
    counts.forEach(
        (kind, n) ->
            results.put(
                kind, new Result(new Share(n[1], n[0]), n[2], n[3], new Share(n[4], n[0]))));
    return results;
  }

  private List<String> answers(Path directory, Variant variant) {
    List<String> texts = new ArrayList<>();
    try (TextModel model = variant.builder(directory).sequences(SEQUENCES).open()) {
      List<RunningGeneration> answers = new ArrayList<>();
      for (Problem problem : problems) {
        answers.add(
            model.start(
                GenerationRequest.user(problem.question()).maxTokens(MAX_TOKENS).build(),
                new GenerationListener() {}));
      }
      answers.forEach(answer -> texts.add(answer.result().text()));
    }
    return texts;
  }
}
