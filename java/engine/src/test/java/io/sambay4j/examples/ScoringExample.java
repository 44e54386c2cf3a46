package io.sambay4j.examples;

import io.sambay4j.Score;
import io.sambay4j.TextModel;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/** How probable is a text, and which of some continuations fits best? */
public final class ScoringExample {
  private ScoringExample() {}

  public static void main(String[] args) {
    try (TextModel model = TextModel.open(Path.of(args[0]))) {
      String text = model.generate("What is 17+25?").text();
      Score whole = model.score(text);
      System.out.printf("perplexity %.2f of:%n%s%n", whole.perplexity(), text);

      String question = text.substring(0, text.indexOf("Answer"));
      List<String> choices = List.of("Answer: 42", "Answer: 97", "Question: 42");
      String best =
          choices.stream()
              .max(
                  Comparator.comparingDouble(
                      choice -> model.score(question, choice).logProbability()))
              .orElseThrow();
      System.out.println("best: " + best);
    }
  }
}
