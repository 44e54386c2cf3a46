package io.sambay4j.model;

import io.sambay4j.backend.DType;
import io.sambay4j.model.ModelTensors.Expected;
import io.sambay4j.weights.StorageType;
import java.util.List;
import java.util.Locale;

/**
 * How weight matrices are kept, by the part of the model they belong to. Everything that is not the
 * weight of a product keeps f32: norms, biases, convolutions, {@code A_log}, {@code D}, the
 * lambdas.
 *
 * <p>Where a part is quantised, a matrix whose rows are not whole groups of 32 columns is kept as
 * it is stored, and {@code x_proj} and {@code dt_proj}, which steer the recurrence, have 8 bits at
 * least. Reasons and measurements: {@code docs/quantization.md}.
 *
 * @param mixers Mamba, attention and gated memory units
 * @param mlp the MLPs, two thirds of all weights
 * @param embedding the table of tokens and the head
 */
public record WeightFormat(DType mixers, DType mlp, DType embedding) {
  /** 8.5 bits everywhere. */
  public static final WeightFormat INT8 = all(DType.INT8);

  /** 4.5 bits but for the embedding and head, which have 8.5. */
  public static final WeightFormat INT4 = new WeightFormat(DType.INT4, DType.INT4, DType.INT8);

  /** 4.5 bits in the MLPs, 8.5 elsewhere. */
  public static final WeightFormat MIXED = new WeightFormat(DType.INT8, DType.INT4, DType.INT8);

  private static final List<String> AT_LEAST_INT8 = List.of(".x_proj.weight", ".dt_proj.weight");

  /** Every matrix in one format. */
  public static WeightFormat all(DType dtype) {
    return new WeightFormat(dtype, dtype, dtype);
  }

  /** The usual choice that goes by the name of a format: {@link #INT4} keeps a finer head. */
  public static WeightFormat of(DType dtype) {
    return dtype == DType.INT4 ? INT4 : all(dtype);
  }

  /** The same with another embedding and head. */
  public WeightFormat withEmbedding(DType dtype) {
    return new WeightFormat(mixers, mlp, dtype);
  }

  /** How a matrix is kept that is stored so. */
  public DType kept(Expected tensor, StorageType stored) {
    DType wanted =
        switch (tensor.part()) {
          case EMBEDDING, HEAD -> embedding;
          case MLP -> mlp;
          case MAMBA, ATTENTION, GMU, NORMS -> mixers;
        };
    if (!wanted.isQuantized()) {
      return wanted;
    }
    if (!tensor.isMatrix() || tensor.shape()[1] % DType.GROUP != 0) {
      return storedAs(stored);
    }
    boolean fine = AT_LEAST_INT8.stream().anyMatch(tensor.name()::endsWith);
    return fine ? DType.INT8 : wanted;
  }

  /** What keeps numbers as they are stored. */
  static DType storedAs(StorageType stored) {
    return DType.valueOf(stored.name());
  }

  /** For people: "int4", "mixed", "int4 with head int4". */
  public String label() {
    if (equals(of(mixers))) {
      return label(mixers);
    }
    if (equals(MIXED)) {
      return "mixed";
    }
    if (mixers == mlp) {
      return label(mixers) + " with head " + label(embedding);
    }
    return "mixers %s, mlp %s, head %s".formatted(label(mixers), label(mlp), label(embedding));
  }

  private static String label(DType dtype) {
    return dtype.name().toLowerCase(Locale.ROOT);
  }
}
