package io.sambay4j.backend;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Memory that a program can have now without others losing theirs: what the system calls available,
 * and at most what the limits of its control groups (containers, services) leave.
 */
public final class AvailableMemory {
  private static final Pattern AVAILABLE = Pattern.compile("MemAvailable:\\s+(\\d{1,15}) kB");

  /** Written where there is no limit: nearly 2^63 in version 1. */
  private static final long NO_LIMIT = 1L << 60;

  private final Path root;
  private final long total;

  /**
   * @param root directory that {@code proc} and {@code sys} lie in
   * @param total bytes of all memory, where nothing else is known
   */
  AvailableMemory(Path root, long total) {
    this.root = root;
    this.total = total;
  }

  /** Bytes; of all memory where the system says nothing. */
  public static long bytes() {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return new AvailableMemory(Path.of("/"), system.getTotalMemorySize()).now();
  }

  long now() {
    long available = Math.min(total, ofMachine());
    for (String line : lines("proc/self/cgroup")) {
      String[] parts = line.split(":", 3); // number:controllers:path
      if (parts.length < 3) {
        continue;
      }
      if (parts[1].isEmpty()) {
        available =
            Math.min(
                available,
                left("sys/fs/cgroup", parts[2], "memory.max", "memory.current", "inactive_file"));
      } else if (List.of(parts[1].split(",", -1)).contains("memory")) {
        available =
            Math.min(
                available,
                left(
                    "sys/fs/cgroup/memory",
                    parts[2],
                    "memory.limit_in_bytes",
                    "memory.usage_in_bytes",
                    "total_inactive_file"));
      }
    }
    return Math.max(0, available);
  }

  private long ofMachine() {
    for (String line : lines("proc/meminfo")) {
      Matcher matcher = AVAILABLE.matcher(line);
      if (matcher.matches()) {
        return Long.parseLong(matcher.group(1)) << 10;
      }
    }
    return Long.MAX_VALUE;
  }

  /** What a group and all that it lies in leave; inside a container its own is the outermost. */
  private long left(String hierarchy, String group, String limit, String usage, String cache) {
    Path top = root.resolve(hierarchy);
    long least = Long.MAX_VALUE;
    try {
      @Nullable Path at =
          top.resolve(group.startsWith("/") ? group.substring(1) : group).normalize();
      while (at != null && at.startsWith(top)) {
        OptionalLong most = number(at.resolve(limit));
        OptionalLong used = number(at.resolve(usage));
        if (most.isPresent() && used.isPresent() && most.getAsLong() < NO_LIMIT) {
          long held = Math.max(0, used.getAsLong() - dropped(at.resolve("memory.stat"), cache));
          least = Math.min(least, most.getAsLong() - held);
        }
        at = at.getParent();
      }
    } catch (InvalidPathException e) {
      return least; // a name that is no file's
    }
    return least;
  }

  /** Bytes of files that the system gives up first. */
  private long dropped(Path stat, String key) {
    for (String line : lines(root.relativize(stat).toString())) {
      if (line.startsWith(key + " ")) {
        return parse(line.substring(key.length() + 1)).orElse(0);
      }
    }
    return 0;
  }

  private OptionalLong number(Path file) {
    List<String> lines = lines(root.relativize(file).toString());
    return lines.isEmpty() ? OptionalLong.empty() : parse(lines.get(0));
  }

  private static OptionalLong parse(String text) {
    try {
      return OptionalLong.of(Long.parseLong(text.strip()));
    } catch (NumberFormatException e) {
      return OptionalLong.empty(); // "max"
    }
  }

  private List<String> lines(String file) {
    Path path = root.resolve(file);
    if (!Files.isReadable(path)) {
      return List.of();
    }
    try {
      return Files.readAllLines(path, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return List.of(); // an estimate of the whole is better than no answer
    }
  }
}
