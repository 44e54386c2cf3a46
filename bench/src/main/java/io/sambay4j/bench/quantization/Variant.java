package io.sambay4j.bench.quantization;

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
 */
record Variant(String name, @Nullable WeightFormat format, @Nullable WeightFormat roundedFirst) {
  /** The directory to load: a quantised copy where weights are rounded first. */
  interface Copies {
    Path of(WeightFormat format);
  }

  static List<Variant> all() {
    DType stored = DType.BF16;
    return List.of(
        new Variant("as stored", null, null),
        new Variant("int8", WeightFormat.INT8, null),
        new Variant("mixed", WeightFormat.MIXED, null),
        new Variant("int4", WeightFormat.INT4, null),
        new Variant("int4, head int4", WeightFormat.INT4.withEmbedding(DType.INT4), null),
        new Variant("int8, weights alone", f32(), WeightFormat.INT8),
        new Variant("int4, weights alone", f32(), WeightFormat.INT4),
        new Variant("int4 mixers only", new WeightFormat(DType.INT4, stored, stored), null),
        new Variant("int4 mlp only", new WeightFormat(stored, DType.INT4, stored), null),
        new Variant("int4 head only", new WeightFormat(stored, stored, DType.INT4), null),
        new Variant("int8 head only", new WeightFormat(stored, stored, DType.INT8), null));
  }

  private static WeightFormat f32() {
    return WeightFormat.all(DType.F32);
  }

  Path directory(Path model, Copies copies) {
    return roundedFirst == null ? model : copies.of(roundedFirst);
  }
}
