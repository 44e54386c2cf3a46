package io.sambay4j.cli;

import io.sambay4j.TextModel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How many answers a server makes at once, and what it keeps of those before. */
final class CacheOptions {
  private static final String AUTO = "auto";
  private static final int MOST_MIB = 1 << 24;

  @Option(
      names = "--sequences",
      paramLabel = "N",
      order = 27,
      defaultValue = "16",
      description = "Answers generated at once; more wait. Default: 16.")
  private int sequences = 16;

  @Option(
      names = "--prefix-cache",
      paramLabel = "MIB",
      order = 28,
      defaultValue = AUTO,
      description =
          "Memory in MiB for states from which requests with a known beginning start; 0 for none; auto: a quarter of what "
              + "is free beside the model, at most 4096. Default: auto.")
  private String prefixCache = AUTO;

  @Option(
      names = "--prefix-cache-directory",
      paramLabel = "DIR",
      order = 29,
      description =
          "Directory for states that memory has no room for, which the next run finds again. They contain what was said. "
              + "Default: none.")
  private @Nullable Path directory;

  @Option(
      names = "--prefix-cache-disk",
      paramLabel = "MIB",
      order = 29,
      description = "MiB of files there. Default: 8192.")
  private @Nullable Integer disk;

  /** Answers generated at once. */
  int sequences() {
    if (sequences < 1) {
      throw new IllegalArgumentException("--sequences must be at least 1 but was " + sequences);
    }
    return sequences;
  }

  /** Hands the options on to a model that is to be opened, but for the sequences. */
  void apply(TextModel.Builder builder) {
    if (prefixCache.equals(AUTO)) {
      builder.automaticPrefixCache();
    } else {
      builder.prefixCacheBytes((long) mebibytes("--prefix-cache", number()) << 20);
    }
    if (directory != null) {
      if (prefixCache.equals("0")) {
        throw new IllegalArgumentException(
            "--prefix-cache-directory needs a prefix cache in memory, and --prefix-cache is 0");
      }
      builder.prefixCacheDirectory(directory);
    }
    if (disk != null) {
      if (directory == null) {
        throw new IllegalArgumentException(
            "--prefix-cache-disk needs a directory: --prefix-cache-directory DIR");
      }
      builder.prefixCacheFileBytes((long) mebibytes("--prefix-cache-disk", disk) << 20);
    }
  }

  private int number() {
    try {
      return Integer.parseInt(prefixCache);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "--prefix-cache must be auto or a number of MiB but was " + prefixCache, e);
    }
  }

  private static int mebibytes(String option, int value) {
    if (value < 0 || value > MOST_MIB) {
      throw new IllegalArgumentException(
          "%s must be from 0 to %d but was %d".formatted(option, MOST_MIB, value));
    }
    return value;
  }
}
