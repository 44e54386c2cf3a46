package io.sambay4j.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Memory of this process that is in RAM, as Linux counts it; zeros elsewhere.
 *
 * @param now bytes (VmRSS)
 * @param peak bytes at most so far (VmHWM)
 */
record ResidentMemory(long now, long peak) {
  private static final Path STATUS = Path.of("/proc/self/status");

  static ResidentMemory read() {
    if (!Files.isReadable(STATUS)) {
      return new ResidentMemory(0, 0);
    }
    long now = 0;
    long peak = 0;
    try {
      for (String line : Files.readAllLines(STATUS)) { // for example "VmRSS:	  123456 kB"
        String[] words = line.split("\\s+", -1);
        if (words[0].equals("VmRSS:")) {
          now = Long.parseLong(words[1]) << 10;
        } else if (words[0].equals("VmHWM:")) {
          peak = Long.parseLong(words[1]) << 10;
        }
      }
    } catch (IOException e) {
      return new ResidentMemory(
          0, 0); // the figures are an extra; a system without them is not an error
    }
    return new ResidentMemory(now, peak);
  }
}
