package io.sambay4j.examples;

import io.sambay4j.GenerationListener;
import io.sambay4j.GenerationRequest;
import io.sambay4j.RunningGeneration;
import io.sambay4j.TextModel;
import java.nio.file.Path;
import java.util.List;

/** Many prompts at once: what runs at the same time shares the model's steps. */
public final class BatchExample {
  private BatchExample() {}

  public static void main(String[] args) {
    List<String> questions = List.of("What is 17+25?", "What is 81-19?", "What is 33+44?");
    try (TextModel model = TextModel.builder(Path.of(args[0])).sequences(questions.size()).open()) {
      List<RunningGeneration> running =
          questions.stream()
              .map(
                  question ->
                      model.start(
                          GenerationRequest.user(question).maxTokens(200).build(),
                          new GenerationListener() {}))
              .toList();
      for (RunningGeneration generation : running) {
        System.out.println(generation.result().text());
      }
    }
  }
}
