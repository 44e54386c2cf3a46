package io.sambay4j.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.InvalidModelException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * JSON as model files are allowed to contain it: real UTF-8, no duplicate keys, shallow, of bounded
 * size.
 */
public final class StrictJson {
  /** Deeper nesting than any model file has. */
  private static final int MAX_DEPTH = 64;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // NaN and Infinity are let in so that the complaint can name the field that holds them.
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          // Names come from strangers: no shared symbol table for them to fill.
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(400)
                  .build())
          .build();

  private static final ObjectMapper MAPPER =
      new ObjectMapper(FACTORY).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private StrictJson() {}

  /**
   * Reads a file that holds one JSON object.
   *
   * @param maxBytes a longer file is refused before it is read
   * @throws InvalidModelException if the file is missing, too long or not such an object
   */
  public static ObjectNode readObject(Path file, int maxBytes) {
    return parseObject(readBytes(file, maxBytes), file.toString());
  }

  /** As {@link #readObject}, from bytes; {@code source} names them in messages. */
  public static ObjectNode parseObject(byte[] json, String source) {
    try (Reader reader = utf8(json)) {
      JsonNode root = MAPPER.readTree(reader);
      if (root instanceof ObjectNode object) {
        return object;
      }
      throw new InvalidModelException(
          source
              + ": expected one JSON object, found "
              + (root.isMissingNode() ? "nothing" : root.getNodeType()));
    } catch (IOException e) {
      throw invalid(source, e);
    }
  }

  /** As {@link #parseObject}, token by token, for objects that would be large as a tree. */
  public static JsonParser parser(byte[] json) throws IOException {
    return FACTORY.createParser(utf8(json));
  }

  /**
   * Reads a file of text in UTF-8.
   *
   * @param maxBytes a longer file is refused before it is read
   * @throws InvalidModelException if the file is missing, too long or not UTF-8
   */
  public static String readText(Path file, int maxBytes) {
    byte[] bytes = readBytes(file, maxBytes);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw invalid(file.toString(), e);
    }
  }

  private static byte[] readBytes(Path file, int maxBytes) {
    if (!Files.isRegularFile(file)) {
      throw new InvalidModelException(file + ": no such file, or not a regular one");
    }
    try (InputStream in = Files.newInputStream(file)) {
      long size = Files.size(file);
      byte[] bytes = size > maxBytes ? null : in.readNBytes(maxBytes + 1); // it may have grown
      if (bytes == null || bytes.length > maxBytes) {
        throw new InvalidModelException(
            file + ": " + size + " bytes long, at most " + maxBytes + " are accepted");
      }
      return bytes;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  /**
   * Decodes strictly; Jackson on bytes would guess UTF-16 and UTF-32 too and let some malformed
   * input pass.
   */
  private static Reader utf8(byte[] json) {
    return new InputStreamReader(
        new ByteArrayInputStream(json),
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT));
  }

  /** One sentence for whatever was wrong with the text, with line and column where known. */
  public static InvalidModelException invalid(String source, IOException e) {
    if (e instanceof CharacterCodingException) {
      return new InvalidModelException(source + ": not valid UTF-8", e);
    }
    if (e instanceof JsonProcessingException json) {
      String where =
          json.getLocation() == null
              ? ""
              : " (line "
                  + json.getLocation().getLineNr()
                  + ", column "
                  + json.getLocation().getColumnNr()
                  + ")";
      String what = String.valueOf(json.getOriginalMessage());
      return new InvalidModelException(
          source + ": not acceptable JSON" + where + ": " + Quote.of(what), e);
    }
    throw new UncheckedIOException("cannot read " + source, e);
  }
}
