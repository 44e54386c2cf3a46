package io.sambay4j.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

/** The examples do what they say, on the model in the box. */
@ResourceLock(Resources.SYSTEM_OUT)
final class ExamplesTest {
  private static final String[] MODEL = {
    Path.of(System.getProperty("sambay.root", "."), "models", "tiny-reasoner").toString()
  };

  private interface Main {
    void run(String[] args) throws Exception;
  }

  private static String output(Main example) throws Exception {
    PrintStream before = System.out;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      example.run(MODEL);
    } finally {
      System.setOut(before);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private static void assertContains(String part, String whole) {
    assertTrue(whole.contains(part), "\"%s\" is not in:%n%s".formatted(part, whole));
  }

  @Test
  void hello() throws Exception {
    assertContains("Answer: 42", output(HelloExample::main));
  }

  @Test
  void streaming() throws Exception {
    String output = output(StreamingExample::main);
    assertContains("Answer: 62", output);
    assertContains("STOP after", output);
  }

  @Test
  void chat() throws Exception {
    String output = output(ChatExample::main);
    assertContains("Answer: 42", output);
    assertContains("prompt tokens had been read before", output);
    assertContains("user: What is 17+25?", output);
    assertContains("user: What is 81-19?", output);
    assertEquals(-1, output.indexOf("user: What is 5+6?"), "taken back: " + output);
  }

  @Test
  void session() throws Exception {
    String output = output(SessionExample::main);
    String[] lines = output.strip().split("\n");
    assertEquals(4, lines.length, output);
    for (String line : lines) {
      assertContains("Answer: 42", line);
    }
    assertEquals(lines[0].substring(9), lines[3].substring(9), "session and loaded");
    assertEquals(lines[1].substring(9), lines[2].substring(9), "fork and rewound");
  }

  @Test
  void scoring() throws Exception {
    String output = output(ScoringExample::main);
    assertContains("perplexity", output);
    assertContains("best: Answer: 42", output);
  }

  @Test
  void hooks() throws Exception {
    String output = output(HooksExample::main);
    assertTrue(output.matches("(?s)a number: \\d+\\R.*"), output);
    assertEquals(-1, output.indexOf("Answer"), output);
  }

  @Test
  void batch() throws Exception {
    String output = output(BatchExample::main);
    assertContains("Answer: 42", output);
    assertContains("Answer: 62", output);
    assertContains("Answer: 77", output);
  }
}
