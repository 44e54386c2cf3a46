package io.sambay4j.bench.quantization;

import io.sambay4j.backend.DType;
import io.sambay4j.backend.Quantizer;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelTensors;
import io.sambay4j.model.ModelTensors.Expected;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.HalfPrecision;
import io.sambay4j.weights.SafeTensorsWriter;
import io.sambay4j.weights.SafeTensorsWriter.Declaration;
import io.sambay4j.weights.StorageType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A copy of a small model whose tensors of one {@link Part} have been rounded to a quantised type
 * and back: what that type does to those weights alone, whether or not the engine would keep them
 * so. Everything in it is f32, which keeps bf16 exactly.
 */
final class RoundedCopy {
  private RoundedCopy() {}

  /**
   * Writes the copy.
   *
   * @param to must not exist
   * @param type INT8 or INT4; a row shorter than a group is a group of its own
   */
  static void write(Path from, Path to, Part part, DType type) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
        if (!file.toString().endsWith(".index.json")) {
          Files.copy(file, to.resolve(file.getFileName()));
        }
      }
    }
    List<Expected> tensors =
        ModelTensors.of(ModelConfig.read(from.resolve(ModelConfig.FILE))).tensors();
    try (Checkpoint source = Checkpoint.open(from)) {
      List<Declaration> declarations =
          tensors.stream()
              .map(tensor -> new Declaration(tensor.name(), StorageType.F32, tensor.shape()))
              .toList();
      try (SafeTensorsWriter writer =
          SafeTensorsWriter.create(
              to.resolve(Checkpoint.SINGLE_FILE), declarations, Map.of("format", "pt"))) {
        for (Expected tensor : tensors) {
          float[] values = source.readFloats(source.tensor(tensor.name()));
          if (part.tensors().test(tensor)) {
            long[] shape = tensor.shape();
            values = round(values, (int) shape[shape.length - 1], type);
          }
          writer.writeFloats(tensor.name(), values);
        }
        writer.commit();
      }
    }
  }

  /** Rows rounded to a type; the last group of a row is filled up with zeros. */
  static float[] round(float[] values, int cols, DType type) {
    int rows = values.length / cols;
    int padded = (cols + DType.GROUP - 1) / DType.GROUP * DType.GROUP;
    ByteBuffer from =
        ByteBuffer.allocateDirect(rows * padded * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < values.length; i++) {
      from.putFloat((i / cols * padded + i % cols) * Float.BYTES, values[i]);
    }
    Quantizer.Rows to = Quantizer.Rows.allocate(type, rows, padded);
    Quantizer.quantize(from, DType.F32, padded, type, to);
    float[] rounded = new float[values.length];
    for (int i = 0; i < rounded.length; i++) {
      int at = i / cols * padded + i % cols;
      float scale = HalfPrecision.fromF16(to.scales().getShort(at / DType.GROUP * Short.BYTES));
      rounded[i] = scale * code(to.codes(), at, type);
    }
    return rounded;
  }

  private static int code(ByteBuffer codes, int at, DType type) {
    if (type == DType.INT8) {
      return codes.get(at);
    }
    int pair = codes.get(at / 2);
    return (at % 2 == 0 ? pair & 15 : (pair >> 4) & 15) - 8;
  }
}
