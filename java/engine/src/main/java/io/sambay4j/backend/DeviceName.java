package io.sambay4j.backend;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A device as a user names it: {@code auto}, {@code cpu}, {@code reference}, {@code cuda} or {@code
 * cuda:N}.
 *
 * @param index of the card, 0 for other kinds
 */
public record DeviceName(Kind kind, int index) {
  private static final Pattern CUDA = Pattern.compile("cuda(?::([0-9]{1,4}))?");

  /** What computes. */
  public enum Kind {
    /** The first that works of a card, the CPU and the reference. */
    AUTO,
    /** The native library. */
    CPU,
    /** A card. */
    CUDA,
    /** Plain Java. */
    REFERENCE
  }

  /** As {@link #parse} takes it. */
  @Override
  public String toString() {
    String name = kind.name().toLowerCase(Locale.ROOT);
    return kind == Kind.CUDA ? name + ":" + index : name;
  }

  /**
   * Reads a name, in any case.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static DeviceName parse(String text) {
    String name = text.toLowerCase(Locale.ROOT);
    Matcher cuda = CUDA.matcher(name);
    if (cuda.matches()) {
      return new DeviceName(Kind.CUDA, cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1)));
    }
    return switch (name) {
      case "auto" -> new DeviceName(Kind.AUTO, 0);
      case "cpu" -> new DeviceName(Kind.CPU, 0);
      case "reference" -> new DeviceName(Kind.REFERENCE, 0);
      default ->
          throw new IllegalArgumentException(
              "no device \"%s\", expected auto, cpu, cuda, cuda:N or reference".formatted(text));
    };
  }
}
