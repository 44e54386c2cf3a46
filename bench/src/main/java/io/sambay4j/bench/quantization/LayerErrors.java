package io.sambay4j.bench.quantization;

import io.sambay4j.backend.Tensor;
import io.sambay4j.model.Chunk;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.SequenceState;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;

/** How far the activations of a model move, layer by layer, when its weights are kept otherwise. */
final class LayerErrors {
  private static final int TOKENS = 64;
  private static final long SEED = 4;

  private LayerErrors() {}

  /** All activations of a prompt of random tokens, by name: hidden.0 .., memory, logits. */
  static Map<String, float[]> activations(Path directory, Variant variant) {
    Map<String, float[]> seen = new LinkedHashMap<>();
    try (SambayModel model =
            RunnableModel.open(directory, variant.format(), variant.activations(), TOKENS, TOKENS);
        SequenceState sequence = model.states().acquire()) {
      int vocabulary = model.config().vocabSize();
      int[] ids = new SplittableRandom(SEED).ints(TOKENS, 0, vocabulary).toArray();
      float[] logits = new float[TOKENS * vocabulary];
      model.forward(
          List.of(new Chunk(sequence, ids, Wanted.ALL)),
          (chunk, token, row) -> System.arraycopy(row, 0, logits, token * row.length, row.length),
          new SambayModel.Tap() {
            @Override
            public void hidden(int index, Tensor h) {
              seen.put("hidden." + index, RunnableModel.floats(model, h));
            }

            @Override
            public void memory(Tensor memory) {
              seen.put("memory", RunnableModel.floats(model, memory));
            }
          });
      seen.put("logits", logits);
    }
    return seen;
  }

  /** |got - want| / |want|, both as Euclidean norms, by name. */
  static Map<String, Double> relative(Map<String, float[]> want, Map<String, float[]> got) {
    Map<String, Double> errors = new LinkedHashMap<>();
    want.forEach(
        (name, wanted) -> {
          float[] values = Objects.requireNonNull(got.get(name), name);
          errors.put(name, Divergence.relativeError(wanted, values));
        });
    return errors;
  }
}
