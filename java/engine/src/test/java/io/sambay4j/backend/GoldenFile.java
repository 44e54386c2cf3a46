package io.sambay4j.backend;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The tensors of one file of native/tests/goldens/kernels, trusted to be well formed. */
final class GoldenFile {
  private final JsonNode header;
  private final ByteBuffer data;

  private GoldenFile(JsonNode header, ByteBuffer data) {
    this.header = header;
    this.data = data;
  }

  static GoldenFile read(String name) {
    String root =
        requireNonNull(System.getProperty("sambay.root"), "sambay.root: the repository's root");
    Path file = Path.of(root, "native/tests/goldens/kernels", name + ".safetensors");
    try {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
      int headerBytes = (int) bytes.getLong();
      String json = new String(bytes.array(), 8, headerBytes, StandardCharsets.UTF_8);
      ByteBuffer data = bytes.position(8 + headerBytes).slice();
      return new GoldenFile(new ObjectMapper().readTree(json), data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  boolean has(String name) {
    return header.has(name);
  }

  int[] shape(String name) {
    JsonNode shape = header.required(name).required("shape");
    int[] sizes = new int[shape.size()];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = shape.get(i).intValue();
    }
    return sizes;
  }

  float[] floats(String name) {
    ByteBuffer bytes = bytes(name, "F32");
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return values;
  }

  int[] integers(String name) {
    ByteBuffer bytes = bytes(name, "I64");
    int[] values = new int[bytes.remaining() / Long.BYTES];
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.toIntExact(bytes.getLong());
    }
    return values;
  }

  private ByteBuffer bytes(String name, String dtype) {
    JsonNode entry = header.required(name);
    if (!entry.required("dtype").asText().equals(dtype)) {
      throw new IllegalArgumentException(name + " is not " + dtype);
    }
    JsonNode offsets = entry.required("data_offsets");
    int begin = offsets.get(0).intValue();
    return data.slice(begin, offsets.get(1).intValue() - begin).order(ByteOrder.LITTLE_ENDIAN);
  }
}
