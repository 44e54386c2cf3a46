package io.sambay4j.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelFamily;
import io.sambay4j.model.ModelPart;
import io.sambay4j.model.ModelTensors.Expected;
import io.sambay4j.model.RopeConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * A dense model in the layout of Llama, for engines that know that one alone: query, key and value
 * matrices apart, gate and up apart, the whole head rotated. As many weights and as much arithmetic
 * as the model it is made from.
 */
final class RandomLlama {
  private final ModelConfig config;

  /**
   * The layout of a model.
   *
   * @throws IllegalArgumentException if the model is no dense one
   */
  RandomLlama(ModelConfig config) {
    if (config.family() != ModelFamily.PHI3) {
      throw new IllegalArgumentException(
          config.family().modelType() + " models have no layout of Llama, only dense ones");
    }
    this.config = config;
  }

  /** All tensors under Llama's names. */
  List<Expected> tensors() {
    long hidden = config.hiddenSize();
    long width = config.attentionWidth();
    long inner = config.intermediateSize();
    List<Expected> all = new ArrayList<>();
    all.add(tensor(ModelPart.EMBEDDING, "model.embed_tokens.weight", config.vocabSize(), hidden));
    for (int i = 0; i < config.layers().size(); i++) {
      String layer = "model.layers." + i + ".";
      all.add(tensor(ModelPart.NORMS, layer + "input_layernorm.weight", hidden));
      all.add(tensor(ModelPart.ATTENTION, layer + "self_attn.q_proj.weight", width, hidden));
      all.add(
          tensor(ModelPart.ATTENTION, layer + "self_attn.k_proj.weight", config.kvWidth(), hidden));
      all.add(
          tensor(ModelPart.ATTENTION, layer + "self_attn.v_proj.weight", config.kvWidth(), hidden));
      all.add(tensor(ModelPart.ATTENTION, layer + "self_attn.o_proj.weight", hidden, width));
      all.add(tensor(ModelPart.NORMS, layer + "post_attention_layernorm.weight", hidden));
      all.add(tensor(ModelPart.MLP, layer + "mlp.gate_proj.weight", inner, hidden));
      all.add(tensor(ModelPart.MLP, layer + "mlp.up_proj.weight", inner, hidden));
      all.add(tensor(ModelPart.MLP, layer + "mlp.down_proj.weight", hidden, inner));
    }
    all.add(tensor(ModelPart.NORMS, "model.norm.weight", hidden));
    return all;
  }

  private static Expected tensor(ModelPart part, String name, long... shape) {
    return new Expected(name, shape, part, false);
  }

  /** Writes configuration and tokenizer. */
  void writeSettings(Path directory) throws IOException {
    ObjectMapper json = new ObjectMapper();
    RopeConfig rope = Objects.requireNonNull(config.rope());
    int end = config.vocabSize() - 1;
    ObjectNode settings =
        json.createObjectNode()
            .put("model_type", "llama")
            .put("hidden_size", config.hiddenSize())
            .put("intermediate_size", config.intermediateSize())
            .put("num_attention_heads", config.heads())
            .put("num_key_value_heads", config.kvHeads())
            .put("num_hidden_layers", config.layers().size())
            .put("head_dim", config.headDim())
            .put("rms_norm_eps", config.normEps())
            .put("vocab_size", config.vocabSize())
            .put("bos_token_id", end)
            .put("eos_token_id", end)
            .put("hidden_act", "silu")
            .put("max_position_embeddings", config.maxPositions())
            .put("rope_theta", rope.theta())
            .put("tie_word_embeddings", true)
            .put("torch_dtype", "bfloat16");
    settings.putArray("architectures").add("LlamaForCausalLM");
    json.writeValue(directory.resolve(ModelConfig.FILE).toFile(), settings);

    SyntheticVocabulary vocabulary = SyntheticVocabulary.of(config.vocabSize());
    ObjectNode tokenizer = json.createObjectNode().put("version", "1.0");
    tokenizer.putArray("added_tokens");
    tokenizer.putNull("normalizer");
    tokenizer
        .putObject("pre_tokenizer")
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true);
    tokenizer.putObject("decoder").put("type", "ByteLevel");
    ObjectNode model = tokenizer.putObject("model").put("type", "BPE");
    ObjectNode ids = model.putObject("vocab");
    for (int id = 0; id < vocabulary.tokens().size(); id++) {
      ids.put(vocabulary.tokens().get(id), id);
    }
    vocabulary.merges().forEach(model.putArray("merges")::add);
    json.writeValue(directory.resolve("tokenizer.json").toFile(), tokenizer);
    Files.writeString(directory.resolve("README.md"), "Random weights, for measurements.\n");
    String last = vocabulary.tokens().get(end);
    json.writeValue(
        directory.resolve("tokenizer_config.json").toFile(),
        json.createObjectNode().put("bos_token", last).put("eos_token", last));
  }
}
