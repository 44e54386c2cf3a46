package io.sambay4j.tokenizer.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;

/** What filters and methods do with strings; each character keeps its provenance. */
final class Strings {
  private Strings() {}

  /**
   * Cuts characters off the ends.
   *
   * @param characters which ones, or none for white space
   */
  static Text strip(Site site, Text text, Object characters, boolean left, boolean right) {
    String set = characters == None.NONE ? "" : site.text(characters).value();
    boolean whiteSpace = characters == None.NONE;
    String value = text.value();
    site.run().spendCharacters(site.line(), value.length());
    int start = 0;
    int end = value.length();
    while (left && start < end && strips(value.charAt(start), set, whiteSpace)) {
      start++;
    }
    while (right && end > start && strips(value.charAt(end - 1), set, whiteSpace)) {
      end--;
    }
    return text.substring(start, end);
  }

  private static boolean strips(char c, String set, boolean whiteSpace) {
    return whiteSpace ? isWhiteSpace(c) : set.indexOf(c) >= 0;
  }

  /** What Python's {@code str.isspace} calls white space; all of it lies in the basic plane. */
  static boolean isWhiteSpace(char c) {
    return (c >= 0x09 && c <= 0x0D)
        || (c >= 0x1C && c <= 0x1F)
        || c == 0x85
        || Character.isSpaceChar(c);
  }

  /**
   * Replaces a part.
   *
   * @param most how often, or a negative number for always
   */
  static Text replace(Site site, Text text, Text from, Text to, int most) {
    if (from.isEmpty()) {
      throw site.error("the string to replace is empty");
    }
    site.spendSearch(text, from);
    Text.Builder out = new Text.Builder();
    int at = 0;
    int found = text.value().indexOf(from.value());
    for (int count = 0; found >= 0 && (most < 0 || count < most); count++) {
      site.spendGrowth(out, found - at + to.length());
      out.append(text, at, found).append(to);
      at = found + from.length();
      found = text.value().indexOf(from.value(), at);
    }
    return out.append(text, at, text.length()).build();
  }

  /** Python's {@code str.split}: by a separator, or by white space if that is none. */
  static List<Object> split(Site site, Text text, Object separator, int most) {
    List<Object> parts = new ArrayList<>();
    String value = text.value();
    if (separator == None.NONE) {
      site.run().spendCharacters(site.line(), value.length());
      int at = skip(value, 0, true);
      while (at < value.length()) {
        site.run().spend(site.line(), 1);
        if (most >= 0 && parts.size() == most) {
          parts.add(text.substring(at, value.length()));
          return parts;
        }
        int end = skip(value, at, false);
        parts.add(text.substring(at, end));
        at = skip(value, end, true);
      }
      return parts;
    }
    Text by = site.text(separator);
    if (by.isEmpty()) {
      throw site.error("the separator is empty");
    }
    site.spendSearch(text, by);
    int at = 0;
    int found = value.indexOf(by.value());
    while (found >= 0 && (most < 0 || parts.size() < most)) {
      site.run().spend(site.line(), 1);
      parts.add(text.substring(at, found));
      at = found + by.length();
      found = value.indexOf(by.value(), at);
    }
    parts.add(text.substring(at, value.length()));
    return parts;
  }

  /** Python's {@code str.rsplit} by a separator. */
  static List<Object> splitFromRight(Site site, Text text, Text by, int most) {
    if (by.isEmpty()) {
      throw site.error("the separator is empty");
    }
    site.spendSearch(text, by);
    List<Object> parts = new ArrayList<>();
    int end = text.length();
    int found = text.value().lastIndexOf(by.value());
    while (found >= 0 && (most < 0 || parts.size() < most)) {
      site.run().spend(site.line(), 1);
      parts.add(text.substring(found + by.length(), end));
      end = found;
      found = end < by.length() ? -1 : text.value().lastIndexOf(by.value(), end - by.length());
    }
    parts.add(text.substring(0, end));
    Collections.reverse(parts);
    return parts;
  }

  private static int skip(String value, int from, boolean whiteSpace) {
    int at = from;
    while (at < value.length() && isWhiteSpace(value.charAt(at)) == whiteSpace) {
      at++;
    }
    return at;
  }

  static List<Object> lines(Site site, Text text) {
    site.run().spendCharacters(site.line(), text.length());
    List<Object> lines = new ArrayList<>();
    String value = text.value();
    int from = 0;
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '\n' || c == '\r') {
        site.run().spend(site.line(), 1);
        lines.add(text.substring(from, i));
        i += c == '\r' && value.startsWith("\n", i + 1) ? 1 : 0;
        from = i + 1;
      }
    }
    if (from < value.length()) {
      lines.add(text.substring(from, value.length()));
    }
    return lines;
  }

  static Text lower(Site site, Text text) {
    site.run().spendCharacters(site.line(), text.length());
    return text.map(part -> part.toLowerCase(Locale.ROOT));
  }

  static Text upper(Site site, Text text) {
    site.run().spendCharacters(site.line(), text.length());
    return text.map(part -> part.toUpperCase(Locale.ROOT));
  }

  static Text capitalize(Site site, Text text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = Character.charCount(text.value().codePointAt(0));
    return upper(site, text.substring(0, first))
        .concat(lower(site, text.substring(first, text.length())));
  }

  /**
   * The first character of each word large, the others small.
   *
   * @param endsWord the characters between words
   */
  static Text title(Site site, Text text, IntPredicate endsWord) {
    site.run().spend(site.line(), text.length());
    Text.Builder out = new Text.Builder();
    boolean inWord = false;
    for (int i = 0; i < text.length(); ) {
      int codePoint = text.value().codePointAt(i);
      int next = i + Character.charCount(codePoint);
      Text character = text.substring(i, next);
      out.append(inWord ? lower(site, character) : upper(site, character));
      inWord = !endsWord.test(codePoint);
      i = next;
    }
    return out.build();
  }

  static Text join(Site site, List<Object> elements, Text separator) {
    Text.Builder out = new Text.Builder();
    boolean first = true;
    for (Object element : elements) {
      Text text = Values.text(site, element);
      site.spendGrowth(out, (long) text.length() + separator.length());
      if (!first) {
        out.append(separator);
      }
      out.append(text);
      first = false;
    }
    return out.build();
  }

  /** Blanks before every line but, unless asked, the first and empty ones. */
  static Text indent(Site site, Text text, Text blanks, boolean first, boolean empty) {
    Text.Builder out = new Text.Builder();
    String value = text.value();
    for (int from = 0; from <= value.length(); ) {
      int newline = value.indexOf('\n', from);
      int end = newline < 0 ? value.length() : newline + 1;
      boolean blank = value.substring(from, end).isBlank();
      site.spendGrowth(out, (long) blanks.length() + end - from);
      if (from == 0 ? first : (!blank || empty)) {
        out.append(blanks);
      }
      out.append(text, from, end);
      from = newline < 0 ? value.length() + 1 : end;
    }
    return out.build();
  }
}
