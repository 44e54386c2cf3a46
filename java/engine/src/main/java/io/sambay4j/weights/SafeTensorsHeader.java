package io.sambay4j.weights;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import io.sambay4j.json.StrictJson;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The header of a safetensors file: eight bytes of length, then JSON. Sizes are 64-bit and checked;
 * nothing is allocated by a number that was not compared with the file's length first.
 */
record SafeTensorsHeader(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
  static final int LENGTH_BYTES = 8;
  private static final int MAX_TENSORS = 100_000;
  private static final int MAX_NAME_CHARS = 1_000;
  private static final int MAX_RANK = 8;
  private static final String METADATA = "__metadata__";

  SafeTensorsHeader {
    tensors = Collections.unmodifiableMap(tensors);
    metadata = Collections.unmodifiableMap(metadata);
  }

  /**
   * Reads and checks the header of an open file.
   *
   * @param source names the file in messages
   */
  static SafeTensorsHeader read(String source, FileChannel channel) throws IOException {
    long fileBytes = channel.size();
    if (fileBytes < LENGTH_BYTES + 2) {
      throw new InvalidModelException(
          source + ": " + fileBytes + " bytes long, too short for a safetensors header");
    }
    ByteBuffer length = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    readFully(source, channel, length, 0);
    long headerBytes = length.getLong(0);
    if (headerBytes < 2
        || headerBytes > SafeTensors.MAX_HEADER_BYTES
        || headerBytes > fileBytes - LENGTH_BYTES) {
      throw new InvalidModelException(
          source
              + ": header length is "
              + Long.toUnsignedString(headerBytes)
              + ", expected 2 to "
              + Math.min(SafeTensors.MAX_HEADER_BYTES, fileBytes - LENGTH_BYTES)
              + " (the file is "
              + fileBytes
              + " bytes long)");
    }
    ByteBuffer json = ByteBuffer.allocate((int) headerBytes);
    readFully(source, channel, json, LENGTH_BYTES);
    return new Reader(source, fileBytes, LENGTH_BYTES + headerBytes).read(json.array());
  }

  private static void readFully(String source, FileChannel channel, ByteBuffer into, long position)
      throws IOException {
    while (into.hasRemaining()) {
      int read = channel.read(into, position + into.position());
      if (read < 0) {
        throw new InvalidModelException(
            source + ": the file was shortened while its header was read");
      }
    }
  }

  /** Turns header JSON into tensors; the first thing wrong ends it. */
  private static final class Reader {
    private final String source;
    private final long dataStart;
    private final long dataBytes;
    private final List<TensorInfo> found = new ArrayList<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    Reader(String source, long fileBytes, long dataStart) {
      this.source = source;
      this.dataStart = dataStart;
      this.dataBytes = fileBytes - dataStart;
    }

    SafeTensorsHeader read(byte[] json) {
      if (json[0] != '{') {
        throw new InvalidModelException(
            source + ": header starts with byte " + (json[0] & 0xFF) + ", expected '{' (123)");
      }
      try (JsonParser parser = StrictJson.parser(json)) {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) { // duplicates are refused by the parser
          String name = parser.currentName();
          parser.nextToken();
          if (name.equals(METADATA)) {
            readMetadata(parser);
          } else {
            readTensor(parser, name);
          }
        }
        if (parser.nextToken() != null) {
          throw new InvalidModelException(source + ": header has more than one JSON value");
        }
      } catch (IOException e) {
        throw StrictJson.invalid(source + ": header", e);
      }
      return new SafeTensorsHeader(inDataOrder(), metadata);
    }

    private void readMetadata(JsonParser parser) throws IOException {
      expect(parser, JsonToken.START_OBJECT, METADATA, "an object of strings");
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        parser.nextToken();
        expect(parser, JsonToken.VALUE_STRING, METADATA + " " + Quote.of(key), "a string");
        metadata.put(key, parser.getText());
      }
    }

    private void readTensor(JsonParser parser, String name) throws IOException {
      String tensor = "tensor " + Quote.of(name);
      if (name.isEmpty() || name.length() > MAX_NAME_CHARS) {
        throw invalid(
            tensor,
            "its name has " + name.length() + " characters, expected 1 to " + MAX_NAME_CHARS);
      }
      if (found.size() == MAX_TENSORS) {
        throw new InvalidModelException(source + ": more than " + MAX_TENSORS + " tensors");
      }
      expect(
          parser, JsonToken.START_OBJECT, tensor, "an object with dtype, shape and data_offsets");
      String dtype = null;
      long[] shape = null;
      long[] offsets = null;
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        parser.nextToken();
        switch (field) {
          case "dtype" -> {
            expect(parser, JsonToken.VALUE_STRING, tensor + " dtype", "a string");
            dtype = parser.getText();
          }
          case "shape" -> shape = integers(parser, tensor + " shape", MAX_RANK);
          case "data_offsets" -> offsets = integers(parser, tensor + " data_offsets", 2);
          default ->
              throw invalid(
                  tensor,
                  "unknown field " + Quote.of(field) + ", expected dtype, shape and data_offsets");
        }
      }
      found.add(check(tensor, name, dtype, shape, offsets));
    }

    private TensorInfo check(
        String tensor,
        String name,
        @Nullable String dtype,
        long @Nullable [] shape,
        long @Nullable [] offsets) {
      if (dtype == null || shape == null || offsets == null) {
        throw invalid(
            tensor,
            (dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets") + " is missing");
      }
      if (offsets.length != 2
          || offsets[0] < 0
          || offsets[1] < offsets[0]
          || offsets[1] > dataBytes) {
        throw invalid(
            tensor,
            "data_offsets are "
                + Arrays.toString(offsets)
                + ", expected begin and end with 0 <= begin <= end <= "
                + dataBytes
                + ", the bytes of data in the file");
      }
      StorageType type = storageType(tensor, dtype);
      long bytes = type.bytes();
      for (long extent : shape) {
        if (extent < 1) {
          throw invalid(
              tensor, "shape is " + Arrays.toString(shape) + ", every extent must be at least 1");
        }
        try {
          bytes = Math.multiplyExact(bytes, extent);
        } catch (ArithmeticException e) {
          throw invalid(tensor, "shape " + Arrays.toString(shape) + " overflows 64 bits");
        }
      }
      if (bytes != offsets[1] - offsets[0]) {
        throw invalid(
            tensor,
            "shape "
                + Arrays.toString(shape)
                + " of "
                + type
                + " takes "
                + bytes
                + " bytes, its data_offsets "
                + Arrays.toString(offsets)
                + " hold "
                + (offsets[1] - offsets[0]));
      }
      return new TensorInfo(name, type, shape, dataStart + offsets[0], bytes);
    }

    private StorageType storageType(String tensor, String dtype) {
      for (StorageType type : StorageType.plain()) {
        if (type.name().equals(dtype)) {
          return type;
        }
      }
      throw invalid(
          tensor, "dtype is " + Quote.of(dtype) + ", expected one of " + StorageType.plain());
    }

    /**
     * Tensors in the order of their bytes, which must follow each other from the first to the last
     * of the file.
     */
    private Map<String, TensorInfo> inDataOrder() {
      found.sort(Comparator.comparingLong(TensorInfo::offset));
      Map<String, TensorInfo> tensors = new LinkedHashMap<>(found.size() * 2);
      long end = dataStart;
      for (TensorInfo tensor : found) {
        if (tensor.offset() != end) {
          throw invalid(
              "tensor " + Quote.of(tensor.name()),
              "its data begins at "
                  + (tensor.offset() - dataStart)
                  + ", expected "
                  + (end - dataStart)
                  + ", the end of the tensor before it: data must lie end to end");
        }
        end += tensor.bytes();
        tensors.put(tensor.name(), tensor);
      }
      if (end - dataStart != dataBytes) {
        throw new InvalidModelException(
            source
                + ": the tensors take "
                + (end - dataStart)
                + " bytes, the file has "
                + dataBytes
                + " of data");
      }
      return tensors;
    }

    private long[] integers(JsonParser parser, String what, int maxCount) throws IOException {
      expect(parser, JsonToken.START_ARRAY, what, "a list of integers");
      long[] values = new long[maxCount];
      int count = 0;
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        if (count == maxCount) {
          throw invalid(what, "more than " + maxCount + " entries");
        }
        expect(parser, JsonToken.VALUE_NUMBER_INT, what, "a list of integers");
        if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
          throw invalid(
              what, "found " + Quote.of(parser.getText()) + ", expected integers of 64 bits");
        }
        values[count++] = parser.getLongValue();
      }
      return Arrays.copyOf(values, count);
    }

    private void expect(JsonParser parser, JsonToken token, String what, String expected)
        throws IOException {
      if (parser.currentToken() != token) {
        throw invalid(
            what, "found " + Quote.of(String.valueOf(parser.getText())) + ", expected " + expected);
      }
    }

    private InvalidModelException invalid(String what, String sentence) {
      return new InvalidModelException(source + ": " + what + ": " + sentence);
    }
  }
}
