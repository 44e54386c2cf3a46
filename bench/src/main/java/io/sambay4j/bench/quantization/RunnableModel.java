package io.sambay4j.bench.quantization;

import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.WeightFormat;
import io.sambay4j.weights.Checkpoint;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Opens models for single sequences of known length, without tokenizer and scheduler. */
final class RunnableModel {
  private RunnableModel() {}

  /**
   * Loads a model.
   *
   * @param format null: as stored
   * @param context tokens the sequence may have
   * @param chunk most tokens of a step
   */
  static SambayModel open(
      Path directory, @Nullable WeightFormat format, DType activations, int context, int chunk) {
    ModelConfig config = ModelConfig.read(directory.resolve(ModelConfig.FILE));
    LoadOptions options = new LoadOptions(format, activations, context, 1, chunk, context);
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      return ModelLoader.load(
          Backends.open("auto", null, 0), config, checkpoint, options, (done, all) -> {});
    }
  }

  static float[] floats(SambayModel model, Tensor tensor) {
    float[] values = new float[tensor.rows() * tensor.cols()];
    model.backend().download(tensor, values, 0);
    return values;
  }
}
