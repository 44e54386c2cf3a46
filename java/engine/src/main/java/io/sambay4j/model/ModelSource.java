package io.sambay4j.model;

import io.sambay4j.json.JsonFields;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.GenerationConfig;
import io.sambay4j.weights.Gguf;
import io.sambay4j.weights.GgufMetadata;
import io.sambay4j.weights.ModelDirectory;
import io.sambay4j.weights.TokenizerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * Where a model comes from: a directory as published on Hugging Face, or a GGUF file. It has been
 * read but for the weights and the tokenizer.
 */
public final class ModelSource {
  private final ModelDirectory directory; // the folder of a GGUF file
  private final Optional<GgufFile> gguf;
  private final ModelConfig config;
  private final Optional<JsonFields> tokenizerFields;
  private final TokenizerConfig tokenizerConfig;
  private final GenerationConfig generationConfig;

  /** A GGUF file that was opened, read and closed again. */
  private record GgufFile(Path path, int version, GgufMetadata metadata) {}

  private ModelSource(
      ModelDirectory directory,
      Optional<GgufFile> gguf,
      ModelConfig config,
      Optional<JsonFields> tokenizerFields,
      TokenizerConfig tokenizerConfig,
      GenerationConfig generationConfig) {
    this.directory = directory;
    this.gguf = gguf;
    this.config = config;
    this.tokenizerFields = tokenizerFields;
    this.tokenizerConfig = tokenizerConfig;
    this.generationConfig = generationConfig;
  }

  /**
   * Reads what is small: configuration and settings, or the header of a file whose name ends in
   * {@code .gguf}.
   *
   * @throws io.sambay4j.InvalidModelException if it is not a model this engine can run
   */
  public static ModelSource open(Path path) {
    boolean isGguf =
        String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT).endsWith(Gguf.SUFFIX)
            && !Files.isDirectory(path);
    return isGguf ? openGguf(path) : openDirectory(ModelDirectory.open(path));
  }

  private static ModelSource openDirectory(ModelDirectory directory) {
    ModelConfig config = ModelConfig.read(directory.file(ModelConfig.FILE));
    Optional<JsonFields> fields = TokenizerConfig.fields(directory);
    return new ModelSource(
        directory,
        Optional.empty(),
        config,
        fields,
        TokenizerConfig.of(fields, directory),
        GenerationConfig.read(directory));
  }

  private static ModelSource openGguf(Path path) {
    try (Gguf file = Gguf.open(path)) {
      ModelConfig config = GgufModel.config(file);
      Path folder = path.toAbsolutePath().getParent();
      return new ModelSource(
          ModelDirectory.open(folder == null ? path.toAbsolutePath() : folder),
          Optional.of(new GgufFile(path, file.version(), file.metadata())),
          config,
          Optional.empty(),
          TokenizerConfig.of(file.metadata()),
          GenerationConfig.EMPTY);
    }
  }

  /** The model directory, or the folder that the GGUF file lies in. */
  public ModelDirectory directory() {
    return directory;
  }

  /** The directory or the file, for messages. */
  public Path path() {
    return gguf.map(GgufFile::path).orElse(directory.path());
  }

  /** What the model is. */
  public ModelConfig config() {
    return config;
  }

  /** Settings of the text side. */
  public TokenizerConfig tokenizerConfig() {
    return tokenizerConfig;
  }

  /**
   * What the directory's tokenizer_config.json says; empty where it has none, and for a GGUF file.
   */
  public Optional<JsonFields> tokenizerFields() {
    return tokenizerFields;
  }

  /** What the publisher recommends; nothing where a GGUF file does not say. */
  public GenerationConfig generationConfig() {
    return generationConfig;
  }

  /** The settings of a GGUF file, vocabulary included; empty for a directory. */
  public Optional<GgufMetadata> ggufMetadata() {
    return gguf.map(GgufFile::metadata);
  }

  /** The kind of source for people: "directory", or "gguf" with its version. */
  public String format() {
    return gguf.map(file -> "gguf, version " + file.version()).orElse("directory");
  }

  /**
   * Opens the weights, to be closed by the caller.
   *
   * @throws io.sambay4j.InvalidModelException if they are missing or damaged
   */
  public Checkpoint openCheckpoint() {
    return gguf.map(file -> GgufModel.checkpoint(Gguf.open(file.path)))
        .orElseGet(() -> Checkpoint.open(directory));
  }
}
