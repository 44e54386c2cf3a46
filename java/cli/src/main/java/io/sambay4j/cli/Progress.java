package io.sambay4j.cli;

import io.sambay4j.model.ModelLoader;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * How far something long has come, on {@code err}: a bar on a terminal once it has taken half a
 * second, a line every ten seconds elsewhere, nothing for what is quick.
 */
final class Progress implements ModelLoader.Progress, AutoCloseable {
  private static final long FIRST_BAR_NANOS = 500_000_000L;
  private static final long NEXT_BAR_NANOS = 100_000_000L;
  private static final long LINE_NANOS = 10_000_000_000L;
  private static final int BAR_WIDTH = 30;

  private final Console console;
  private final String what;
  private final LongSupplier nanoTime;
  private final long started;
  private long next;
  private boolean drawn;

  /**
   * @param what one word, for example "loading"
   */
  Progress(Console console, String what) {
    this(console, what, System::nanoTime);
  }

  Progress(Console console, String what, LongSupplier nanoTime) {
    this.console = console;
    this.what = what;
    this.nanoTime = nanoTime;
    this.started = nanoTime.getAsLong();
    this.next = console.errTerminal() ? FIRST_BAR_NANOS : LINE_NANOS;
  }

  @Override
  public void update(long done, long total) {
    long elapsed = nanoTime.getAsLong() - started;
    if (elapsed < next) {
      return;
    }
    double share = total == 0 ? 1 : Math.min(1, (double) done / total);
    String text =
        "%3.0f %%, %s of %s, %s/s"
            .formatted(
                100 * share,
                Units.bytes(done),
                Units.bytes(total),
                Units.bytes((long) (done * 1e9 / elapsed)));
    if (console.errTerminal()) {
      int filled = (int) (share * BAR_WIDTH);
      console
          .err()
          .printf(
              Locale.ROOT,
              "\r\u001b[K%s [%s%s] %s",
              what,
              "#".repeat(filled),
              ".".repeat(BAR_WIDTH - filled),
              text);
      console.err().flush();
      drawn = true;
      next = elapsed + NEXT_BAR_NANOS;
    } else {
      console.note(what + ": " + text.strip());
      next = elapsed + LINE_NANOS;
    }
  }

  /** Takes the bar away. */
  @Override
  public void close() {
    if (drawn) {
      console.err().print("\r\u001b[K");
      console.err().flush();
    }
  }
}
