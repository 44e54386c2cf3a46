package io.sambay4j.bench.quantization;

import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import io.sambay4j.model.Chunk;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.WeightFormat;
import io.sambay4j.weights.Checkpoint;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** How far the activations of a model move, layer by layer, when its weights are kept otherwise. */
final class LayerErrors {
  private static final int TOKENS = 64;
  private static final long SEED = 4;

  private LayerErrors() {}

  /** All activations of a prompt of random tokens, by name: hidden.0 .., memory, logits. */
  static Map<String, float[]> activations(Path directory, @Nullable WeightFormat format) {
    ModelConfig config = ModelConfig.read(directory.resolve(ModelConfig.FILE));
    LoadOptions options = new LoadOptions(format, DType.F32, TOKENS, 1, TOKENS, TOKENS);
    Map<String, float[]> seen = new LinkedHashMap<>();
    try (Checkpoint checkpoint = Checkpoint.open(directory);
        SambayModel model =
            ModelLoader.load(
                Backends.open("auto", null, 0), config, checkpoint, options, (done, all) -> {});
        SequenceState sequence = model.states().acquire()) {
      int[] ids = new SplittableRandom(SEED).ints(TOKENS, 0, config.vocabSize()).toArray();
      float[] logits = new float[TOKENS * config.vocabSize()];
      model.forward(
          List.of(new Chunk(sequence, ids, Wanted.ALL)),
          (chunk, token, row) -> System.arraycopy(row, 0, logits, token * row.length, row.length),
          new SambayModel.Tap() {
            @Override
            public void hidden(int index, Tensor h) {
              seen.put("hidden." + index, floats(model, h));
            }

            @Override
            public void memory(Tensor memory) {
              seen.put("memory", floats(model, memory));
            }
          });
      seen.put("logits", logits);
    }
    return seen;
  }

  private static float[] floats(SambayModel model, Tensor tensor) {
    float[] values = new float[tensor.rows() * tensor.cols()];
    model.backend().download(tensor, values, 0);
    return values;
  }

  /** |got - want| / |want|, both as Euclidean norms, by name. */
  static Map<String, Double> relative(Map<String, float[]> want, Map<String, float[]> got) {
    Map<String, Double> errors = new LinkedHashMap<>();
    want.forEach(
        (name, wanted) -> {
          float[] values = Objects.requireNonNull(got.get(name), name);
          double error = 0;
          double norm = 0;
          for (int i = 0; i < wanted.length; i++) {
            error += Math.pow((double) values[i] - wanted[i], 2);
            norm += Math.pow(wanted[i], 2);
          }
          errors.put(name, Math.sqrt(error / norm));
        });
    return errors;
  }
}
