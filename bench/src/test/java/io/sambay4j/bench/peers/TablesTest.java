package io.sambay4j.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.bench.peers.Samples.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TablesTest {
  private static final String ROW = "decode-0-q4_0";

  @Test
  void mediansRatiosAndWhatIsMissing(@TempDir Path work) throws IOException {
    Models models = new Models(work, List.of("--shape", "phi4-mini"));
    Files.write(models.gguf("q4_0"), new byte[1000]); // bytes a token reads
    Samples samples = new Samples(work.resolve("samples.jsonl"));
    double[] own = {12, 10, 14};
    for (int round = 1; round <= 3; round++) {
      samples.add(sample(round, Samples.LIMITS, "", 20_000, ""));
      samples.add(sample(round, ROW, Engine.SAMBAY.title(), own[round - 1], ""));
      samples.add(sample(round, ROW, Engine.LLAMA_NPM.title(), 8, ""));
      samples.add(sample(round, ROW, Engine.LLAMA_MAVEN.title(), 0, "ended with 1: no luck"));
    }
    Samples read = new Samples(work.resolve("samples.jsonl"));
    assertTrue(read.isDone(2, ROW, Engine.SAMBAY.title()));
    assertFalse(read.isDone(4, ROW, Engine.SAMBAY.title()));
    assertFalse(read.isDone(1, ROW, Engine.LLAMA_MAVEN.title()), "what failed is tried again");

    List<Row> rows = new Comparison(models, Path.of("flash"), 2048, 32, List.of(4096)).rows();
    Tables tables = new Tables(rows, read, EnumSet.allOf(Engine.class));
    String text = tables.markdown();
    assertTrue(
        text.contains(
            "| decode, Phi-4-mini, context 0 | q4_0 | 12.0 (10.0 to 14.0), 60 % | 8.00 (8.00 to 8.00), 40 %, 1.50x | – |"),
        text);
    assertTrue(text.contains("- llama.cpp (Maven), q4_0: ended with 1: no luck"), text);
    assertTrue(text.contains("- Jlama, q8_0: its native library has no product"), text);
    JsonNode json = new ObjectMapper().readTree(tables.json());
    assertEquals(12, json.at("/rows/0/tokens_per_second/sambay4j").asDouble());
    assertEquals(12, json.at("/samples").size());
  }

  private static Sample sample(int round, String row, String engine, double rate, String error) {
    return new Sample(round, row, engine, rate, 1, 1 << 20, 1 << 10, "a machine", error);
  }
}
