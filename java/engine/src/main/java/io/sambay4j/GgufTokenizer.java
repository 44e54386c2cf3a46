package io.sambay4j;

import io.sambay4j.tokenizer.TokenLists;
import io.sambay4j.tokenizer.Tokenizer;
import io.sambay4j.weights.GgufMetadata;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The tokenizer inside a GGUF file. */
final class GgufTokenizer {
  private static final Logger log = LoggerFactory.getLogger(GgufTokenizer.class);

  private GgufTokenizer() {}

  /**
   * The tokenizer, or null where the file has none, or one of another kind than is read here.
   *
   * @throws InvalidModelException if its lists contradict each other
   */
  static @Nullable Tokenizer read(Path file, GgufMetadata metadata) {
    List<String> tokens = metadata.optionalStrings("tokenizer.ggml.tokens");
    if (tokens == null) {
      return null;
    }
    String model = metadata.string("tokenizer.ggml.model");
    String preTokenizer = metadata.optionalString("tokenizer.ggml.pre");
    if (!model.equals("gpt2")
        || preTokenizer == null
        || !TokenLists.PRE_TOKENIZERS.contains(preTokenizer)) {
      log.warn(
          "{}: its tokenizer, {} with pre-tokenizer {}, is not read; a tokenizer.json beside the file is used instead",
          file,
          model,
          preTokenizer);
      return null;
    }
    List<String> merges = metadata.optionalStrings("tokenizer.ggml.merges");
    long[] kinds = metadata.optionalIntegers("tokenizer.ggml.token_type");
    if (merges == null || kinds == null) {
      throw metadata.invalid(
          merges == null ? "tokenizer.ggml.merges" : "tokenizer.ggml.token_type", "a list");
    }
    return Tokenizer.of(new TokenLists(file.toString(), tokens, kinds, merges, preTokenizer));
  }

  /**
   * The ids of end tokens that GGUF files leave out: Phi-4-mini ends its turns with {@code <|end|>}
   * and its texts with {@code <|endoftext|>}.
   */
  static List<Integer> endTokens(Tokenizer tokenizer, List<Integer> named) {
    Set<Integer> ids = new LinkedHashSet<>(named);
    for (String token : List.of("<|end|>", "<|endoftext|>")) {
      tokenizer.id(token).ifPresent(ids::add);
    }
    return List.copyOf(ids);
  }
}
