package io.sambay4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.ArithmeticProblems.Problem;
import io.sambay4j.backend.NativeLibrary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** End to end: the model in the box does what its card says, through our engine. */
final class TinyReasonerTest {
  static final Path DIRECTORY =
      Path.of(System.getProperty("sambay.root", "."), "models", "tiny-reasoner");

  /** The reference backend answers a few problems in the time the native one answers all. */
  private static final int PROBLEMS = NativeLibrary.isAvailable() ? 1000 : 20;

  private static TextModel model;

  @BeforeAll
  static void open() {
    model = TextModel.builder(DIRECTORY).sequences(32).open();
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @Test
  void theHeldOutProblemsAsTheTrainingFrameworkAnsweredThem() throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<JsonNode> problems = new ArrayList<>();
    try (Stream<String> lines = Files.lines(DIRECTORY.resolve("heldout.jsonl"))) {
      for (String line : lines.toList()) {
        problems.add(json.readTree(line));
      }
    }
    int step = NativeLibrary.isAvailable() ? 1 : problems.size() / PROBLEMS;
    List<RunningGeneration> answers = new ArrayList<>();
    List<JsonNode> asked = new ArrayList<>();
    for (int i = 0; i < problems.size(); i += step) {
      asked.add(problems.get(i));
      answers.add(ask(problems.get(i).get("question").asText()));
    }
    for (int i = 0; i < asked.size(); i++) {
      Generation answer = answers.get(i).result();
      assertEquals(
          asked.get(i).get("greedy").asText(),
          answer.text(),
          asked.get(i).get("question").asText());
      assertEquals(FinishReason.STOP, answer.finishReason());
    }
    assertTrue(asked.size() >= PROBLEMS);
  }

  @Test
  void freshWordProblems() {
    ArithmeticProblems problems = new ArithmeticProblems(2026_11_23);
    assertAccuracy("word problems", problems::wordProblem);
  }

  @Test
  void freshBareSums() {
    ArithmeticProblems problems = new ArithmeticProblems(11_23_2026);
    assertAccuracy("bare sums", problems::bareSum);
  }

  /**
   * The card says 1000 of 1000; with that, more than 5 misses in 1000 have a chance below one in
   * ten thousand.
   */
  private static void assertAccuracy(String kind, Supplier<Problem> problems) {
    List<Problem> asked = new ArrayList<>();
    List<RunningGeneration> answers = new ArrayList<>();
    for (int i = 0; i < PROBLEMS; i++) {
      Problem problem = problems.get();
      asked.add(problem);
      answers.add(ask(problem.question()));
    }
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < PROBLEMS; i++) {
      String text = answers.get(i).result().text();
      if (!text.endsWith("Answer: " + asked.get(i).answer())) {
        wrong.add(asked.get(i) + " → " + text);
      }
    }
    assertTrue(
        wrong.size() * 1000 <= 5 * PROBLEMS, kind + ": " + wrong.size() + " wrong: " + wrong);
  }

  private static RunningGeneration ask(String question) {
    return model.start(
        GenerationRequest.user(question).maxTokens(200).build(), new GenerationListener() {});
  }
}
