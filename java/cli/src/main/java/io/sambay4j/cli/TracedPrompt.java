package io.sambay4j.cli;

import io.sambay4j.model.StateTensors;
import io.sambay4j.weights.SafeTensorsWriter;
import io.sambay4j.weights.SafeTensorsWriter.Declaration;
import io.sambay4j.weights.StorageType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A prompt and everything seen while a model read it: the tensors of the {@code logits} command.
 */
final class TracedPrompt {
  private final int[] ids;
  private final float[][] logits; // [tokens][vocabulary]
  private final Map<String, float[][]> layers = new LinkedHashMap<>(); // name -> [tokens][width]
  private final Map<String, StateTensors.Named> state = new LinkedHashMap<>();
  private final List<Integer> greedyIds = new ArrayList<>();
  private final List<float[]> greedyLogits = new ArrayList<>();

  TracedPrompt(int[] ids) {
    this.ids = ids;
    this.logits = new float[ids.length][];
  }

  int[] ids() {
    return ids;
  }

  void addLogits(int token, float[] row) {
    logits[token] = row;
  }

  void addLayer(String name, int token, float[] row) {
    layers.computeIfAbsent(name, key -> new float[ids.length][])[token] = row;
  }

  void addState(Map<String, StateTensors.Named> arrays) {
    state.putAll(arrays);
  }

  float[] lastLogits() {
    return logits[ids.length - 1];
  }

  /** The chosen token, and the logits it was chosen from. */
  void addGreedy(int id, float[] from) {
    greedyIds.add(id);
    greedyLogits.add(from);
  }

  /** The prompt and all chosen tokens but the last. */
  int[] pastIds() {
    int[] all = Arrays.copyOf(ids, ids.length + greedyIds.size() - 1);
    for (int i = 0; i < greedyIds.size() - 1; i++) {
      all[ids.length + i] = greedyIds.get(i);
    }
    return all;
  }

  /** The logits after the last chosen token. */
  void endGreedy(float[] last) {
    greedyLogits.add(last);
  }

  /** What {@link #write} will write, in its order. */
  List<Declaration> declarations(String prefix) {
    List<Declaration> all = new ArrayList<>();
    all.add(new Declaration(prefix + "input_ids", StorageType.I64, ids.length));
    all.add(floats(prefix + "logits", logits));
    layers.forEach((name, rows) -> all.add(floats(prefix + name, rows)));
    state.forEach(
        (name, array) -> {
          if (array.values().length > 0) { // a convolution of one tap keeps nothing
            all.add(new Declaration(prefix + name, StorageType.F32, array.shape()));
          }
        });
    if (!greedyIds.isEmpty()) {
      all.add(new Declaration(prefix + "greedy_ids", StorageType.I64, greedyIds.size()));
      all.add(floats(prefix + "greedy_logits", greedyLogits.toArray(float[][]::new)));
    }
    return all;
  }

  private static Declaration floats(String name, float[][] rows) {
    return new Declaration(name, StorageType.F32, rows.length, rows[0].length);
  }

  void write(String prefix, SafeTensorsWriter writer) {
    writer.writeLongs(prefix + "input_ids", Arrays.stream(ids).asLongStream().toArray());
    write(writer, prefix + "logits", logits);
    layers.forEach((name, rows) -> write(writer, prefix + name, rows));
    state.forEach(
        (name, array) -> {
          if (array.values().length > 0) {
            writer.writeFloats(prefix + name, array.values());
          }
        });
    if (!greedyIds.isEmpty()) {
      writer.writeLongs(
          prefix + "greedy_ids", greedyIds.stream().mapToLong(Integer::longValue).toArray());
      write(writer, prefix + "greedy_logits", greedyLogits.toArray(float[][]::new));
    }
  }

  private static void write(SafeTensorsWriter writer, String name, float[][] rows) {
    for (float[] row : rows) {
      writer.writeFloats(name, row);
    }
  }
}
