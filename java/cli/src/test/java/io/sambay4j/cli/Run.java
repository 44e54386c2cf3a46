package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * One run of the program inside the test's process.
 *
 * @param code exit code
 * @param out what went to standard output
 * @param err what went to standard error
 */
record Run(int code, String out, String err) {
  static final Path ROOT = Path.of(System.getProperty("sambay.root", "."));
  static final Path TINY_REASONER = ROOT.resolve("models").resolve("tiny-reasoner");
  static final Path GOLDENS = ROOT.resolve("native").resolve("tests").resolve("goldens");

  /** Runs without any input. */
  static Run sambay(Object... args) {
    return withInput("", args);
  }

  static Run withInput(String input, Object... args) {
    return withInput(input.getBytes(StandardCharsets.UTF_8), args);
  }

  static Run withInput(byte[] input, Object... args) {
    System.setProperty(ModelOptions.HOME, ROOT.toString());
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    String[] words = new String[args.length];
    for (int i = 0; i < args.length; i++) {
      words[i] = args[i].toString();
    }
    Console console =
        new Console(
            new ByteArrayInputStream(input),
            new PrintStream(out, false, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            false,
            false,
            false,
            true);
    int code = Cli.run(console, words);
    return new Run(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Fails with everything that was printed unless the exit code is the expected one. */
  Run expect(int expected) {
    assertEquals(expected, code, () -> "out:\n" + out + "\nerr:\n" + err);
    return this;
  }

  JsonNode json() throws IOException {
    return new ObjectMapper().readTree(out);
  }
}
