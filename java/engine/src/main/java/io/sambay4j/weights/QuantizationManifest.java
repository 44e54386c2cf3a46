package io.sambay4j.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.InvalidModelException;
import io.sambay4j.json.JsonFields;
import io.sambay4j.json.Quote;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.regex.Pattern;

/**
 * {@code quantization.json} of a quantised model directory: what was made of which tensor, from
 * what, and what the files were when they were written. A tensor X named here lies in the
 * safetensors file as {@code X.codes} and {@code X.scales}; see {@code docs/quantization.md}.
 *
 * @param choice what was asked for, for people: "int4, head int8"
 * @param tensors {@link StorageType#INT8} or {@link StorageType#INT4} by name; tensors not named
 *     are stored as they were
 * @param source the weight files of the directory it was made from
 * @param files all files of this directory but the manifest
 */
public record QuantizationManifest(
    String choice,
    Map<String, StorageType> tensors,
    Map<String, FileChecksum> source,
    Map<String, FileChecksum> files) {
  /** Its name in a model directory. */
  public static final String FILE = "quantization.json";

  /** Follows the name of a quantised tensor in the names of its codes. */
  public static final String CODES = ".codes";

  /** Follows the name of a quantised tensor in the names of its scales. */
  public static final String SCALES = ".scales";

  private static final String FORMAT = "sambay4j-quantized";
  private static final int VERSION = 1;
  private static final int MAX_BYTES = 16 << 20;
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

  public QuantizationManifest {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    source = Collections.unmodifiableMap(new LinkedHashMap<>(source));
    files = Collections.unmodifiableMap(new LinkedHashMap<>(files));
  }

  /**
   * Reads a manifest.
   *
   * @throws InvalidModelException if it is not one, or of another version
   */
  public static QuantizationManifest read(Path file) {
    JsonFields root = JsonFields.read(file, MAX_BYTES);
    String format = root.string("format");
    if (!format.equals(FORMAT)) {
      throw root.invalid("format", Quote.of(FORMAT));
    }
    int version = root.integer("version", Integer.MIN_VALUE, Integer.MAX_VALUE);
    if (version != VERSION) {
      throw new InvalidModelException(
          file
              + ": version is "
              + version
              + ", this program reads version "
              + VERSION
              + "; quantise the model again with it");
    }
    Map<String, StorageType> tensors = new LinkedHashMap<>();
    JsonFields types = root.object("tensors");
    for (String name : types.names()) {
      tensors.put(
          name,
          switch (types.string(name)) {
            case "int8" -> StorageType.INT8;
            case "int4" -> StorageType.INT4;
            default -> throw types.invalid(name, "\"int8\" or \"int4\"");
          });
    }
    return new QuantizationManifest(
        root.string("choice"),
        tensors,
        checksums(root.object("source")),
        checksums(root.object("files")));
  }

  private static Map<String, FileChecksum> checksums(JsonFields fields) {
    Map<String, FileChecksum> checksums = new LinkedHashMap<>();
    for (String name : fields.names()) {
      JsonFields one = fields.object(name);
      JsonNode bytes = one.node("bytes");
      if (bytes == null || !bytes.canConvertToLong() || !bytes.isIntegralNumber()) {
        throw one.invalid("bytes", "a number of bytes");
      }
      String sha256 = one.string("sha256");
      if (!SHA256.matcher(sha256).matches()) {
        throw one.invalid("sha256", "64 hexadecimal digits");
      }
      checksums.put(name, new FileChecksum(bytes.longValue(), sha256));
    }
    return checksums;
  }

  /** Writes it into a directory. */
  public void write(Path directory) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(out).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeStringField("format", FORMAT);
      json.writeNumberField("version", VERSION);
      json.writeStringField("choice", choice);
      json.writeObjectFieldStart("tensors");
      for (Map.Entry<String, StorageType> tensor : tensors.entrySet()) {
        json.writeStringField(tensor.getKey(), tensor.getValue().label());
      }
      json.writeEndObject();
      writeChecksums(json, "source", source);
      writeChecksums(json, "files", files);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    try {
      Files.write(directory.resolve(FILE), out.toByteArray());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + directory.resolve(FILE), e);
    }
  }

  private static void writeChecksums(
      JsonGenerator json, String field, Map<String, FileChecksum> checksums) throws IOException {
    json.writeObjectFieldStart(field);
    for (Map.Entry<String, FileChecksum> one : checksums.entrySet()) {
      json.writeObjectFieldStart(one.getKey());
      json.writeNumberField("bytes", one.getValue().bytes());
      json.writeStringField("sha256", one.getValue().sha256());
      json.writeEndObject();
    }
    json.writeEndObject();
  }

  /**
   * Reads all files and compares them with what they were.
   *
   * @param progress told the bytes of each piece
   * @return one sentence for each file that is missing or differs; empty: all are as written
   */
  public List<String> differences(ModelDirectory directory, LongConsumer progress) {
    List<String> sentences = new ArrayList<>();
    files.forEach(
        (name, written) ->
            directory
                .find(name)
                .ifPresentOrElse(
                    file -> {
                      FileChecksum found = FileChecksum.of(file, progress);
                      if (found.bytes() != written.bytes()) {
                        sentences.add(
                            "%s has %d bytes, it was written with %d"
                                .formatted(file, found.bytes(), written.bytes()));
                      } else if (!found.equals(written)) {
                        sentences.add(
                            "%s was changed: its SHA-256 is %s, it was written with %s"
                                .formatted(file, found.sha256(), written.sha256()));
                      }
                    },
                    () -> sentences.add(directory.path().resolve(name) + " is missing")));
    return sentences;
  }

  /** Bytes of all files together. */
  public long totalBytes() {
    return files.values().stream().mapToLong(FileChecksum::bytes).sum();
  }
}
