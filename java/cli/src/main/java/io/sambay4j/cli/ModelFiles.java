package io.sambay4j.cli;

import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelSource;
import io.sambay4j.weights.TokenizerConfig;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What the small files of a model say, or its GGUF header, read before any weight is. */
record ModelFiles(ModelSource source, ModelConfig config, TokenizerConfig tokenizer) {
  /**
   * The shared cache is handed out in blocks: this much more than the tokens always suffices for a
   * sequence.
   */
  static final int CACHE_ROUNDING = 64;

  static ModelFiles read(Path path) {
    ModelSource source = ModelSource.open(path);
    return new ModelFiles(source, source.config(), source.tokenizerConfig());
  }

  /** Tokens a sequence may have: what was asked for, or what the files say. */
  int contextLimit(@Nullable Integer asked) {
    return asked != null ? asked : tokenizer.contextLimit(config.maxPositions());
  }

  /** Where {@link #contextLimit} comes from, for people. */
  String contextSource(@Nullable Integer asked) {
    if (asked != null) {
      return "--context";
    }
    Integer length = tokenizer.modelMaxLength();
    if (length != null && length <= config.maxPositions()) {
      return "model_max_length of " + TokenizerConfig.FILE;
    }
    return source.ggufMetadata().isPresent()
        ? "context_length of the file"
        : "max_position_embeddings of " + ModelConfig.FILE;
  }

  /**
   * Refuses ids outside the vocabulary.
   *
   * @throws IllegalArgumentException naming the first
   */
  void checkIds(int[] ids) {
    for (int id : ids) {
      if (id < 0 || id >= config.vocabSize()) {
        throw new IllegalArgumentException(
            "token id %d is outside the vocabulary, 0 to %d".formatted(id, config.vocabSize() - 1));
      }
    }
  }
}
