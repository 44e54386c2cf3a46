package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.JsonFields;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * {@code generation_config.json}: what the publisher of a model recommends for sampling. Null means
 * that the file does not say. Ranges are those that sampling takes: what a model recommends can be
 * followed, or the model is refused when it is opened.
 *
 * @param eosTokenIds tokens that end an answer; empty if not given
 * @param doSample false recommends greedy decoding
 * @param temperature 0 to 2
 * @param topK 0 to 1048576, 0 for off
 * @param topP over 0, up to 1
 * @param minP 0 to 1
 * @param repetitionPenalty 0.01 to 10
 * @param maxNewTokens at least 1
 */
public record GenerationConfig(
    List<Integer> eosTokenIds,
    @Nullable Integer bosTokenId,
    @Nullable Boolean doSample,
    @Nullable Double temperature,
    @Nullable Integer topK,
    @Nullable Double topP,
    @Nullable Double minP,
    @Nullable Double repetitionPenalty,
    @Nullable Integer maxNewTokens) {
  /** The name of the file. */
  public static final String FILE = "generation_config.json";

  /** What a directory without the file recommends: nothing. */
  public static final GenerationConfig EMPTY =
      new GenerationConfig(List.of(), null, null, null, null, null, null, null, null);

  private static final int MAX_BYTES = 1 << 20;

  public GenerationConfig {
    eosTokenIds = List.copyOf(eosTokenIds);
  }

  /** The recommendations of a model directory, {@link #EMPTY} where it has none. */
  public static GenerationConfig read(ModelDirectory directory) {
    Optional<Path> file = directory.find(FILE);
    return file.isPresent() ? read(file.get()) : EMPTY;
  }

  /**
   * Reads the file.
   *
   * @throws InvalidModelException naming the field that is not as it should be
   */
  public static GenerationConfig read(Path file) {
    JsonFields fields = JsonFields.read(file, MAX_BYTES);
    return new GenerationConfig(
        fields.tokenIds("eos_token_id", Integer.MAX_VALUE),
        fields.optionalInteger("bos_token_id", 0, Integer.MAX_VALUE),
        fields.optionalBoolean("do_sample"),
        fields.optionalNumber("temperature", 0, 2),
        fields.optionalInteger("top_k", 0, 1 << 20),
        fields.optionalNumber("top_p", Double.MIN_VALUE, 1),
        fields.optionalNumber("min_p", 0, 1),
        fields.optionalNumber("repetition_penalty", 0.01, 10),
        fields.optionalInteger("max_new_tokens", 1, Integer.MAX_VALUE));
  }
}
