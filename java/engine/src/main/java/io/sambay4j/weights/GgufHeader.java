package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The header of a GGUF file: counts, key-value pairs, tensor descriptions. Sizes are 64-bit and
 * checked; nothing is allocated by a number that was not compared with the file's length first.
 *
 * @param version of the format, 2 or 3
 * @param tensors by name, in the order of their data; shapes from the outermost dimension
 */
record GgufHeader(int version, GgufMetadata metadata, Map<String, TensorInfo> tensors) {
  static final int MAGIC = 0x46554747; // "GGUF", read as a little-endian number
  static final String ALIGNMENT = "general.alignment";
  static final int DEFAULT_ALIGNMENT = 32;

  private static final int MAX_ALIGNMENT = 1 << 20;
  private static final int MAX_TENSORS = 100_000;
  private static final int MAX_PAIRS = 100_000;
  private static final int MAX_NAME_BYTES = 1_000;
  private static final int MAX_STRING_BYTES = 1 << 24;
  private static final int MAX_LIST = 1 << 22; // elements: twenty times the largest vocabulary
  private static final int MAX_RANK = 4;
  private static final String PARTS = "split.count";

  /** Types of values, by number. */
  private enum ValueType {
    U8(1),
    I8(1),
    U16(2),
    I16(2),
    U32(4),
    I32(4),
    F32(4),
    BOOL(1),
    STRING(8), // its length, at least
    ARRAY(12),
    U64(8),
    I64(8),
    F64(8);

    private final int minBytes;

    ValueType(int minBytes) {
      this.minBytes = minBytes;
    }
  }

  /** Names of tensor types, by number; empty where the number is not given out. */
  private static final List<String> TENSOR_TYPES =
      List.of(
          "F32", "F16", "Q4_0", "Q4_1", "", "", "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K",
          "Q4_K", "Q5_K", "Q6_K", "Q8_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL",
          "IQ3_S", "IQ2_S", "IQ4_XS", "I8", "I16", "I32", "I64", "F64", "IQ1_M", "BF16", "", "", "",
          "TQ1_0", "TQ2_0", "", "", "", "MXFP4");

  /** The number of a type in the file. */
  static int number(StorageType type) {
    return TENSOR_TYPES.indexOf(type.name());
  }

  /**
   * Reads and checks the header of an open file.
   *
   * @param source names the file in messages
   */
  static GgufHeader read(String source, FileChannel channel) throws IOException {
    return new Reader(source, new GgufInput(source, channel)).read();
  }

  /** A tensor as the header describes it: its place is counted from the start of the data. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Described(String name, StorageType type, long[] shape, long offset, long bytes) {}

  /** Turns bytes into pairs and tensors; the first thing wrong ends it. */
  private static final class Reader {
    private final String source;
    private final GgufInput in;
    private final Map<String, Object> pairs = new LinkedHashMap<>();
    private final Map<String, Described> described = new LinkedHashMap<>();

    Reader(String source, GgufInput in) {
      this.source = source;
      this.in = in;
    }

    GgufHeader read() throws IOException {
      int version = version();
      long tensorCount = count("tensors", MAX_TENSORS);
      long pairCount = count("key-value pairs", MAX_PAIRS);
      for (long i = 0; i < pairCount; i++) {
        String key = in.string("key " + i, MAX_NAME_BYTES);
        if (key.isEmpty()) {
          throw invalid("key " + i, "it is empty");
        }
        if (pairs.put(key, value(key)) != null) {
          throw invalid(Quote.of(key), "it is there twice");
        }
      }
      GgufMetadata metadata = new GgufMetadata(source, pairs);
      Integer parts = metadata.optionalInteger(PARTS, 0, 1 << 16);
      if (parts != null && parts > 1) {
        throw invalid(PARTS, "the model is cut into %d files; join them into one".formatted(parts));
      }
      Integer given = metadata.optionalInteger(ALIGNMENT, 1, MAX_ALIGNMENT);
      int alignment = given == null ? DEFAULT_ALIGNMENT : given;
      if (Integer.bitCount(alignment) != 1) {
        throw metadata.invalid(ALIGNMENT, "a power of two");
      }
      for (long i = 0; i < tensorCount; i++) {
        describe(i, alignment);
      }
      long dataStart = aligned(in.position(), alignment);
      return new GgufHeader(version, metadata, inDataOrder(dataStart, alignment));
    }

