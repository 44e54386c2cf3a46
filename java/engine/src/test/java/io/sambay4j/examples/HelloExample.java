package io.sambay4j.examples;

import io.sambay4j.TextModel;
import java.nio.file.Path;

/** Open a model, ask, print. */
public final class HelloExample {
  private HelloExample() {}

  public static void main(String[] args) {
    try (TextModel model = TextModel.open(Path.of(args[0]))) {
      System.out.println(model.generate("What is 17+25?").text());
    }
  }
}
