package io.sambay4j.server.http;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.json.Quote;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** JSON as strangers send it: real UTF-8, no duplicate keys, of bounded depth; and as we answer. */
public final class Json {
  /** Deeper than any request, and shallow enough for every recursive reader. */
  static final int MAX_DEPTH = 100;

  private static final int MAX_NUMBER_LENGTH = 400;

  private static final ObjectMapper MAPPER =
      new ObjectMapper(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  // Names come from strangers: no shared symbol table for them to fill.
                  .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                  .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxNumberLength(MAX_NUMBER_LENGTH)
                          .maxStringLength(Integer.MAX_VALUE) // the body's limit is the limit
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private Json() {}

  /**
   * The object that a request's body is.
   *
   * @throws ApiException (400) if it is anything else
   */
  public static ObjectNode parseObject(byte[] body) {
    JsonNode root = parse(body);
    if (root instanceof ObjectNode object) {
      return object;
    }
    throw ApiException.badRequest(
        "invalid_json",
        "the body must be one JSON object but is "
            + (root.isMissingNode() ? "empty" : Fields.kind(root)));
  }

  private static JsonNode parse(byte[] body) {
    // Decoded strictly: Jackson on bytes would guess UTF-16 and let some malformed input pass.
    try (Reader reader =
        new InputStreamReader(
            new ByteArrayInputStream(body),
            StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT))) {
      return MAPPER.readTree(reader);
    } catch (CharacterCodingException e) {
      throw ApiException.badRequest("invalid_json", "the body is not valid UTF-8");
    } catch (MismatchedInputException e) { // names our classes
      throw ApiException.badRequest(
          "invalid_json", "the body must be one JSON object and nothing after it");
    } catch (JsonProcessingException e) {
      String where =
          e.getLocation() == null
              ? ""
              : " at line %d, column %d"
                  .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
      throw ApiException.badRequest(
          "invalid_json",
          "the body is not acceptable JSON%s: %s"
              .formatted(where, Quote.of(String.valueOf(e.getOriginalMessage()))));
    } catch (IOException e) {
      throw new IllegalStateException("reading from memory failed", e);
    }
  }

  /** A new object. */
  public static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }

  /** A new array. */
  public static ArrayNode array() {
    return JsonNodeFactory.instance.arrayNode();
  }

  /** One line of UTF-8. */
  public static byte[] bytes(JsonNode node) {
    try {
      return MAPPER.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree could not be written", e);
    }
  }

  /** One line, as a body. */
  static ByteBuffer buffer(JsonNode node) {
    return ByteBuffer.wrap(bytes(node));
  }

  /** OpenAI's error object. */
  public static ObjectNode error(ApiException failure) {
    ObjectNode root = object();
    root.putObject("error")
        .put("message", failure.getMessage())
        .put("type", failure.type())
        .put("param", failure.param())
        .put("code", failure.code());
    return root;
  }
}
