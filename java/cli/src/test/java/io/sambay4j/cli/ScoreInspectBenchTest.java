package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ScoreInspectBenchTest {
  private static final String TEXT = "17+25: 7+5=12, 1+2+1=4. Answer: 42";

  @TempDir private Path temporary;

  @Test
  void scoresAddUp() throws IOException {
    JsonNode json = Run.sambay("score", "--json", TEXT).expect(0).json();
    double sum = 0;
    StringBuilder text = new StringBuilder();
    for (JsonNode token : json.get("tokens")) {
      sum += token.get("logprob").doubleValue();
      text.append(token.get("text").textValue());
    }
    assertTrue(TEXT.endsWith(text.toString()), text.toString());
    assertEquals(sum, json.get("logprob").doubleValue(), 1e-9);
    double perplexity = Math.exp(-sum / json.get("tokens").size());
    assertEquals(perplexity, json.get("perplexity").doubleValue(), 1e-9 * perplexity);
  }

  @Test
  void scoresAsATableAndInShort() throws IOException {
    Path file = Files.writeString(temporary.resolve("text"), TEXT + "\n");
    List<String> lines = Run.withInput(TEXT, "score").expect(0).out().lines().toList();
    List<String> summary =
        Run.sambay("score", "--summary", "--file", file).expect(0).out().lines().toList();
    assertEquals(1, summary.size());
    assertEquals(summary.get(0), lines.get(lines.size() - 1));
    assertTrue(
        summary.get(0).matches("\\d+ tokens scored, log-probability -\\S+, perplexity \\S+"));
    assertTrue(lines.get(0).contains("log-prob"));
  }

  @Test
  void inspectKnowsTheModelInTheBox() throws IOException {
    JsonNode json =
        Run.sambay("inspect", "--json", "--context", "1000", "--batch", "3").expect(0).json();
    assertEquals(1_839_488, json.get("parameters").get("all").intValue()); // from its card
    assertEquals(8, json.get("layers").size());
    JsonNode memory = json.get("memory");
    assertEquals(3, memory.get("sequences").intValue());
    assertEquals(
        memory.get("cache_bytes_per_token").longValue() * 3 * 1000,
        memory.get("cache_bytes").longValue());
    JsonNode configuration = json.get("configuration");
    // keys and values of the full layer, f32
    assertEquals(
        2L
            * 4
            * configuration.get("kv_heads").intValue()
            * configuration.get("head_dim").intValue(),
        memory.get("cache_bytes_per_token").longValue());
    assertEquals("--context", json.get("context").get("source").textValue());
    JsonNode half =
        Run.sambay("inspect", "--json", "--activations", "bf16", "--dtype", "f32").json();
    assertEquals(
        memory.get("cache_bytes_per_token").longValue(),
        2 * half.get("memory").get("cache_bytes_per_token").longValue());
    assertEquals(4096, half.get("context").get("tokens").intValue());
  }

  @Test
  void inspectPrintsTables() {
    String out = Run.sambay("inspect").expect(0).out();
    for (String piece :
        List.of("mamba_mem", "1,839,488", "4,096 tokens, from model_max_length", "tied", "bf16")) {
      assertTrue(out.contains(piece), piece + " is missing from\n" + out);
    }
  }

  @Test
  void inspectKnowsADenseModel() throws IOException {
    Path dense = Run.GOLDENS.resolve("phi4mini-tiny");
    String out = Run.sambay("inspect", "--model", dense).expect(0).out();
    for (String piece :
        List.of("phi3", "12 of 16 features", "other factors beyond 16 tokens", "rms_norm")) {
      assertTrue(out.contains(piece), piece + " is missing from\n" + out);
    }
    assertFalse(out.contains("mamba"), out);
    JsonNode json = Run.sambay("inspect", "--model", dense, "--json").expect(0).json();
    assertEquals(16, json.get("configuration").get("rope_original_context").intValue());
    assertEquals(
        4 * 2 * 2 * 16 * 4, // layers, keys and values, heads of 16 features, f32
        json.get("memory").get("cache_bytes_per_token").intValue());
  }

  @Test
  void inspectKnowsAGgufFile() throws IOException {
    Path file =
        Run.GOLDENS.resolve("../../../java/engine/src/test/resources/gguf/dense.gguf").normalize();
    String out = Run.sambay("inspect", "--model", file, "--check").expect(0).out();
    for (String piece :
        List.of(
            "gguf, version 3",
            "320 tokens, gpt2, pre-tokenizer gpt-4o",
            "q8_0",
            "q4_0",
            "128 tokens, from context_length of the file",
            "numbers are finite")) {
      assertTrue(out.contains(piece), piece + " is missing from\n" + out);
    }
    String json =
        Run.sambay("generate", "--model", file, "--max-tokens", "3", "--json", "the")
            .expect(0)
            .out();
    assertTrue(json.contains("tokens"), json);
    Run damaged =
        Run.sambay("inspect", "--model", Run.TINY_REASONER.resolve("model.safetensors")).expect(1);
    assertTrue(damaged.err().contains("expected a model directory"), damaged.err());
  }

  @Test
  void inspectReadsAConfigurationWithoutWeightsAndSaysSo() throws IOException {
    Files.copy(Run.TINY_REASONER.resolve("config.json"), temporary.resolve("config.json"));
    Run run = Run.sambay("inspect", "--model", temporary).expect(1);
    assertTrue(run.out().contains("1,839,488"), run.out());
    assertTrue(run.err().contains("no weights found"), run.err());
  }

  @Test
  void checkFindsNumbersThatAreNotFinite() throws IOException {
    assertTrue(Run.sambay("inspect", "--check").expect(0).out().contains("numbers are finite"));
    for (String name : List.of("config.json", "model.safetensors")) {
      Files.copy(Run.TINY_REASONER.resolve(name), temporary.resolve(name));
    }
    try (RandomAccessFile file =
        new RandomAccessFile(temporary.resolve("model.safetensors").toFile(), "rw")) {
      file.seek(file.length() - 2);
      file.write(new byte[] {(byte) 0xc0, 0x7f}); // NaN in bf16, and in the upper half of f32
    }
    Run run = Run.sambay("inspect", "--model", temporary, "--check").expect(1);
    assertTrue(run.out().contains("1 tensors hold numbers that are not finite"), run.out());
    assertFalse(Run.sambay("inspect", "--model", temporary).expect(0).out().contains("finite"));
  }

  @Test
  void benchInThreeFormats() throws IOException {
    Object[] args = {
      "bench", "--prompt", "16,5,0", "--gen", "3", "--batch", "1,2", "--repetitions", "2"
    };
    Run table = Run.sambay(args).expect(0);
    assertTrue(table.out().contains("pp16") && table.out().contains("tg3"), table.out());

    JsonNode json = Run.sambay(with(args, "--json")).expect(0).json();
    assertEquals(6, json.get("tests").size());
    for (JsonNode test : json.get("tests")) {
      double sum = 0;
      for (JsonNode rate : test.get("runs")) {
        assertTrue(rate.doubleValue() > 0);
        sum += rate.doubleValue();
      }
      assertEquals(2, test.get("runs").size());
      assertEquals(sum / 2, test.get("tokens_per_second").doubleValue(), 1e-6 * sum);
    }

    List<String> csv = Run.sambay(with(args, "--csv")).expect(0).out().lines().toList();
    assertEquals(7, csv.size());
    assertTrue(csv.get(0).startsWith("test,depth,tokens,batch,"));
    assertTrue(csv.get(1).startsWith("pp,0,16,1,2,"), csv.get(1));
  }

  @Test
  void benchAtADepth() throws IOException {
    Object[] args = {
      "bench", "--prompt", "16", "--gen", "3", "--depth", "0,700", "--repetitions", "1"
    };
    Run table = Run.sambay(args).expect(0);
    assertTrue(table.out().contains("tg3 @ d700"), table.out());
    JsonNode tests = Run.sambay(with(args, "--json")).expect(0).json().get("tests");
    assertEquals(4, tests.size());
    assertEquals(0, tests.get(1).get("depth").intValue());
    assertEquals(700, tests.get(2).get("depth").intValue());
    assertEquals(700, tests.get(3).get("depth").intValue());
  }

  @Test
  void benchBesideTheLimit() throws IOException {
    Object[] args = {
      "bench", "--prompt", "64", "--gen", "8", "--repetitions", "1", "--dtype", "int8"
    };
    JsonNode json = Run.sambay(with(with(args, "--compare-limit"), "--json")).expect(0).json();
    assertEquals(2, json.get("tests").size());
    for (JsonNode test : json.get("tests")) {
      assertTrue(test.get("limits").get("read_bytes_per_second").doubleValue() > 1e6);
      assertTrue(test.get("limits").get("f32_flops").doubleValue() > 1e6);
      assertTrue(test.get("limit_share").doubleValue() > 0);
    }
    assertFalse(Run.sambay(with(args, "--json")).expect(0).out().contains("limit"));
  }

  private static Object[] with(Object[] args, Object more) {
    Object[] all = java.util.Arrays.copyOf(args, args.length + 1);
    all[args.length] = more;
    return all;
  }

  @Test
  void deviationIsThatOfASample() {
    Benchmark.Result result = new Benchmark.Result("pp", 0, 1, 1, 1, List.of(1.0, 2.0, 6.0));
    assertEquals(3, result.mean());
    assertEquals(Math.sqrt(7), result.deviation(), 1e-12);
  }
}