    private int version() throws IOException {
      in.need("header", 24);
      int magic = in.i32();
      if (magic != MAGIC) {
        throw invalid("header", "it does not begin with the letters GGUF");
      }
      int version = in.i32();
      if (version != 2 && version != 3) {
        int swapped = Integer.reverseBytes(version);
        throw invalid(
            "version",
            "it is %s, expected 2 or 3%s"
                .formatted(
                    Integer.toUnsignedString(version),
                    swapped == 2 || swapped == 3 ? " (the file is big-endian)" : ""));
      }
      return version;
    }

    private long count(String what, int max) throws IOException {
      long count = in.i64();
      if (count < 0 || count > max) {
        throw invalid(
            "number of " + what,
            "it is %s, expected at most %d".formatted(Long.toUnsignedString(count), max));
      }
      return count;
    }

    private Object value(String key) throws IOException {
      in.needQuoted(key, 4);
      ValueType type = valueType(key, in.i32());
      if (type != ValueType.ARRAY) {
        return scalar(key, type);
      }
      in.needQuoted(key, 12);
      ValueType of = valueType(key, in.i32());
      long length = in.i64();
      if (of == ValueType.ARRAY) {
        throw invalid(Quote.of(key), "it is a list of lists, which is not read");
      }
      if (length < 0 || length > MAX_LIST || length > in.remaining() / of.minBytes) {
        throw invalid(
            Quote.of(key),
            "it is a list of %s elements, expected at most %d"
                .formatted(
                    Long.toUnsignedString(length),
                    Math.min(MAX_LIST, in.remaining() / of.minBytes)));
      }
      return list(key, of, (int) length);
    }

    private Object list(String key, ValueType of, int length) throws IOException {
      if (of == ValueType.STRING) {
        PackedStrings strings = new PackedStrings(length);
        for (int i = 0; i < length; i++) {
          strings.append(in.text(key, MAX_STRING_BYTES));
        }
        return strings;
      }
      if (of == ValueType.F32 || of == ValueType.F64) {
        double[] numbers = new double[length];
        for (int i = 0; i < length; i++) {
          numbers[i] = (Double) scalar(key, of);
        }
        return numbers;
      }
      long[] integers = new long[length];
      for (int i = 0; i < length; i++) {
        Object element = scalar(key, of);
        integers[i] = element instanceof Boolean bool ? (bool ? 1 : 0) : (Long) element;
      }
      return integers;
    }

    private Object scalar(String key, ValueType type) throws IOException {
      if (type == ValueType.STRING) {
        return in.string(key, MAX_STRING_BYTES);
      }
      in.needQuoted(key, type.minBytes);
      return switch (type) {
        case U8 -> (long) (in.i8() & 0xFF);
        case I8 -> (long) in.i8();
        case U16 -> (long) (in.i16() & 0xFFFF);
        case I16 -> (long) in.i16();
        case U32 -> Integer.toUnsignedLong(in.i32());
        case I32 -> (long) in.i32();
        case F32 -> (double) Float.intBitsToFloat(in.i32());
        case F64 -> Double.longBitsToDouble(in.i64());
        case I64 -> in.i64();
        case U64 -> {
          long value = in.i64();
          if (value < 0) {
            throw invalid(
                Quote.of(key), Long.toUnsignedString(value) + " is more than 63 bits hold");
          }
          yield value;
        }
        case BOOL -> {
          byte value = in.i8();
          if (value != 0 && value != 1) {
            throw invalid(Quote.of(key), "its byte is %d, expected 0 or 1".formatted(value & 0xFF));
          }
          yield value == 1;
        }
        case STRING, ARRAY -> throw new AssertionError(type); // read elsewhere
      };
    }

    private ValueType valueType(String key, int number) {
      ValueType[] types = ValueType.values();
      if (number < 0 || number >= types.length) {
        throw invalid(
            Quote.of(key),
            "its type is %s, expected 0 to %d"
                .formatted(Integer.toUnsignedString(number), types.length - 1));
      }
      return types[number];
    }

