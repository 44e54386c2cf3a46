package io.sambay4j.model;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.StorageType;
import io.sambay4j.weights.TensorInfo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Every tensor a model of a given configuration has: names, shapes and parts, in the order of the
 * layers.
 *
 * <p>Matrices are [output, input] as stored. Storage: all tensors of a checkpoint share one of F32,
 * F16 and BF16, and any may be F32 instead; {@code A_log} and {@code lambda_*} are published in F32
 * and should be. Matrices may be quantised instead.
 */
public final class ModelTensors {
  /**
   * A tensor that must be there.
   *
   * @param shape as stored
   * @param publishedInF32 whether the published checkpoint keeps it in F32 among BF16 tensors
   */
  @SuppressWarnings("ArrayRecordComponent") // copied in and out, never compared
  public record Expected(String name, long[] shape, ModelPart part, boolean publishedInF32) {
    public Expected {
      shape = shape.clone();
    }

    @Override
    public long[] shape() {
      return shape.clone();
    }

    /** Whether it is the weight of a matrix product, or a table of rows. */
    public boolean isMatrix() {
      return shape.length == 2 && !publishedInF32;
    }

    /** Number of elements. */
    public long elements() {
      return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(ModelTensors.class);
  private static final int MAX_COMPLAINTS = 8;

  private final ModelConfig config;
  private final TensorNames names;
  private final List<Expected> tensors = new ArrayList<>();
  private final Map<String, Expected> byName = new HashMap<>();

  private ModelTensors(ModelConfig config) {
    this.config = config;
    this.names = TensorNames.of(config);
  }

  /** The tensors of a configuration. */
  public static ModelTensors of(ModelConfig config) {
    ModelTensors all = new ModelTensors(config);
    all.add(
        ModelPart.EMBEDDING,
        all.names.embedding() + ".weight",
        config.vocabSize(),
        config.hiddenSize());
    for (int layer = 0; layer < config.layers().size(); layer++) {
      all.addLayer(layer);
    }
    all.addNorm(all.names.finalNorm());
    if (!config.tiedEmbeddings()) {
      all.add(
          ModelPart.HEAD, all.names.head() + ".weight", config.vocabSize(), config.hiddenSize());
    }
    return all;
  }

  /** All tensors: embedding, layers from the first, final norm, head. */
  public List<Expected> tensors() {
    return Collections.unmodifiableList(tensors);
  }

  /**
   * One tensor by name.
   *
   * @throws IllegalArgumentException if the model has none of that name
   */
  public Expected tensor(String name) {
    Expected found = byName.get(name);
    if (found == null) {
      throw new IllegalArgumentException("the model has no tensor " + Quote.of(name));
    }
    return found;
  }

  /** Number of parameters. */
  public long parameters() {
    return tensors.stream().mapToLong(Expected::elements).sum();
  }

  /** Number of parameters of a layer, counted from 0, its norms included. */
  public long parametersOfLayer(int layer) {
    String infix = ".layers." + layer + ".";
    return tensors.stream()
        .filter(tensor -> tensor.name().contains(infix))
        .mapToLong(Expected::elements)
        .sum();
  }

  /** Number of parameters by part, parts without any left out. */
  public Map<ModelPart, Long> parametersByPart() {
    Map<ModelPart, Long> counts = new EnumMap<>(ModelPart.class);
    for (Expected tensor : tensors) {
      counts.merge(tensor.part(), tensor.elements(), Long::sum);
    }
    return counts;
  }

  /**
   * Compares a checkpoint with what the configuration needs.
   *
   * <p>A head that a tied model does not need is passed over with a warning; any other surplus
   * tensor is refused, because it means that the weights belong to another configuration.
   *
   * @throws InvalidModelException naming the tensors that are missing, surplus or of the wrong
   *     shape or storage type
   */
  public void verify(Checkpoint checkpoint) {
    List<String> complaints = new ArrayList<>();
    Set<String> surplus = new HashSet<>(checkpoint.names());
    StorageType main = mainType(checkpoint);
    for (Expected expected : tensors) {
      if (!surplus.remove(expected.name())) {
        complaints.add(
            "tensor "
                + expected.name()
                + " is missing, expected "
                + Arrays.toString(expected.shape()));
      } else {
        compare(expected, checkpoint.tensor(expected.name()), main, complaints);
      }
    }
    String head = names.head() + ".weight";
    if (config.tiedEmbeddings() && surplus.remove(head)) {
      LOG.warn(
          "{}: {} is not used, because tie_word_embeddings makes the embedding the head",
          checkpoint.directory(),
          head);
    }
    surplus.stream()
        .sorted()
        .forEach(
            name ->
                complaints.add(
                    "tensor "
                        + Quote.of(name)
                        + " is surplus, the configuration has none of that name"));
    if (!complaints.isEmpty()) {
      int more = complaints.size() - MAX_COMPLAINTS;
      throw new InvalidModelException(
          checkpoint.directory()
              + ": "
              + String.join(
                  "; ", complaints.subList(0, Math.min(MAX_COMPLAINTS, complaints.size())))
              + (more > 0 ? "; and " + more + " more" : ""));
    }
  }

  private static void compare(
      Expected expected, TensorInfo found, StorageType main, List<String> complaints) {
    if (!Arrays.equals(expected.shape(), found.shape())) {
      complaints.add(
          "tensor "
              + expected.name()
              + " is "
              + Arrays.toString(found.shape())
              + ", expected "
              + Arrays.toString(expected.shape()));
    }
    if (found.type().isBlock() && expected.isMatrix()) {
      return; // quantised: each tensor by itself
    }
    if (found.type() != StorageType.F32 && found.type() != main) {
      complaints.add(
          "tensor "
              + expected.name()
              + " is stored as "
              + found.type()
              + ", expected "
              + (expected.publishedInF32() || main == StorageType.F32
                  ? "F32"
                  : main + " as most of the others, or F32"));
    } else if (expected.publishedInF32() && found.type() != StorageType.F32) {
      LOG.warn(
          "tensor {} is stored as {}; the published models keep it in F32, and the recurrence is sensitive to it",
          expected.name(),
          found.type());
    }
  }

  /**
   * The storage type of most bytes: what a single tensor of another 16-bit type is an error
   * against. F32 may stand beside any, and in a quantised model most of what is left is F32.
   */
  private static StorageType mainType(Checkpoint checkpoint) {
    boolean quantized = checkpoint.quantization().isPresent();
    return checkpoint.bytesByType().entrySet().stream()
        .filter(e -> e.getKey().isWeightType() && !e.getKey().isBlock())
        .filter(e -> !quantized || e.getKey() != StorageType.F32)
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .orElse(StorageType.F32);
  }

  private void addLayer(int layer) {
    LayerKind kind = config.layers().get(layer);
    addNorm(names.mixerNorm(layer));
    String mixer = names.mixer(layer) + ".";
    if (kind.isMamba()) {
      addMamba(mixer);
    } else if (kind == LayerKind.GMU) {
      addGmu(mixer);
    } else {
      addAttention(mixer, kind);
    }
    if (config.hasMlp()) {
      addNorm(names.mlpNorm(layer));
      String mlp = names.mlp(layer) + ".";
      add(ModelPart.MLP, mlp + "fc1.weight", 2L * config.intermediateSize(), config.hiddenSize());
      add(ModelPart.MLP, mlp + "fc2.weight", config.hiddenSize(), config.intermediateSize());
    }
  }

  private void addMamba(String mixer) {
    int inner = config.mambaInner();
    int rank = config.mambaDtRank();
    int state = config.mambaState();
    add(ModelPart.MAMBA, mixer + "in_proj.weight", 2L * inner, config.hiddenSize());
    add(ModelPart.MAMBA, mixer + "conv1d.weight", inner, 1, config.mambaConv());
    add(ModelPart.MAMBA, mixer + "conv1d.bias", inner);
    add(ModelPart.MAMBA, mixer + "x_proj.weight", rank + 2L * state, inner);
    add(ModelPart.MAMBA, mixer + "dt_proj.weight", inner, rank);
    add(ModelPart.MAMBA, mixer + "dt_proj.bias", inner);
    addF32(ModelPart.MAMBA, mixer + "A_log", inner, state);
    add(ModelPart.MAMBA, mixer + "D", inner);
    add(ModelPart.MAMBA, mixer + "out_proj.weight", config.hiddenSize(), inner);
  }

  private void addGmu(String mixer) {
    int inner = config.mambaInner();
    add(ModelPart.GMU, mixer + "in_proj.weight", inner, config.hiddenSize());
    if (config.gmuNorm()) {
      add(ModelPart.GMU, mixer + "norm.weight", inner);
    }
    add(ModelPart.GMU, mixer + "out_proj.weight", config.hiddenSize(), inner);
  }

  private void addAttention(String mixer, LayerKind kind) {
    long width = config.attentionWidth();
    long rows = kind == LayerKind.CROSS ? width : width + 2L * config.kvWidth();
    add(ModelPart.ATTENTION, mixer + "Wqkv.weight", rows, config.hiddenSize());
    if (config.attentionBias()) {
      add(ModelPart.ATTENTION, mixer + "Wqkv.bias", rows);
    }
    if (config.differentialAttention()) {
      for (String lambda : List.of("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")) {
        addF32(ModelPart.ATTENTION, mixer + "inner_cross_attn." + lambda, config.headDim());
      }
      add(ModelPart.ATTENTION, mixer + "inner_cross_attn.subln.weight", 2L * config.headDim());
    }
    add(ModelPart.ATTENTION, mixer + "out_proj.weight", config.hiddenSize(), width);
    if (config.attentionBias()) {
      add(ModelPart.ATTENTION, mixer + "out_proj.bias", config.hiddenSize());
    }
  }

  private void addNorm(String prefix) {
    add(ModelPart.NORMS, prefix + ".weight", config.hiddenSize());
    if (config.norm() == NormKind.LAYER_NORM) {
      add(ModelPart.NORMS, prefix + ".bias", config.hiddenSize());
    }
  }

  private void add(ModelPart part, String name, long... shape) {
    add(new Expected(name, shape, part, false));
  }

  private void addF32(ModelPart part, String name, long... shape) {
    add(new Expected(name, shape, part, true));
  }

  private void add(Expected tensor) {
    tensors.add(tensor);
    byName.put(tensor.name(), tensor);
  }
}
