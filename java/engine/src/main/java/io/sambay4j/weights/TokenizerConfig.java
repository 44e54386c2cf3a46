package io.sambay4j.weights;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.InvalidModelException;
import io.sambay4j.json.JsonFields;
import io.sambay4j.json.StrictJson;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * {@code tokenizer_config.json} and {@code chat_template.jinja}: the text side's settings that
 * {@code tokenizer.json} does not hold; or their counterparts in a GGUF header.
 *
 * @param modelMaxLength longest text in tokens; null if not given, or so large that it only means
 *     "no limit"
 * @param addBosToken whether a plain text begins with {@code bosToken}
 * @param bosToken text of the token that begins a text, or null
 * @param eosToken text of the token that ends a text, or null
 * @param chatTemplates Jinja source by name, the usual one under {@link #DEFAULT_TEMPLATE}
 */
public record TokenizerConfig(
    @Nullable Integer modelMaxLength,
    boolean addBosToken,
    @Nullable String bosToken,
    @Nullable String eosToken,
    Map<String, String> chatTemplates) {
  /** The name of the file. */
  public static final String FILE = "tokenizer_config.json";

  /** The file that newer directories keep their chat template in; it takes precedence. */
  public static final String TEMPLATE_FILE = "chat_template.jinja";

  /** The name of the template that a single unnamed one gets. */
  public static final String DEFAULT_TEMPLATE = "default";

  private static final String GGUF_TEMPLATE = "tokenizer.chat_template";

  private static final int MAX_BYTES = 32 << 20; // large vocabularies of added tokens exist
  private static final int MAX_TEMPLATE_CHARS = 1 << 20;

  public TokenizerConfig {
    chatTemplates = Collections.unmodifiableMap(new LinkedHashMap<>(chatTemplates));
  }

  /** The settings of a model directory; all absent where it has neither file. */
  public static TokenizerConfig read(ModelDirectory directory) {
    return of(fields(directory), directory);
  }

  /** What the file of a directory says; empty where it has none. */
  public static Optional<JsonFields> fields(ModelDirectory directory) {
    return directory.find(FILE).map(file -> JsonFields.read(file, MAX_BYTES));
  }

  /** As {@link #read(ModelDirectory)}, the {@link #fields} having been read. */
  public static TokenizerConfig of(Optional<JsonFields> fields, ModelDirectory directory) {
    Optional<Path> template = directory.find(TEMPLATE_FILE);
    TokenizerConfig config =
        fields
            .map(TokenizerConfig::of)
            .orElseGet(() -> new TokenizerConfig(null, false, null, null, Map.of()));
    return template.isPresent()
        ? config.withDefaultTemplate(StrictJson.readText(template.get(), MAX_TEMPLATE_CHARS))
        : config;
  }

  /**
   * Reads {@code tokenizer_config.json} alone.
   *
   * @throws InvalidModelException naming the field that is not as it should be
   */
  public static TokenizerConfig read(Path file) {
    return of(JsonFields.read(file, MAX_BYTES));
  }

  private static TokenizerConfig of(JsonFields fields) {
    return new TokenizerConfig(
        maxLength(fields),
        fields.bool("add_bos_token", false),
        token(fields, "bos_token"),
        token(fields, "eos_token"),
        templates(fields));
  }

  /**
   * The settings that a GGUF header holds.
   *
   * @throws InvalidModelException naming the key that is not as it should be
   */
  public static TokenizerConfig of(GgufMetadata metadata) {
    String template = metadata.optionalString(GGUF_TEMPLATE);
    if (template != null && template.length() > MAX_TEMPLATE_CHARS) {
      throw metadata.invalid(GGUF_TEMPLATE, "at most " + MAX_TEMPLATE_CHARS + " characters");
    }
    return new TokenizerConfig(
        null,
        metadata.bool("tokenizer.ggml.add_bos_token", false),
        token(metadata, "tokenizer.ggml.bos_token_id"),
        token(metadata, "tokenizer.ggml.eos_token_id"),
        template == null ? Map.of() : Map.of(DEFAULT_TEMPLATE, template));
  }

  private static @Nullable String token(GgufMetadata metadata, String key) {
    List<String> tokens = metadata.optionalStrings("tokenizer.ggml.tokens");
    if (tokens == null || tokens.isEmpty()) {
      return null;
    }
    Integer id = metadata.optionalInteger(key, 0, tokens.size() - 1);
    return id == null ? null : tokens.get(id);
  }

  /** The chat template used where none is named. */
  public Optional<String> chatTemplate() {
    return Optional.ofNullable(chatTemplates.get(DEFAULT_TEMPLATE));
  }

  /**
   * The longest sequence to admit by default: the smaller of this limit and the model's own, in
   * tokens.
   */
  public int contextLimit(int maxPositions) {
    return modelMaxLength == null ? maxPositions : Math.min(modelMaxLength, maxPositions);
  }

  private TokenizerConfig withDefaultTemplate(String template) {
    Map<String, String> templates = new LinkedHashMap<>(chatTemplates);
    templates.put(DEFAULT_TEMPLATE, template);
    return new TokenizerConfig(modelMaxLength, addBosToken, bosToken, eosToken, templates);
  }

  /**
   * Tokenizers without a limit are published with 1e30, as an integer or as a number with exponent.
   */
  private static @Nullable Integer maxLength(JsonFields fields) {
    JsonNode node = fields.node("model_max_length");
    if (node == null) {
      return null;
    }
    if (!node.isNumber() || !(node.doubleValue() >= 1) || node.doubleValue() % 1 != 0) {
      throw fields.invalid("model_max_length", "a whole number of at least 1");
    }
    return node.doubleValue() > Integer.MAX_VALUE ? null : (Integer) (int) node.doubleValue();
  }

  /** A special token is its text, or an object with the text as {@code content}. */
  private static @Nullable String token(JsonFields fields, String field) {
    JsonNode node = fields.node(field);
    if (node == null) {
      return null;
    }
    JsonNode content = node.isObject() ? node.get("content") : node;
    if (content == null || !content.isTextual()) {
      throw fields.invalid(field, "a string, or an object whose content is one");
    }
    return content.textValue();
  }

  private static Map<String, String> templates(JsonFields fields) {
    JsonNode node = fields.node("chat_template");
    Map<String, String> templates = new LinkedHashMap<>();
    if (node == null) {
      return templates;
    }
    if (node.isTextual()) {
      templates.put(DEFAULT_TEMPLATE, node.textValue());
    } else if (node.isArray()) {
      for (JsonNode entry : node) {
        JsonNode name = entry.path("name");
        JsonNode template = entry.path("template");
        if (!name.isTextual()
            || !template.isTextual()
            || templates.put(name.textValue(), template.textValue()) != null) {
          throw fields.invalid(
              "chat_template", "a string, or a list of distinct names with templates");
        }
      }
    } else {
      throw fields.invalid("chat_template", "a string, or a list of distinct names with templates");
    }
    for (String template : templates.values()) {
      if (template.length() > MAX_TEMPLATE_CHARS) {
        throw fields.invalid("chat_template", "at most " + MAX_TEMPLATE_CHARS + " characters");
      }
    }
    return templates;
  }
}
