package io.sambay4j.examples;

import io.sambay4j.Generation;
import io.sambay4j.GenerationRequest;
import io.sambay4j.TextModel;
import io.sambay4j.sampling.LogitsProcessor;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A hook that allows only digits, so that the answer is a number, and one that ends it after the
 * third.
 */
public final class HooksExample {
  private HooksExample() {}

  public static void main(String[] args) {
    try (TextModel model = TextModel.open(Path.of(args[0]))) {
      int[] digits = model.tokenizer().encode("0123456789");
      LogitsProcessor onlyDigits =
          (history, logits) -> {
            float[] before = logits.clone();
            Arrays.fill(logits, Float.NEGATIVE_INFINITY);
            for (int id : digits) {
              logits[id] = before[id];
            }
          };
      Generation number =
          model.generate(
              GenerationRequest.user("What is 500+55?")
                  .logitsProcessors(onlyDigits)
                  .stopWhen(tokens -> tokens.size() == 3)
                  .build());
      System.out.println("a number: " + number.text());

      Generation untilAnswer =
          model.generate(GenerationRequest.user("What is 17+25?").stop("Answer").build());
      System.out.println("the steps alone: " + untilAnswer.text());
    }
  }
}
