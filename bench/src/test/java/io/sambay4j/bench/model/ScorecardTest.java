package io.sambay4j.bench.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.bench.model.Scorecard.Line;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ScorecardTest {
  @TempDir Path dir;

  @Test
  void withoutFilesEveryLineSaysSo() throws IOException {
    List<Line> lines = new Scorecard(dir).lines();
    assertEquals(14, lines.size());
    for (Line line : lines) {
      assertEquals("not measured", line.verdict(), line.work());
    }
    assertEquals(15, new Scorecard(dir).table().lines().count());
  }

  @Test
  void everyLineIsReadFromItsFile() throws IOException {
    write(
        "ours.tsv",
        "decode b1 c2048 as stored\t0.002\t0.0015\t0.72\t0.01",
        "decode b1 c2048 int8\t0.001\t0.0005\t0.55\t0.01",
        "decode b1 c2048 int4\t0.001\t0.0005\t0.66\t0.01",
        "decode b64 c8192 as stored\t0.010\t0.0081\t0.5\t0.2",
        "prefill 2048 as stored\t0.02\t0.01\t0.1\t0.39",
        "prefill 4096 as stored\t0.04096\t0.01\t0.1\t0.5",
        "prefill 8192 as stored\t0.08\t0.01\t0.1\t0.61",
        "prefill 65536 as stored\t0.75366400\t0.01\t0.1\t0.5");
    write("peer.tsv", "sdpa4 8192\t0.0020", "scan 8192\t0.0009");
    write("gaps.tsv", "gaps\t0.03");
    write("workload.tsv", "workload flash\t2000\t3000", "workload ratio\t2.4\t3.5");
    write("kernels-decode.json", report(measurement("DiffAttention", "1", "32768", 2e-6, 50, 75)));
    write(
        "kernels-prompt.json",
        report(
            measurement("DiffAttention", "8192", "1", 1.25e-3, 40, 1)
                + ","
                + measurement("SelectiveScan", "8192", "", 5e-4, 44.9, 1)));

    Map<String, Line> lines =
        new Scorecard(dir).lines().stream().collect(Collectors.toMap(Line::work, line -> line));
    expect(lines, "decode b1 at 2K, bf16: of the copy bandwidth", 72, "must");
    expect(lines, "decode b1 at 2K, int8: of the copy bandwidth", 55, "MISSED");
    expect(lines, "decode b1 at 2K, int4: of the copy bandwidth", 66, "aim");
    expect(lines, "decode b64 at 8K: of the larger floor", 81, "aim");
    expect(lines, "prefill of 2K: of the bf16 matrix rate", 39, "MISSED");
    expect(lines, "prefill of 8K: of the bf16 matrix rate", 61, "aim");
    expect(lines, "prefill per token, 64K against 4K", 1.15, "must");
    expect(lines, "differential attention of 8K against 4 SDPA", 1.6, "aim");
    expect(lines, "differential attention, decode at 32K: of the copy bandwidth", 75, "must");
    expect(lines, "selective scan of 8K: of its floor", 44.9, "MISSED");
    expect(lines, "selective scan of 8K against PyTorch", 1.8, "MISSED");
    expect(lines, "launch gaps in a decode step", 3, "must");
    expect(lines, "2K read, 32K generated, flash against Phi-4-mini", 2.4, "MISSED");
    expect(lines, "the same, flash: of what bytes and products allow", 66.666, "must");
    String table = new Scorecard(dir).table();
    assertTrue(table.contains("|    72.0 % |  70.0 % |  90.0 % | must"), table);
  }

  private static void expect(Map<String, Line> lines, String work, double reached, String verdict) {
    Line line = lines.get(work);
    assertTrue(line != null, work + " is not among " + lines.keySet());
    assertEquals(reached, line.reached(), 1e-3 * reached, work);
    assertEquals(verdict, line.verdict(), work);
  }

  private void write(String name, String... lines) throws IOException {
    Files.writeString(dir.resolve(name), String.join("\n", lines) + "\n");
  }

  private static String report(String measurements) {
    return "{\"measurements\": [" + measurements + "]}";
  }

  private static String measurement(
      String operation, String rows, String context, double seconds, double percent, double copy) {
    return ("{\"operation\": \"%s\", \"parameters\": {\"rows\": \"%s\", \"context\": \"%s\", \"window\": \"0\","
            + " \"activations\": \"BF16\"}, \"seconds\": %s, \"percentOfLimit\": %s, \"percentOfCopy\": %s}")
        .formatted(operation, rows, context, seconds, percent, copy);
  }
}
