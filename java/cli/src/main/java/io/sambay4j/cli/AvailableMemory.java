package io.sambay4j.cli;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Memory that a new program can have without others losing theirs. */
final class AvailableMemory {
  private static final Path MEMINFO = Path.of("/proc/meminfo");
  private static final Pattern AVAILABLE = Pattern.compile("MemAvailable:\\s+(\\d+) kB");

  private AvailableMemory() {}

  /**
   * Bytes: what the system says, at most what a container may have; of all memory where it does
   * not.
   */
  static long bytes() {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long total = system.getTotalMemorySize();
    if (!Files.isReadable(MEMINFO)) {
      return total;
    }
    try {
      Matcher matcher = AVAILABLE.matcher(Files.readString(MEMINFO));
      return matcher.find() ? Math.min(total, Long.parseLong(matcher.group(1)) << 10) : total;
    } catch (IOException e) {
      return total; // an estimate of the whole is better than no answer
    }
  }
}
