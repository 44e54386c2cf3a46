package io.sambay4j.tokenizer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.sambay4j.InvalidModelException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reading JSON that may be malformed or meant to harm. Fields are named in messages as {@code file:
 * a.b[3]}.
 */
final class JsonFile {
  private static final int MAX_DEPTH = 64;

  // No shared symbol table: the keys of a vocabulary are many and used once.
  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                  .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private JsonFile() {}

  /**
   * Reads a file whose top level is an object.
   *
   * @throws InvalidModelException if it cannot be read, has more than {@code maxBytes} bytes or is
   *     not such JSON
   */
  static JsonNode readObject(Path file, long maxBytes) {
    JsonNode root;
    try (InputStream in = Files.newInputStream(file)) {
      long size = Files.size(file);
      if (size > maxBytes) {
        throw new InvalidModelException(
            file + ": has " + size + " bytes, at most " + maxBytes + " are accepted");
      }
      // Jackson's own UTF-8 decoder lets some malformed bytes pass; this one reports them.
      CharsetDecoder utf8 = StandardCharsets.UTF_8.newDecoder();
      byte[] bytes = in.readNBytes((int) maxBytes);
      root = MAPPER.readTree(new InputStreamReader(new ByteArrayInputStream(bytes), utf8));
    } catch (JsonProcessingException e) {
      // The original message only: the full one quotes the file.
      throw new InvalidModelException(file + ": is not valid JSON: " + e.getOriginalMessage(), e);
    } catch (CharacterCodingException e) {
      throw new InvalidModelException(file + ": is not valid JSON: not UTF-8", e);
    } catch (IOException e) {
      throw new InvalidModelException(file + ": cannot be read: " + e, e);
    }
    if (!root.isObject()) {
      throw new InvalidModelException(file + ": expected a JSON object, found " + kind(root));
    }
    return root;
  }

  /** A field that is missing or null counts as absent. */
  static boolean isAbsent(JsonNode parent, String field) {
    return !parent.hasNonNull(field);
  }

  static JsonNode object(String where, JsonNode node) {
    if (!node.isObject()) {
      throw unexpected(where, "an object", node);
    }
    return node;
  }

  static JsonNode array(String where, JsonNode node) {
    if (!node.isArray()) {
      throw unexpected(where, "an array", node);
    }
    return node;
  }

  static String text(String where, JsonNode node) {
    if (!node.isTextual()) {
      throw unexpected(where, "a string", node);
    }
    return node.textValue();
  }

  /** A number that is a token's id: not negative, below {@code limit}. */
  static int id(String where, JsonNode node, int limit) {
    if (!node.isIntegralNumber()
        || !node.canConvertToInt()
        || node.intValue() < 0
        || node.intValue() >= limit) {
      throw unexpected(where, "a token id from 0 to " + (limit - 1), node);
    }
    return node.intValue();
  }

  static boolean flag(String where, JsonNode parent, String field, boolean otherwise) {
    if (isAbsent(parent, field)) {
      return otherwise;
    }
    JsonNode node = parent.get(field);
    if (!node.isBoolean()) {
      throw unexpected(where + "." + field, "true or false", node);
    }
    return node.booleanValue();
  }

  private static InvalidModelException unexpected(String where, String expected, JsonNode found) {
    return new InvalidModelException(where + ": expected " + expected + ", found " + kind(found));
  }

  private static String kind(JsonNode node) {
    if (node.isNumber() || node.isBoolean()) {
      String shown = node.asText();
      return shown.length() > 40 ? shown.substring(0, 40) + "..." : shown;
    }
    return switch (node.getNodeType()) {
      case OBJECT -> "an object";
      case ARRAY -> "an array";
      case STRING -> "a string";
      case MISSING -> "nothing";
      default -> "null";
    };
  }
}
