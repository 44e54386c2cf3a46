package io.sambay4j.cli;

import io.sambay4j.hub.PullListener;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * How far a download has come, on {@code err}: bytes, rate and time left in one line that is drawn
 * anew on a terminal, in plain lines elsewhere.
 */
final class DownloadProgress implements PullListener, AutoCloseable {
  private static final long BAR_NANOS = 200_000_000L;
  private static final long LINE_NANOS = 10_000_000_000L;
  private static final long WINDOW_NANOS = 10_000_000_000L;
  private static final long SAMPLE_NANOS = 500_000_000L;
  private static final int BAR_WIDTH = 24;

  private record Sample(long nanos, long bytes) {}

  private final Console console;
  private final String what;
  private final LongSupplier nanoTime;
  private final Deque<Sample> window = new ArrayDeque<>(); // of the last seconds, oldest first
  private long next;
  private long total;
  private boolean drawn;

  DownloadProgress(Console console, String what) {
    this(console, what, System::nanoTime);
  }

  DownloadProgress(Console console, String what, LongSupplier nanoTime) {
    this.console = console;
    this.what = what;
    this.nanoTime = nanoTime;
    this.next = nanoTime.getAsLong() + (console.errTerminal() ? BAR_NANOS : LINE_NANOS);
  }

  /** Bytes of all files, known once the download is over; 0 if nothing was asked of the hub. */
  long total() {
    return total;
  }

  @Override
  public void progress(long done, long all) {
    total = all;
    long now = nanoTime.getAsLong();
    double rate = rate(now, done);
    if (now < next) {
      return;
    }
    String text =
        "%3.0f %%, %s of %s, %s/s%s"
            .formatted(
                100.0 * done / Math.max(1, all),
                Units.bytes(done),
                Units.bytes(all),
                Units.bytes((long) rate),
                left(all - done, rate));
    if (console.errTerminal()) {
      int filled = (int) Math.min(BAR_WIDTH, BAR_WIDTH * done / Math.max(1, all));
      String bar = "#".repeat(filled) + ".".repeat(BAR_WIDTH - filled);
      console.err().printf(Locale.ROOT, "\r\u001b[K%s [%s] %s", what, bar, text);
      console.err().flush();
      drawn = true;
      next = now + BAR_NANOS;
    } else {
      console.note(what + ": " + text.strip());
      next = now + LINE_NANOS;
    }
  }

  /** Bytes a second of the last seconds; what was here before the first call does not count. */
  private double rate(long now, long done) {
    if (!window.isEmpty() && done < window.getLast().bytes) {
      window.clear(); // bytes were thrown away
    }
    if (window.isEmpty() || now - window.getLast().nanos >= SAMPLE_NANOS) {
      window.addLast(new Sample(now, done));
    }
    while (window.size() > 1 && now - window.getFirst().nanos > WINDOW_NANOS) {
      window.removeFirst();
    }
    Sample first = window.getFirst();
    return now == first.nanos ? 0 : 1e9 * (done - first.bytes) / (now - first.nanos);
  }

  private static String left(long bytes, double rate) {
    if (rate < 1 || bytes <= 0) {
      return "";
    }
    long seconds = Math.round(bytes / rate);
    if (seconds >= 3600) {
      return ", %d h %02d min left".formatted(seconds / 3600, seconds / 60 % 60);
    }
    return seconds >= 60
        ? ", %d min %02d s left".formatted(seconds / 60, seconds % 60)
        : ", %d s left".formatted(seconds);
  }

  @Override
  public void note(String sentence) {
    close();
    console.note(sentence);
  }

  /** Takes the bar away. */
  @Override
  public void close() {
    if (drawn) {
      console.err().print("\r\u001b[K");
      console.err().flush();
      drawn = false;
    }
  }
}
