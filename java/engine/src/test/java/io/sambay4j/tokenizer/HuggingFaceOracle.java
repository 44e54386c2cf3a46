package io.sambay4j.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The Hugging Face library, which decides what the ids of a text are. Needs no network; unpacks
 * itself below target.
 */
final class HuggingFaceOracle implements AutoCloseable {
  private final HuggingFaceTokenizer tokenizer;

  static {
    String cache = Path.of("target/djl-cache").toAbsolutePath().toString();
    System.setProperty("DJL_CACHE_DIR", cache);
    System.setProperty("ENGINE_CACHE_DIR", cache);
    System.setProperty("ai.djl.offline", "true");
    // It warns of GPUs that it cannot use.
    System.setProperty("org.slf4j.simpleLogger.log.ai.djl", "error");
    System.setProperty("OPT_OUT_TRACKING", "true");
  }

  HuggingFaceOracle(Path tokenizerJson) {
    try {
      tokenizer =
          HuggingFaceTokenizer.builder()
              .optTokenizerPath(tokenizerJson)
              .optAddSpecialTokens(false)
              .optTruncation(false)
              .optPadding(false)
              .build();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  int[] encode(String text) {
    return Arrays.stream(tokenizer.encode(text, false, false).getIds())
        .mapToInt(id -> (int) id)
        .toArray();
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
