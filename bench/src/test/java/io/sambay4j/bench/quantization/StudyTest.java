package io.sambay4j.bench.quantization;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudyTest {
  private static final Path ROOT = Path.of(System.getProperty("sambay.root", ".."));
  private static final Path MODEL = ROOT.resolve("models/tiny-reasoner");

  @Test
  void theModelInTheBoxAnswersAFewProblemsInEveryFormat(@TempDir Path data) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    new Study(new PrintStream(bytes, true, StandardCharsets.UTF_8), data)
        .run(MODEL, ROOT.resolve("native/tests/goldens"), 4);
    List<String> lines = bytes.toString(StandardCharsets.UTF_8).lines().toList();
    String sums = "| as stored, bf16 | bare sum | 100.0 % (51.0 to 100.0) | 0 | 0 |";
    assertTrue(lines.stream().anyMatch(line -> line.startsWith(sums)), String.join("\n", lines));
    for (Variant variant : Variant.all().subList(1, 7)) {
      long rows =
          lines.stream().filter(line -> line.startsWith("| " + variant.name() + " |")).count();
      assertEquals(4 + 1 + 3, rows, variant.name()); // kinds of problems, texts, activations
    }
    assertEquals(2 * Part.all().size(), Table.read(data.resolve("parts.csv")).size());
    for (List<String> row : Table.read(data.resolve("texts.csv"))) {
      if (row.get(0).equals("f32")) {
        assertEquals(0, Double.parseDouble(row.get(1)), "f32 keeps bf16 exactly");
      }
      if (row.get(0).equals("int4")) {
        assertTrue(Double.parseDouble(row.get(1)) > 0, "int4 differs");
      }
    }

    Plots.main(new String[] {data.toString()});
    for (String name : List.of("parts-kl", "parts-logits", "layers-trained")) {
      Path svg = data.resolve(name + ".svg");
      var document = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(svg.toFile());
      assertTrue(document.getElementsByTagName("rect").getLength() > 5, name);
    }
  }

  @Test
  void aDriftingFormatIsComparedPositionByPosition(@TempDir Path work) throws IOException {
    Path out = work.resolve("drift.csv");
    String[] arguments = {
      "--model",
      MODEL.toString(),
      "--work",
      work.toString(),
      "--out",
      out.toString(),
      "--tokens",
      "64",
      "--every",
      "2",
      "--formats",
      "int8,int4"
    };
    Drift.main(arguments);
    List<List<String>> rows = Table.read(out);
    assertEquals(2 * 32, rows.size());
    assertEquals(32, rows.stream().mapToInt(row -> Integer.parseInt(row.get(2))).sum() / 2);
    double eight = rows.stream().limit(32).mapToDouble(StudyTest::logitError).average().orElse(0);
    double four = rows.stream().skip(32).mapToDouble(StudyTest::logitError).average().orElse(0);
    assertTrue(0 < eight && eight < four, eight + " " + four);

    String text = Files.readString(work.resolve("text-1.txt"));
    Files.writeString(
        work.resolve("text-1.txt"), String.join("\n", text.lines().limit(40).toList()) + "\n");
    Drift.main(arguments); // goes on where a stopped run was
    assertEquals(text, Files.readString(work.resolve("text-1.txt")));
  }

  private static double logitError(List<String> row) {
    return Double.parseDouble(row.get(5));
  }

  @Test
  void intervals() {
    // Wilson 1927; 8 of 10 is the example of Agresti and Coull 1998
    assertEquals(0.4901, new Share(8, 10).bound(-1), 1e-3);
    assertEquals(0.9433, new Share(8, 10).bound(1), 1e-3);
    assertEquals(1, new Share(5, 5).bound(1), 1e-9);
  }

  @Test
  void divergenceOfKnownDistributions() {
    float[] even = {0, 0};
    float[] three = {(float) Math.log(3), 0}; // 3/4 and 1/4
    // sum p log(p / q) by hand
    double expected = 0.5 * Math.log(0.5 / 0.75) + 0.5 * Math.log(0.5 / 0.25);
    assertEquals(expected, Divergence.kullbackLeibler(even, three), 1e-7);
    assertEquals(0, Divergence.kullbackLeibler(three, three), 1e-12);
    assertEquals(Math.log(0.75), Divergence.logProbability(three, 0), 1e-7);
    assertEquals(0.5, Divergence.relativeError(new float[] {3, 4}, new float[] {3, 6.5f}), 1e-7);
  }
}
