package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class HelpTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "generate",
        "chat",
        "pull",
        "models",
        "score",
        "inspect",
        "quantize",
        "logits",
        "bench",
        "bench-serve",
        "self-test"
      })
  void everyCommandExplainsItselfWithExamplesAndExitCodes(String command) {
    Run help = Run.sambay(command, "--help").expect(0);
    assertTrue(help.out().contains("Usage: sambay " + command), help.out());
    assertTrue(help.out().contains("Examples:\n  sambay " + command), help.out());
    assertTrue(help.out().contains("Exit codes:\n  0 "), help.out());
    assertTrue(help.out().contains("--debug"), help.out());
    assertEquals("", help.err());
    assertFalse(help.out().contains("\u001b"), "colours without a terminal");
    assertTrue(help.out().lines().allMatch(line -> line.length() <= 100), help.out());
    assertTrue(
        Run.sambay("--help").out().contains("\n  " + command + " "), "missing from the list");
  }

  @Test
  void theVersionIsThatOfTheBuild() {
    Run version = Run.sambay("--version").expect(0);
    assertTrue(version.out().matches("(?s)sambay \\d+\\.\\d+\\.\\d+.*\nJava .*"), version.out());
    assertEquals(version.out(), Run.sambay("generate", "--version").expect(0).out());
  }

  @Test
  void aMissingOrUnknownCommandIsAUsageError() {
    assertTrue(Run.sambay().expect(2).err().contains("a command is missing: generate, chat"));
    Run unknown = Run.sambay("generat", "x").expect(2);
    assertTrue(unknown.err().startsWith("sambay: there is no command or option generat"));
    assertEquals("", unknown.out());
  }
}
