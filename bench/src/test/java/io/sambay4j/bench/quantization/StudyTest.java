package io.sambay4j.bench.quantization;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class StudyTest {
  private static final Path ROOT = Path.of(System.getProperty("sambay.root", ".."));

  @Test
  void theModelInTheBoxAnswersAFewProblemsInEveryFormat() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    new Study(new PrintStream(bytes, true, StandardCharsets.UTF_8))
        .run(ROOT.resolve("models/tiny-reasoner"), ROOT.resolve("native/tests/goldens"), 4);
    List<String> lines = bytes.toString(StandardCharsets.UTF_8).lines().toList();
    assertTrue(
        lines.stream().anyMatch(line -> line.startsWith("| as stored | 100.0 % (51.0 to 100.0) |")),
        String.join("\n", lines));
    for (Variant variant : Variant.all().subList(1, 7)) {
      long rows =
          lines.stream().filter(line -> line.startsWith("| " + variant.name() + " |")).count();
      assertEquals(4, rows, variant.name());
    }
  }

  @Test
  void intervals() {
    // Wilson 1927; 8 of 10 is the example of Agresti and Coull 1998
    assertEquals(0.4901, new Share(8, 10).bound(-1), 1e-3);
    assertEquals(0.9433, new Share(8, 10).bound(1), 1e-3);
    assertEquals(1, new Share(5, 5).bound(1), 1e-9);
  }
}
