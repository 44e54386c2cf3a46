package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Ctrl-C as the kernel sends it, to the program in a process of its own. */
@EnabledOnOs({OS.LINUX, OS.MAC})
@Timeout(120)
final class CtrlCTest {
  private static final String QUESTION = "What is 17+25?";

  /**
   * Who starts a program in the background may have it ignore Ctrl-C, and its children inherit
   * that.
   */
  @BeforeEach
  void ctrlCReachesChildren() throws IOException {
    assumeCtrlCReachesChildren();
  }

  static void assumeCtrlCReachesChildren() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (Files.exists(status)) {
      for (String line : Files.readAllLines(status)) {
        if (line.startsWith("SigIgn:")) {
          long ignored = Long.parseUnsignedLong(line.substring(7).strip(), 16);
          assumeTrue((ignored & 1 << 1) == 0, "SIGINT is ignored by what started the tests");
        }
      }
    }
  }

  private static Process start(String terminals, String... args) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Dsambay.home=" + Run.ROOT.toAbsolutePath(),
                "-Dsambay.terminals=" + terminals,
                "-Dorg.bytedeco.javacpp.cachedir="
                    + System.getProperty("org.bytedeco.javacpp.cachedir", "target/javacpp-cache"),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(List.of(args));
    return new ProcessBuilder(command).start();
  }

  private static void interrupt(Process process) throws IOException, InterruptedException {
    assertEquals(0, new ProcessBuilder("kill", "-INT", "" + process.pid()).start().waitFor());
  }

  private static BufferedReader reader(Process process) {
    return new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /**
   * Without its first character, which was read before the signal; the signal may come at any
   * token.
   */
  private static void assertIsBeginningOfAnswer(String rest) {
    String answer = "7+25: 7+5=12, 1+2+1=4. Answer: 42";
    assertTrue(rest.startsWith(answer) || answer.startsWith(rest), rest);
  }

  @Test
  void stopsAGeneration() throws Exception {
    // 100,000 tokens: far more than come before the signal.
    Process process =
        start("", "generate", "--ignore-eos", "--stats", "--context", "100000", QUESTION);
    try (BufferedReader out = reader(process)) {
      assertEquals('1', out.read());
      interrupt(process);
      String rest = out.lines().reduce("", String::concat);
      assertIsBeginningOfAnswer(rest);
    }
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    assertEquals(Cli.INTERRUPTED, process.exitValue());
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(err.matches("prompt 12 tokens, \\S+ tokens/s; generated \\d+ tokens.*\n"), err);
  }

  @Test
  void stopsAnAnswerButNotTheConversation() throws Exception {
    Process process = start("0", "chat", "--ignore-eos", "--context", "100000");
    try (BufferedReader out = reader(process)) {
      process.getOutputStream().write((QUESTION + "\n").getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().flush();
      assertEquals('1', out.read());
      interrupt(process);
      assertIsBeginningOfAnswer(out.readLine());
      process.getOutputStream().write("/stats\n/quit\n".getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().flush();
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    }
    assertEquals(Cli.OK, process.exitValue());
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(err.contains("; stopped]"), err);
    assertTrue(err.contains("1 answers;"), err);
  }

  @Test
  void twiceAtThePromptEnds() throws Exception {
    Process process = start("0", "chat");
    try (BufferedReader err =
        new BufferedReader(
            new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
      assertTrue(err.readLine().contains("/help for help"));
      assertEquals('>', err.read()); // the prompt: the handler is in place
      interrupt(process);
      assertTrue(err.readLine().startsWith(">> "));
      assertEquals("(Ctrl-C again, or Ctrl-D, leaves)", err.readLine());
      interrupt(process);
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    }
    assertEquals(Cli.INTERRUPTED, process.exitValue());
  }
}
