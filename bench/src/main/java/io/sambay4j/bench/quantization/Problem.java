package io.sambay4j.bench.quantization;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * A problem of the model in the box.
 *
 * @param kind of which many are counted together
 * @param answer what must follow "Answer: "
 * @param text a right answer with its working
 */
record Problem(String kind, String question, String answer, String text) {
  private static final List<String> NAMES =
      List.of(
          "Ann", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivan", "June", "Kai", "Lena",
          "Milo", "Nora", "Omar", "Pia", "Quin", "Rosa", "Sam", "Tara", "Uma", "Vic", "Wes", "Xena",
          "Yuri", "Zoe");
  private static final long SEED = 11;

  /**
   * All kinds: word problems and sums from the model's held-out file, and phone books made here,
   * short and long. The model answers the first two kinds perfectly and has learnt the last one
   * badly.
   *
   * @param most problems of a kind
   */
  static List<Problem> all(Path model, int most) throws IOException {
    List<Problem> all = heldOut(model, most);
    all.addAll(phoneBooks("phone book, 2 or 3 names", 2, 3, most));
    all.addAll(phoneBooks("phone book, 4 to 8 names", 4, 8, most));
    return all;
  }

  private static List<Problem> heldOut(Path model, int most) throws IOException {
    ObjectMapper json = new ObjectMapper();
    Map<String, Integer> counts = new LinkedHashMap<>();
    List<Problem> problems = new ArrayList<>();
    try (Stream<String> lines = Files.lines(model.resolve("heldout.jsonl"))) {
      for (String line : lines.toList()) {
        JsonNode node = json.readTree(line);
        String kind = node.get("kind").asText();
        if (!kind.equals("phonebook") && counts.merge(kind, 1, Integer::sum) <= most) {
          problems.add(
              new Problem(
                  kind.replace('_', ' '),
                  node.get("question").asText(),
                  node.get("answer").asText(),
                  node.get("greedy").asText()));
        }
      }
    }
    return problems;
  }

  /** Questions for one of several numbers, the same ones every time. */
  static List<Problem> phoneBooks(String kind, int fewest, int most, int count) {
    SplittableRandom random = new SplittableRandom(SEED + most);
    List<Problem> problems = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int entries = random.nextInt(fewest, most + 1);
      Set<String> names = new LinkedHashSet<>();
      while (names.size() < entries) {
        names.add(NAMES.get(random.nextInt(NAMES.size())));
      }
      int asked = random.nextInt(entries);
      StringBuilder book = new StringBuilder();
      String who = "";
      String answer = "";
      int at = 0;
      for (String name : names) {
        String number = String.valueOf(random.nextInt(1000, 10_000));
        book.append(name).append(": ").append(number).append(". ");
        if (at++ == asked) {
          who = name;
          answer = number;
        }
      }
      problems.add(
          new Problem(
              kind,
              book + "What is the number of " + who + "?",
              answer,
              "%s: %s. Answer: %s".formatted(who, answer, answer)));
    }
    return problems;
  }
}
