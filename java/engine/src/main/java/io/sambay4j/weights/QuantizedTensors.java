package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The quantised tensors of a checkpoint, each of which lies in its file as codes and scales. */
final class QuantizedTensors {
  private static final int GROUP = StorageType.INT8.blockElements();

  /** A quantised tensor and what it is stored in. */
  private record Parts(TensorInfo whole, TensorInfo codes, TensorInfo scales) {}

  private final Map<String, Parts> parts = new LinkedHashMap<>();

  /** None. */
  QuantizedTensors() {}

  /**
   * Joins codes and scales as the manifest says.
   *
   * @param manifest of this name, for messages
   * @param stored a stored tensor by name
   * @throws InvalidModelException if one is missing or they do not fit together
   */
  QuantizedTensors(
      Path manifest, Map<String, StorageType> types, Function<String, TensorInfo> stored) {
    types.forEach(
        (name, type) -> {
          TensorInfo codes = stored.apply(name + QuantizationManifest.CODES);
          TensorInfo scales = stored.apply(name + QuantizationManifest.SCALES);
          StorageType codeType = type == StorageType.INT8 ? StorageType.I8 : StorageType.U8;
          int codesPerByte = type == StorageType.INT8 ? 1 : 2;
          long[] shape = codes.shape();
          boolean fits = codes.type() == codeType && shape.length == 2;
          if (fits) {
            shape[1] = Math.multiplyExact(shape[1], codesPerByte);
            fits =
                shape[1] % GROUP == 0
                    && scales.type() == StorageType.F16
                    && Arrays.equals(scales.shape(), new long[] {shape[0], shape[1] / GROUP});
          }
          if (!fits) {
            throw new InvalidModelException(
                "%s: tensor %s is %s, but its codes are %s %s and its scales %s %s"
                    .formatted(
                        manifest,
                        Quote.of(name),
                        type.label(),
                        codes.type(),
                        Arrays.toString(codes.shape()),
                        scales.type(),
                        Arrays.toString(scales.shape())));
          }
          long bytes = Math.addExact(codes.bytes(), scales.bytes());
          TensorInfo whole = new TensorInfo(name, type, shape, codes.offset(), bytes);
          parts.put(name, new Parts(whole, codes, scales));
        });
  }

  /** The names of a checkpoint: quantised tensors as one, where their codes are. */
  List<String> names(Set<String> stored) {
    List<String> names = new ArrayList<>();
    for (String name : stored) {
      String codesOf = owner(name, QuantizationManifest.CODES);
      if (codesOf != null) {
        names.add(codesOf);
      } else if (owner(name, QuantizationManifest.SCALES) == null) {
        names.add(name);
      }
    }
    return names;
  }

  private @Nullable String owner(String stored, String suffix) {
    if (!stored.endsWith(suffix)) {
      return null;
    }
    String name = stored.substring(0, stored.length() - suffix.length());
    return parts.containsKey(name) ? name : null;
  }

  boolean contains(String name) {
    return parts.containsKey(name);
  }

  /** A tensor as a whole. */
  TensorInfo tensor(String name) {
    return of(name).whole;
  }

  private Parts of(String name) {
    Parts found = parts.get(name);
    if (found == null) {
      throw new IllegalArgumentException(Quote.of(name) + " is not quantised");
    }
    return found;
  }

  /** Reads stored bytes of a stored tensor. */
  interface Reader {
    void read(TensorInfo stored, long byteOffset, ByteBuffer into);
  }

  /** Fills both buffers from their start with rows of a tensor, and sets their limits. */
  void read(
      String name, long firstRow, int rows, ByteBuffer codes, ByteBuffer scales, Reader reader) {
    Parts tensor = of(name);
    long allRows = tensor.whole.shape()[0];
    read(reader, tensor.codes, tensor.codes.bytes() / allRows, firstRow, rows, codes);
    read(reader, tensor.scales, tensor.scales.bytes() / allRows, firstRow, rows, scales);
  }

  private static void read(
      Reader reader, TensorInfo stored, long rowBytes, long firstRow, int rows, ByteBuffer into) {
    reader.read(stored, firstRow * rowBytes, into.clear().limit(Math.toIntExact(rows * rowBytes)));
    into.flip();
  }

  /** Elements of a tensor in whole groups, as floats. */
  void readFloats(
      String name, long firstElement, float[] into, int start, int count, Reader reader) {
    Parts tensor = of(name);
    if (firstElement % GROUP != 0 || count % GROUP != 0) {
      throw new IllegalArgumentException(
          "%s is read in groups of %d elements, not %d from %d"
              .formatted(name, GROUP, count, firstElement));
    }
    boolean bytes = tensor.whole.type() == StorageType.INT8;
    ByteBuffer codes = ByteBuffer.allocate(bytes ? count : count / 2);
    ByteBuffer scales =
        ByteBuffer.allocate(count / GROUP * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    reader.read(tensor.codes, bytes ? firstElement : firstElement / 2, codes);
    reader.read(tensor.scales, firstElement / GROUP * Short.BYTES, scales);
    for (int i = 0; i < count; i++) {
      int both = codes.get(bytes ? i : i / 2);
      int code = bytes ? both : ((i % 2 == 0 ? both : both >> 4) & 15) - 8;
      into[start + i] = code * HalfPrecision.fromF16(scales.getShort(i / GROUP * Short.BYTES));
    }
  }
}
