package io.sambay4j.bench.quantization;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.GenerationListener;
import io.sambay4j.GenerationRequest;
import io.sambay4j.RunningGeneration;
import io.sambay4j.TextModel;
import io.sambay4j.model.WeightFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The held-out problems of the model in the box, answered greedily. */
final class Tasks {
  private static final int MAX_TOKENS = 200;
  private static final int SEQUENCES = 32;

  private record Problem(String kind, String question, String answer, String greedy) {}

  /** How a model did on the problems of one kind. */
  record Result(Share right, Share sameText) {}

  private final List<Problem> problems = new ArrayList<>();

  /**
   * @param most problems of each kind
   */
  Tasks(Path model, int most) throws IOException {
    ObjectMapper json = new ObjectMapper();
    Map<String, Integer> counts = new LinkedHashMap<>();
    try (Stream<String> lines = Files.lines(model.resolve("heldout.jsonl"))) {
      for (String line : lines.toList()) {
        JsonNode problem = json.readTree(line);
        String kind = problem.get("kind").asText();
        if (counts.merge(kind, 1, Integer::sum) <= most) {
          problems.add(
              new Problem(
                  kind,
                  problem.get("question").asText(),
                  problem.get("answer").asText(),
                  problem.get("greedy").asText()));
        }
      }
    }
  }

  /** Results by kind, in the order of the file. */
  Map<String, Result> run(Path directory, @Nullable WeightFormat format) {
    TextModel.Builder builder = TextModel.builder(directory).sequences(SEQUENCES);
    if (format != null) {
      builder.weights(format);
    }
    Map<String, int[]> counts = new LinkedHashMap<>(); // right, same text, all
    try (TextModel model = builder.open()) {
      List<RunningGeneration> answers = new ArrayList<>();
      for (Problem problem : problems) {
        answers.add(
            model.start(
                GenerationRequest.user(problem.question).maxTokens(MAX_TOKENS).build(),
                new GenerationListener() {}));
      }
      for (int i = 0; i < answers.size(); i++) {
        Problem problem = problems.get(i);
        String text = answers.get(i).result().text();
        int[] count = counts.computeIfAbsent(problem.kind, kind -> new int[3]);
        count[0] += text.endsWith("Answer: " + problem.answer) ? 1 : 0;
        count[1] += text.equals(problem.greedy) ? 1 : 0;
        count[2]++;
      }
    }
    Map<String, Result> results = new LinkedHashMap<>();
    counts.forEach(
        (kind, count) ->
            results.put(
                kind, new Result(new Share(count[0], count[2]), new Share(count[1], count[2]))));
    return results;
  }
}
