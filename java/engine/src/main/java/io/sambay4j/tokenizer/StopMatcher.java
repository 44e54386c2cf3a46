package io.sambay4j.tokenizer;

import java.util.List;
import java.util.Optional;

/**
 * Finds stop strings in text that comes in pieces, and lets no part of one out before its time.
 *
 * <p>Text that could still become a stop string is held back; everything before it is returned at
 * once. The stop string that is complete first ends the text, of several that end together the
 * longest, so what comes out does not depend on how the text was cut into pieces. Each string is
 * followed by the automaton of Knuth, Morris and Pratt (1977), so the work is linear in text times
 * strings.
 *
 * <p>One matcher serves one sequence, in one thread at a time.
 */
public final class StopMatcher {
  private static final int MAX_STOP_STRINGS = 256;
  private static final int MAX_STOP_LENGTH = 4096;

  private final List<String> stops;
  private final boolean includeStop;
  private final int[][] borders;

  /** How many characters of each stop string the text ends with at the moment. */
  private final int[] matched;

  /** Text not returned yet: a proper beginning of a stop string. */
  private final StringBuilder held = new StringBuilder();

  private Optional<String> stop = Optional.empty();

  /**
   * A matcher.
   *
   * @param stops what ends the text; may be empty
   * @param includeStop whether the stop string itself is returned as well
   * @throws IllegalArgumentException if there are more than 256 stop strings, or one is empty,
   *     longer than 4,096 characters or has half a surrogate pair
   */
  public StopMatcher(List<String> stops, boolean includeStop) {
    if (stops.size() > MAX_STOP_STRINGS) {
      throw new IllegalArgumentException(
          "there are "
              + stops.size()
              + " stop strings, at most "
              + MAX_STOP_STRINGS
              + " are accepted");
    }
    this.stops = List.copyOf(stops);
    this.includeStop = includeStop;
    borders = new int[stops.size()][];
    matched = new int[stops.size()];
    for (int i = 0; i < borders.length; i++) {
      checkStop(this.stops.get(i));
      borders[i] = borders(this.stops.get(i));
    }
  }

  /**
   * Takes the next piece of text; returns what can be shown now, perhaps nothing. After a stop
   * string that is always nothing.
   */
  public String append(String piece) {
    if (stop.isPresent()) {
      return "";
    }
    for (int i = 0; i < piece.length(); i++) {
      held.append(piece.charAt(i));
      int longestMatch = advance(piece.charAt(i));
      if (longestMatch > 0) {
        stop = Optional.of(held.substring(held.length() - longestMatch));
        return release(includeStop ? held.length() : held.length() - longestMatch);
      }
    }
    int keep = 0;
    for (int length : matched) {
      keep = Math.max(keep, length);
    }
    return release(held.length() - keep);
  }

  /** Ends the text; returns what was held back, since it can no longer become a stop string. */
  public String finish() {
    return stop.isPresent() ? "" : release(held.length());
  }

  /** The stop string that ended the text. */
  public Optional<String> stop() {
    return stop;
  }

  /**
   * Follows every stop string by one character; returns the length of the longest that is complete,
   * or 0.
   */
  private int advance(char c) {
    int longest = 0;
    for (int i = 0; i < matched.length; i++) {
      String wanted = stops.get(i);
      int length = matched[i];
      while (length > 0 && wanted.charAt(length) != c) {
        length = borders[i][length - 1];
      }
      if (wanted.charAt(length) == c) {
        length++;
      }
      matched[i] = length;
      if (length == wanted.length()) {
        longest = Math.max(longest, length);
      }
    }
    return longest;
  }

  private String release(int length) {
    String text = held.substring(0, length);
    held.delete(0, length);
    return text;
  }

  /**
   * For each beginning of a string, the length of the longest shorter beginning that it also ends
   * with.
   */
  private static int[] borders(String text) {
    int[] borders = new int[text.length()];
    for (int i = 1, length = 0; i < borders.length; i++) {
      while (length > 0 && text.charAt(i) != text.charAt(length)) {
        length = borders[length - 1];
      }
      if (text.charAt(i) == text.charAt(length)) {
        length++;
      }
      borders[i] = length;
    }
    return borders;
  }

  private static void checkStop(String stop) {
    if (stop.isEmpty() || stop.length() > MAX_STOP_LENGTH) {
      throw new IllegalArgumentException(
          "a stop string has " + stop.length() + " characters, expected 1 to " + MAX_STOP_LENGTH);
    }
    if (stop.codePoints()
        .anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)) {
      throw new IllegalArgumentException("a stop string has half a surrogate pair");
    }
  }
}
