package io.sambay4j.weights;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import io.sambay4j.InvalidModelException;
import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Damages valid input at random. The seed of a run is in the message of its failure; {@code
 * -Dsambay.fuzz.seed} gives it back, {@code -Dsambay.fuzz.factor} multiplies the rounds.
 */
public final class Fuzz {
  private static final List<String> TOKENS =
      List.of(
          "{",
          "}",
          "[",
          "]",
          ",",
          ":",
          "\"",
          "null",
          "true",
          "0",
          "-1",
          "1e309",
          "NaN",
          "-Infinity",
          "4294967296",
          "9223372036854775807",
          "9223372036854775808",
          "-9223372036854775808",
          "1e30",
          "0.5",
          "\\u0000",
          "\\ud800",
          "\u0000",
          "\u00ff",
          "\"a\":",
          "\"__metadata__\":{}",
          "[[[[[[[[",
          "\"F64\"",
          "\"BF16\"",
          " ".repeat(64));

  private Fuzz() {}

  /** What is run on damaged input; it may end well or with an {@link InvalidModelException}. */
  public interface Target {
    /** Runs on one input. */
    void run(byte[] input);
  }

  /**
   * Runs a target on damaged copies of an input.
   *
   * @param maxAllocation bytes of heap that one run may allocate
   */
  public static void run(byte[] valid, int rounds, long maxAllocation, Target target) {
    long seed = Long.getLong("sambay.fuzz.seed", System.nanoTime());
    Random random = new Random(seed);
    rounds *= Integer.getInteger("sambay.fuzz.factor", 1);
    int accepted = 0;
    target.run(valid); // loads classes, and proves that the input is valid
    for (int round = 0; round < rounds; round++) {
      byte[] input = valid;
      for (int damage = 1 + random.nextInt(3); damage > 0; damage--) {
        input = damage(input, random);
      }
      String where = "seed " + seed + ", round " + round;
      long before = allocated();
      try {
        target.run(input);
        accepted++;
      } catch (InvalidModelException e) {
        assertTrue(
            String.valueOf(e.getMessage()).length() < 1_000,
            where + ": a long message: " + e.getMessage());
      } catch (Throwable e) {
        fail(where + ": " + e, e);
      }
      long taken = allocated() - before;
      assertTrue(taken <= maxAllocation, where + ": allocated " + taken + " bytes");
    }
    assertTrue(accepted < rounds, "seed " + seed + ": no damage was ever noticed");
  }

  /** The input with some of its bytes replaced by others. */
  private static byte[] damage(byte[] input, Random random) {
    int at = random.nextInt(input.length + 1);
    int length = random.nextInt(Math.min(64, input.length - at) + 1);
    byte[] by = TOKENS.get(random.nextInt(TOKENS.size())).getBytes(StandardCharsets.UTF_8);
    switch (random.nextInt(6)) {
      case 0 -> { // one byte by another
        length = Math.min(1, input.length - at);
        by = new byte[] {(byte) random.nextInt(256)};
      }
      case 1 -> length = 0; // a token put in
      case 2 -> by = new byte[0]; // some bytes lost
      case 3 -> { // some bytes twice
        by = Arrays.copyOfRange(input, at, at + length);
        length = 0;
      }
      case 4 -> { // a number by a token
        while (at < input.length && !Character.isDigit(input[at])) {
          at++;
        }
        length = 0;
        while (at + length < input.length && Character.isDigit(input[at + length])) {
          length++;
        }
      }
      default -> {} // some bytes by a token
    }
    // Once in a while all that follows is lost.
    int rest = random.nextInt(40) == 0 ? input.length : at + length;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(input, 0, at);
    out.writeBytes(by);
    out.write(input, rest, input.length - rest);
    return out.toByteArray();
  }

  private static long allocated() {
    return ((ThreadMXBean) ManagementFactory.getThreadMXBean())
        .getThreadAllocatedBytes(Thread.currentThread().getId());
  }
}
