package io.sambay4j.bench.quantization;

import io.sambay4j.model.ModelPart;
import io.sambay4j.model.ModelTensors;
import io.sambay4j.model.ModelTensors.Expected;
import java.util.List;
import java.util.function.Predicate;

/**
 * Some tensors, to be rounded while all others stay as they are stored.
 *
 * @param name in the tables
 */
record Part(String name, Predicate<Expected> tensors) {
  /** The matrices by what they do, and two small tensors that are never quantised. */
  static List<Part> all() {
    return List.of(
        new Part("embedding and head", Part::isTable),
        of("Mamba in_proj", ModelPart.MAMBA, ".in_proj.weight"),
        of("Mamba x_proj", ModelPart.MAMBA, ".x_proj.weight"),
        of("Mamba dt_proj", ModelPart.MAMBA, ".dt_proj.weight"),
        of("Mamba out_proj", ModelPart.MAMBA, ".out_proj.weight"),
        of("attention Wqkv", ModelPart.ATTENTION, ".Wqkv.weight"),
        of("attention out_proj", ModelPart.ATTENTION, ".out_proj.weight"),
        of("GMU in_proj", ModelPart.GMU, ".in_proj.weight"),
        of("GMU out_proj", ModelPart.GMU, ".out_proj.weight"),
        of("MLP fc1, gate and up", ModelPart.MLP, ".fc1.weight"),
        of("MLP fc2, down", ModelPart.MLP, ".fc2.weight"),
        of("A_log", ModelPart.MAMBA, ".A_log"),
        of("conv1d", ModelPart.MAMBA, ".conv1d.weight"));
  }

  private static Part of(String name, ModelPart part, String ending) {
    return new Part(name, tensor -> tensor.part() == part && tensor.name().endsWith(ending));
  }

  /** All matrices of a layer. */
  static Part layer(int index) {
    String infix = ".layers." + index + ".";
    return new Part("layer " + index, tensor -> tensor.name().contains(infix) && tensor.isMatrix());
  }

  private static boolean isTable(Expected tensor) {
    return tensor.part() == ModelPart.EMBEDDING || tensor.part() == ModelPart.HEAD;
  }

  /** Its share of all weights. */
  double share(ModelTensors model) {
    long own = model.tensors().stream().filter(tensors).mapToLong(Expected::elements).sum();
    return (double) own / model.parameters();
  }
}