    private void describe(long index, int alignment) throws IOException {
      String name = in.string("name of tensor " + index, MAX_NAME_BYTES);
      String tensor = "tensor " + Quote.of(name);
      if (name.isEmpty()) {
        throw invalid("tensor " + index, "its name is empty");
      }
      in.need(tensor, 4);
      int rank = in.i32();
      if (rank < 1 || rank > MAX_RANK) {
        throw invalid(
            tensor,
            "it has %s dimensions, expected 1 to %d"
                .formatted(Integer.toUnsignedString(rank), MAX_RANK));
      }
      in.need(tensor, 8 * rank + 12);
      long[] shape = new long[rank]; // the file begins with the innermost dimension
      for (int i = rank - 1; i >= 0; i--) {
        shape[i] = in.i64();
      }
      StorageType type = tensorType(tensor, in.i32());
      long offset = in.i64();
      if (offset < 0 || offset % alignment != 0) {
        throw invalid(
            tensor,
            "its data begins at %s, expected a multiple of %d"
                .formatted(Long.toUnsignedString(offset), alignment));
      }
      Described read = new Described(name, type, shape, offset, bytes(tensor, type, shape));
      if (described.put(name, read) != null) {
        throw invalid(tensor, "it is there twice");
      }
    }

    private StorageType tensorType(String tensor, int number) {
      String name = number < 0 || number >= TENSOR_TYPES.size() ? "" : TENSOR_TYPES.get(number);
      boolean read =
          Arrays.stream(StorageType.values())
              .anyMatch(type -> type.name().equals(name) && type.isWeightType());
      if (!read) {
        throw invalid(
            tensor,
            "its type is %s%s, expected F32, F16, BF16, Q8_0, Q4_0 or Q6_K"
                .formatted(
                    Integer.toUnsignedString(number), name.isEmpty() ? "" : " (" + name + ")"));
      }
      return StorageType.valueOf(name);
    }

    private long bytes(String tensor, StorageType type, long[] shape) {
      long elements = 1;
      for (long extent : shape) {
        if (extent < 1) {
          throw invalid(
              tensor, "shape is " + Arrays.toString(shape) + ", every extent must be at least 1");
        }
        try {
          elements = Math.multiplyExact(elements, extent);
        } catch (ArithmeticException e) {
          throw invalid(tensor, "shape " + Arrays.toString(shape) + " overflows 64 bits");
        }
      }
      if (shape[shape.length - 1] % type.blockElements() != 0) {
        throw invalid(
            tensor,
            "its rows have %d elements, expected a multiple of %d, a block of %s"
                .formatted(shape[shape.length - 1], type.blockElements(), type));
      }
      try {
        return type.bytes(elements);
      } catch (ArithmeticException e) {
        throw invalid(tensor, "shape " + Arrays.toString(shape) + " overflows 64 bits");
      }
    }

    /**
     * Tensors in the order of their bytes, which must follow each other, with no more between them
     * than their alignment asks for, from the first to the last of the file.
     */
    private Map<String, TensorInfo> inDataOrder(long dataStart, int alignment) {
      List<Described> sorted = new ArrayList<>(described.values());
      sorted.sort((a, b) -> Long.compare(a.offset, b.offset));
      Map<String, TensorInfo> tensors = new LinkedHashMap<>(sorted.size() * 2);
      long end = 0;
      for (Described tensor : sorted) {
        long begin = aligned(end, alignment);
        if (tensor.offset != begin) {
          throw invalid(
              "tensor " + Quote.of(tensor.name),
              "its data begins at %d, expected %d, the end of the tensor before it"
                  .formatted(tensor.offset, begin));
        }
        if (tensor.bytes > in.length() - dataStart - begin) {
          throw invalid(
              "tensor " + Quote.of(tensor.name),
              "its data ends %d bytes after the %d bytes of the file"
                  .formatted(tensor.bytes - (in.length() - dataStart - begin), in.length()));
        }
        tensors.put(
            tensor.name,
            new TensorInfo(
                tensor.name, tensor.type, tensor.shape, dataStart + begin, tensor.bytes));
        end = begin + tensor.bytes;
      }
      if (in.length() - dataStart - end >= alignment) {
        throw invalid(
            "data", "%d bytes follow the last tensor".formatted(in.length() - dataStart - end));
      }
      return Collections.unmodifiableMap(tensors);
    }

    private static long aligned(long position, int alignment) {
      return (position + alignment - 1) / alignment * alignment;
    }

    private InvalidModelException invalid(String what, String sentence) {
      return new InvalidModelException(source + ": " + what + ": " + sentence);
    }
  }
}
