package io.sambay4j.examples;

import io.sambay4j.Generation;
import io.sambay4j.GenerationRequest;
import io.sambay4j.TextModel;
import io.sambay4j.TokenStream;
import io.sambay4j.sampling.SamplingParameters;
import java.nio.file.Path;

/** Show tokens as they come, then what they cost. */
public final class StreamingExample {
  private StreamingExample() {}

  public static void main(String[] args) {
    GenerationRequest request =
        GenerationRequest.user("What is 81-19?")
            .sampling(SamplingParameters.builder().temperature(0.6).topP(0.95).seed(7).build())
            .maxTokens(200)
            .build();
    try (TextModel model = TextModel.open(Path.of(args[0]));
        TokenStream tokens = model.stream(request)) {
      tokens.text().forEach(System.out::print);
      System.out.println();

      Generation whole = tokens.result();
      System.out.printf(
          "%s after %d tokens, %.0f tokens a second%n",
          whole.finishReason(),
          whole.usage().generatedTokens(),
          whole.usage().generatedTokensPerSecond());
    }
  }
}
