package io.sambay4j.bench.peers;

import io.sambay4j.bench.peers.Engine.Test;
import io.sambay4j.bench.peers.Row.Entry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What is compared with what. */
final class Comparison {
  private static final List<String> TYPES = List.of("q4_0", "q8_0", "bf16");
  private static final int JLAMA_PROMPT = 512;
  private static final String NO_INT8 =
      "its native library has no product of 8-bit weights (UnsupportedOperationException: I8 I8)";

  private final Models models;
  private final Path flash;
  private final int prompt;
  private final int tokens;
  private final List<Integer> contexts;

  /**
   * The rows of a comparison.
   *
   * @param flash a full-size random checkpoint of the hybrid; empty: one is made
   * @param prompt tokens of prompts
   * @param tokens decoded in each run
   * @param contexts of the hybrid beside the dense model
   */
  Comparison(Models models, Path flash, int prompt, int tokens, List<Integer> contexts) {
    this.models = models;
    this.flash = flash.toString().isEmpty() ? models.flash() : flash;
    this.prompt = prompt;
    this.tokens = tokens;
    this.contexts = contexts;
  }

  List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    for (String type : TYPES) {
      rows.add(
          new Row(
              "decode-0-" + type,
              "decode, Phi-4-mini, context 0",
              type,
              Test.DECODE,
              0,
              dense(type, tokens)));
    }
    for (String type : TYPES) {
      rows.add(
          new Row(
              "prefill-" + type,
              "prompt of %,d, Phi-4-mini".formatted(prompt),
              type,
              Test.PREFILL,
              0,
              dense(type, prompt)));
    }
    rows.add(flashPrompt());
    for (int context : contexts) {
      rows.add(flashDecode(context));
    }
    return rows;
  }

  /** All engines on the dense model; Jlama reads a shorter prompt, which would take minutes. */
  private Map<Engine, Entry> dense(String type, int count) {
    Map<Engine, Entry> entries = new EnumMap<>(Engine.class);
    Objects.requireNonNull(Engine.TYPES.get(type))
        .forEach(
            (engine, name) -> {
              boolean jlama = engine == Engine.JLAMA;
              Path model = jlama ? models.llama(name) : models.gguf(type);
              String reason = name.isEmpty() ? NO_INT8 : "";
              int shorter = jlama ? Math.min(count, JLAMA_PROMPT) : count;
              entries.put(engine, new Entry(model, name, shorter, reason));
            });
    return entries;
  }

  private Row flashPrompt() {
    Map<Engine, Entry> entries = new EnumMap<>(Engine.class);
    entries.put(Engine.SAMBAY, new Entry(flash, "int8", prompt, ""));
    entries.put(Engine.LLAMA_NPM, new Entry(models.gguf("q8_0"), "q8_0", prompt, ""));
    return new Row(
        "prefill-flash",
        "prompt of %,d, flash; the peer: Phi-4-mini".formatted(prompt),
        "int8; q8_0",
        Test.PREFILL,
        0,
        entries);
  }

  private Row flashDecode(int context) {
    Map<Engine, Entry> entries = new EnumMap<>(Engine.class);
    entries.put(Engine.SAMBAY, new Entry(flash, "int4", tokens, ""));
    entries.put(Engine.LLAMA_NPM, new Entry(models.gguf("q4_0"), "q4_0", tokens, ""));
    return new Row(
        "decode-flash-" + context,
        "decode, flash, context %,d; the peer: Phi-4-mini".formatted(context),
        "int4; q4_0",
        Test.DECODE,
        context,
        entries);
  }
}
