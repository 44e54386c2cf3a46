package io.sambay4j.bench.quantization;

import io.sambay4j.TextModel;
import io.sambay4j.backend.DType;
import io.sambay4j.model.WeightFormat;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A way of keeping the weights of a model.
 *
 * @param name in the tables
 * @param format null: as stored
 * @param roundedFirst another format the weights are rounded to before: with an f32 {@code format},
 *     what the weights alone cost, without the rounding of activations
 * @param activations F32 or BF16
 */
record Variant(
    String name,
    @Nullable WeightFormat format,
    @Nullable WeightFormat roundedFirst,
    DType activations) {
  /** What others are compared with. The weights are bf16, which f32 keeps exactly. */
  static final Variant STORED = of("as stored, bf16", null);

  /** The directory to load: a quantised copy where weights are rounded first. */
  interface Copies {
    Path of(WeightFormat format);
  }

  static List<Variant> all() {
    DType stored = DType.BF16;
    return List.of(
        STORED,
        of("int8", WeightFormat.INT8),
        of("mixed", WeightFormat.MIXED),
        of("int4", WeightFormat.INT4),
        of("int4, head int4", WeightFormat.INT4.withEmbedding(DType.INT4)),
        new Variant("int8, weights alone", f32(), WeightFormat.INT8, DType.F32),
        new Variant("int4, weights alone", f32(), WeightFormat.INT4, DType.F32),
        of("f32", f32()),
        new Variant("bf16 activations", WeightFormat.all(DType.BF16), null, DType.BF16),
        of("bf16 with int4 mixers", new WeightFormat(DType.INT4, stored, stored)),
        of("bf16 with int4 MLPs", new WeightFormat(stored, DType.INT4, stored)),
        of("bf16 with int4 head", new WeightFormat(stored, stored, DType.INT4)),
        of("bf16 with int8 head", new WeightFormat(stored, stored, DType.INT8)));
  }

  private static Variant of(String name, @Nullable WeightFormat format) {
    return new Variant(name, format, null, DType.F32);
  }

  private static WeightFormat f32() {
    return WeightFormat.all(DType.F32);
  }

  Path directory(Path model, Copies copies) {
    return roundedFirst == null ? model : copies.of(roundedFirst);
  }

  TextModel.Builder builder(Path directory) {
    TextModel.Builder builder = TextModel.builder(directory).activations(activations);
    return format == null ? builder : builder.weights(format);
  }
}
