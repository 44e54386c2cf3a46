package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class ProgressTest {
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final AtomicLong clock = new AtomicLong();

  private Progress progress(boolean terminal) {
    Console console =
        new Console(
            new ByteArrayInputStream(new byte[0]),
            System.out,
            new PrintStream(err, true, StandardCharsets.UTF_8),
            false,
            false,
            terminal,
            true);
    return new Progress(console, "loading", clock::get);
  }

  private String printed() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private void at(Progress progress, double seconds, long done) {
    clock.set((long) (seconds * 1e9));
    progress.update(done, 1000);
  }

  @Test
  void whatIsQuickShowsNothing() {
    try (Progress progress = progress(true)) {
      at(progress, 0.1, 500);
      at(progress, 0.4, 1000);
    }
    assertEquals("", printed());
  }

  @Test
  void aTerminalGetsABarThatGoesAway() {
    try (Progress progress = progress(true)) {
      at(progress, 1, 500);
      at(progress, 1.01, 501); // too soon for another
      at(progress, 2, 1000);
    }
    assertEquals(
        "\r\u001b[Kloading [###############...............]  50 %, 500 B of 1000 B, 500 B/s"
            + "\r\u001b[Kloading [##############################] 100 %, 1000 B of 1000 B, 500 B/s"
            + "\r\u001b[K",
        printed());
  }

  @Test
  void elsewhereOnlyWhatIsLongGetsLines() {
    try (Progress progress = progress(false)) {
      at(progress, 1, 100);
      at(progress, 9, 900);
      assertEquals("", printed());
      at(progress, 11, 950);
      at(progress, 12, 960);
    }
    assertTrue(printed().matches("loading: 95 %, 950 B of 1000 B, 86 B/s\\R"), printed());
  }
}
