package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files as a system would show them, of machines and containers of all kinds. */
final class AvailableMemoryTest {
  private static final long GIB = 1L << 30;

  @TempDir private Path root;

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  private void machine(long availableKib) throws IOException {
    write(
        "proc/meminfo",
        "MemTotal:       16000000 kB\nMemFree:  1 kB\nMemAvailable:   %d kB\n"
            .formatted(availableKib));
  }

  private long available() {
    return new AvailableMemory(root, 64 * GIB).now();
  }

  @Test
  void whatTheSystemCallsAvailable() throws IOException {
    machine(8 << 20);
    assertEquals(8 * GIB, available());
  }

  @Test
  void allMemoryWhereTheSystemSaysNothing() throws IOException {
    assertEquals(64 * GIB, available());
    write("proc/meminfo", "MemAvailable: plenty\n");
    write("proc/self/cgroup", "rubbish\n0::\n0::/../../..\n0::/a\u0000b\n");
    assertEquals(64 * GIB, available());
  }

  /** Files that were read and can be dropped do not count as held. */
  @Test
  void aContainerOfVersionTwo() throws IOException {
    machine(8 << 20);
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/memory.max", 4 * GIB + "\n");
    write("sys/fs/cgroup/memory.current", 3 * GIB + "\n");
    write("sys/fs/cgroup/memory.stat", "anon 7\ninactive_file " + 2 * GIB + "\n");
    assertEquals(3 * GIB, available());
  }

  @Test
  void aServiceInsideALimitedSlice() throws IOException {
    machine(8 << 20);
    write("proc/self/cgroup", "0::/lim.slice/x.service\n");
    write("sys/fs/cgroup/lim.slice/memory.max", 2 * GIB + "\n");
    write("sys/fs/cgroup/lim.slice/memory.current", GIB + "\n");
    write("sys/fs/cgroup/lim.slice/x.service/memory.max", "max\n");
    write("sys/fs/cgroup/lim.slice/x.service/memory.current", GIB / 2 + "\n");
    assertEquals(GIB, available());
  }

  @Test
  void aContainerOfVersionOne() throws IOException {
    machine(8 << 20);
    write("proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/docker/abc\n0::/\n");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", 5 * GIB + "\n"); // as seen inside
    write("sys/fs/cgroup/memory/memory.usage_in_bytes", 2 * GIB + "\n");
    write("sys/fs/cgroup/memory/memory.stat", "total_inactive_file " + GIB + "\n");
    assertEquals(4 * GIB, available());
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"); // none
    assertEquals(8 * GIB, available());
  }

  @Test
  void aFullContainerHasNothing() throws IOException {
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/memory.max", "1000\n");
    write("sys/fs/cgroup/memory.current", "5000\n");
    assertEquals(0, available());
  }

  @Test
  void thisMachineHasSome() {
    assertTrue(AvailableMemory.bytes() > 0);
  }
}
