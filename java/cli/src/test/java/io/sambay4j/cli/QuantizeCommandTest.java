package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class QuantizeCommandTest {
  private static final String QUESTION = "What is 17+25?";

  @TempDir private Path temporary;

  @ParameterizedTest
  @ValueSource(strings = {"int4", "int8", "mixed"})
  void theSmallerModelAnswersAsTheOneQuantisedOnLoading(String type) {
    Path target = temporary.resolve("small");
    Run run = Run.sambay("quantize", "--to", type, target).expect(0);
    assertTrue(run.out().startsWith(target + ": " + type + ", 1."), run.out());
    assertTrue(run.out().contains(" MiB from 3.55 MiB"), run.out());
    assertEquals(
        Run.sambay("generate", "--dtype", type, QUESTION).expect(0).out(),
        Run.sambay("generate", "--model", target, QUESTION).expect(0).out());
    Run inspect = Run.sambay("inspect", "--model", target, "--verify", "--check").expect(0);
    assertTrue(inspect.out().contains("quantised  "), inspect.out());
    assertTrue(inspect.out().contains("all 5 files are as they were written"), inspect.out());
    assertTrue(inspect.out().contains("all 1,839,488 numbers are finite"), inspect.out());
  }

  @Test
  void whatWasChangedIsNamed() throws IOException {
    Path target = temporary.resolve("small");
    Run.sambay("quantize", "--to", "int8", target).expect(0);
    Files.writeString(target.resolve("generation_config.json"), "{}");
    Run changed = Run.sambay("inspect", "--model", target, "--verify").expect(1);
    assertTrue(changed.out().contains("generation_config.json has 2 bytes"), changed.out());
    assertTrue(changed.out().contains("1 files are not as they were written"), changed.out());
    Run plain = Run.sambay("inspect", "--verify").expect(2);
    assertTrue(plain.err().contains("--verify needs a quantised directory"), plain.err());
  }

  @Test
  void mistakesAreExplained() throws IOException {
    assertTrue(Run.sambay("quantize", temporary).expect(2).err().contains("'--to=TYPE'"));
    assertTrue(
        Run.sambay("quantize", "--to", "int3", temporary)
            .expect(2)
            .err()
            .contains("expected one of int4, int8, mixed but was 'int3'"));
    Run exists = Run.sambay("quantize", "--to", "int4", temporary).expect(2);
    assertTrue(exists.err().contains(temporary + " exists, expected"), exists.err());
    Path nowhere = temporary.resolve("no/such");
    Run missing = Run.sambay("quantize", "--to", "int4", nowhere).expect(1);
    assertTrue(missing.err().contains("cannot write " + nowhere), missing.err());
  }

  @Test
  void autoKeepsWhatFitsAndSaysSo() {
    Run run = Run.sambay("generate", "--dtype", "auto", QUESTION).expect(0);
    assertTrue(run.err().contains("weights are kept as stored: "), run.err());
    assertEquals(run.out(), Run.sambay("generate", "--dtype", "stored", QUESTION).out());
    assertEquals("", Run.sambay("generate", QUESTION).expect(0).err());
  }
}
