package io.sambay4j;

import io.sambay4j.backend.DType;
import io.sambay4j.backend.NativeLibrary;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/** The model in the box, as the tests of the API use it. */
final class TinyModel {
  static final Path DIRECTORY =
      Path.of(System.getProperty("sambay.root", "."), "models", "tiny-reasoner");

  static final List<String> QUESTIONS =
      List.of(
          "What is 17+25?",
          "What is 5+6?",
          "What is 81-19?",
          "What is 12*4?",
          "What is 9+90?",
          "What is 33+44?");

  /** Rounds of a property: fewer on the reference backend, which is a hundred times slower. */
  static final int ROUNDS = NativeLibrary.isAvailable() ? 8 : 1;

  private TinyModel() {}

  /** With f32 activations: neighbours and chunks change nothing, not by a bit. */
  static TextModel.Builder builder() {
    return TextModel.builder(DIRECTORY).activations(DType.F32);
  }

  static TextModel open(int sequences) {
    return builder().sequences(sequences).open();
  }

  /** Ordinary tokens at random. */
  static int[] tokens(Random random, int count) {
    return random.ints(count, 0, 440).toArray();
  }

  /** A request that goes on until its last token. */
  static GenerationRequest.Builder endless(int maxTokens, int... prompt) {
    return GenerationRequest.tokens(prompt).ignoreEndTokens(true).maxTokens(maxTokens);
  }

  static String joined(Generation generation) {
    StringBuilder text = new StringBuilder();
    generation.tokens().forEach(token -> text.append(token.text()));
    return text.toString();
  }
}
