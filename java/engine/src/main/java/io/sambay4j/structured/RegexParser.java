package io.sambay4j.structured;

import io.sambay4j.json.Quote;
import io.sambay4j.structured.CodePoints.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reads a regular expression. The dialect is the part that Java, ECMAScript and Python agree about:
 * characters, classes, groups, alternatives and repetitions; {@code \d \w \s} are ASCII's, a dot is
 * any character but a line break.
 */
final class RegexParser {
  private static final CodePoints DIGITS = CodePoints.range('0', '9');
  private static final CodePoints WORD =
      DIGITS
          .union(CodePoints.range('a', 'z'))
          .union(CodePoints.range('A', 'Z'))
          .union(CodePoints.of('_'));
  private static final CodePoints SPACE = CodePoints.in(" \t\n\r\f\u000B");
  private static final CodePoints DOT = CodePoints.in("\n\r\u2028\u2029").complement();

  private final String place;
  private final String source;
  private final Function<CodePoints, Part> character;
  private int at;
  private int depth;

  private RegexParser(String place, String source, Function<CodePoints, Part> character) {
    this.place = place;
    this.source = source;
    this.character = character;
  }

  /**
   * An expression that the whole text follows; {@code ^} at the beginning and {@code $} at the end
   * of an alternative change nothing.
   *
   * @param place names the expression in messages
   * @param character how one character of a set is written in the text
   */
  static Part whole(String place, String source, Function<CodePoints, Part> character) {
    return new RegexParser(place, source, character).parse(Part.NOTHING);
  }

  /**
   * An expression that some part of the text follows, unless it is held by {@code ^} and {@code $}.
   */
  static Part anywhere(String place, String source, Function<CodePoints, Part> character) {
    Part anything = Part.repeat(character.apply(CodePoints.ALL), 0, Part.UNLIMITED);
    return new RegexParser(place, source, character).parse(anything);
  }

  /** A set of characters, and where what stands for it ends. */
  record Characters(CodePoints set, int end) {}

  /** The characters that the class beginning at an index, behind its bracket, stands for. */
  static Characters classAt(String place, String source, int index) {
    RegexParser parser = new RegexParser(place, source, Part::character);
    parser.at = index;
    return new Characters(parser.characterClass(), parser.at);
  }

  /** The characters that the escape at an index, behind its backslash, stands for. */
  static Characters escapeAt(String place, String source, int index) {
    RegexParser parser = new RegexParser(place, source, Part::character);
    parser.at = index;
    return new Characters(parser.escape(true), parser.at);
  }

  private Part parse(Part around) {
    Budget.checkSource(place, source);
    List<Part> alternatives = new ArrayList<>();
    do {
      Part before = take('^') ? Part.NOTHING : around;
      Part body = sequence();
      Part after = take('$') ? Part.NOTHING : around;
      alternatives.add(Part.sequence(before, body, after));
    } while (take('|'));
    if (at < source.length()) {
      throw error("%s has no meaning here".formatted(Quote.of(source.substring(at, at + 1))));
    }
    return Part.anyOf(alternatives);
  }

  private Part alternatives() {
    return Part.alternatives(this::sequence, () -> take('|'));
  }

  private Part sequence() {
    List<Part> parts = new ArrayList<>();
    while (at < source.length() && "|)$".indexOf(source.charAt(at)) < 0) {
      parts.add(repetitions(atom()));
    }
    return Part.sequence(parts);
  }

  private Part repetitions(Part atom) {
    Part part = atom;
    boolean repeated = false;
    while (at < source.length()) {
      int[] count = count();
      if (count == null) {
        return part;
      }
      if (repeated) {
        throw error("a repetition is repeated; put the inner one into a group");
      }
      take('?'); // a reluctant repetition takes the same texts
      if (at < source.length() && source.charAt(at) == '+') {
        throw error("possessive repetitions are not supported");
      }
      part = Part.repeat(part, count[0], count[1]);
      repeated = true;
    }
    return part;
  }

  /** The least and the greatest number of times that stand here, or null. */
  private int @Nullable [] count() {
    if (take('*')) {
      return new int[] {0, Part.UNLIMITED};
    }
    if (take('+')) {
      return new int[] {1, Part.UNLIMITED};
    }
    if (take('?')) {
      return new int[] {0, 1};
    }
    if (!take('{')) {
      return null;
    }
    int min = number();
    int max = min;
    if (take(',')) {
      max = at < source.length() && source.charAt(at) == '}' ? Part.UNLIMITED : number();
    }
    expect('}');
    if (max != Part.UNLIMITED && max < min) {
      throw error("the repetition {%d,%d} ends before it begins".formatted(min, max));
    }
    return new int[] {min, max};
  }

  private int number() {
    int from = at;
    while (at < source.length() && source.charAt(at) >= '0' && source.charAt(at) <= '9') {
      at++;
    }
    if (from == at) {
      throw error("a number is expected; a brace that stands for itself is written \\{");
    }
    String digits = source.substring(from, at);
    if (digits.length() > 6 || Integer.parseInt(digits) > Budget.MAX_REPETITIONS) {
      throw error("a repetition takes at most %d times".formatted(Budget.MAX_REPETITIONS));
    }
    return Integer.parseInt(digits);
  }

  private Part atom() {
    int c = source.codePointAt(at);
    return switch (c) {
      case '(' -> group();
      case '[' -> {
        at++;
        yield character.apply(characterClass());
      }
      case '.' -> {
        at++;
        yield character.apply(DOT);
      }
      case '\\' -> {
        at++;
        yield character.apply(escape(false));
      }
      case '^' ->
          throw error(
              "^ is supported only at the beginning of the expression or of an alternative");
      case '*', '+', '?', '{' ->
          throw error("%s has nothing to repeat".formatted(Quote.of(Character.toString(c))));
      default -> {
        at += Character.charCount(c);
        yield character.apply(literal(c));
      }
    };
  }

  private CodePoints literal(int c) {
    if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
      throw error("half a surrogate pair is no character");
    }
    return CodePoints.of(c);
  }

  private Part group() {
    at++;
    if (take('?')) {
      if (take('<')) {
        if (at < source.length() && "=!".indexOf(source.charAt(at)) >= 0) {
          throw error("look-behind is not supported");
        }
        int end = source.indexOf('>', at);
        if (end < 0) {
          throw error("the name of a group has no end");
        }
        at = end + 1;
      } else if (!take(':')) {
        throw error("only (...), (?:...) and (?<name>...) are supported groups");
      }
    }
    if (++depth > Budget.MAX_DEPTH) {
      throw error("groups are nested more than %d deep".formatted(Budget.MAX_DEPTH));
    }
    Part inner = alternatives();
    if (at < source.length() && source.charAt(at) == '$') {
      throw error("$ is supported only at the end of the expression or of an alternative");
    }
    expect(')');
    depth--;
    return inner;
  }

  private CodePoints characterClass() {
    boolean negated = take('^');
    List<Range> ranges = new ArrayList<>();
    while (at >= source.length() || source.charAt(at) != ']') {
      if (at >= source.length()) {
        throw error("a character class has no end");
      }
      if (source.charAt(at) == '[') {
        throw error("classes within classes are not supported; [ itself is written \\[");
      }
      if (source.startsWith("&&", at)) {
        throw error("intersections of classes are not supported");
      }
      CodePoints low = classMember();
      boolean isRange =
          at + 1 < source.length() && source.charAt(at) == '-' && source.charAt(at + 1) != ']';
      if (!isRange) {
        ranges.addAll(low.ranges());
        continue;
      }
      at++;
      ranges.add(new Range(single(low), single(classMember())));
      Range range = ranges.get(ranges.size() - 1);
      if (range.low() > range.high()) {
        throw error("a range of characters ends before it begins");
      }
    }
    at++;
    CodePoints set = CodePoints.of(ranges);
    set = negated ? set.complement() : set;
    if (set.isEmpty()) {
      throw error("the character class is empty; ] itself is written \\]");
    }
    return set;
  }

  private CodePoints classMember() {
    int c = source.codePointAt(at);
    at += Character.charCount(c);
    return c == '\\' ? escape(true) : literal(c);
  }

  private int single(CodePoints set) {
    if (set.ranges().size() != 1 || set.ranges().get(0).low() != set.ranges().get(0).high()) {
      throw error("a range of characters needs one character at each end");
    }
    return set.ranges().get(0).low();
  }

  private CodePoints escape(boolean inClass) {
    if (at >= source.length()) {
      throw error("a backslash stands at the end");
    }
    char c = source.charAt(at++);
    return switch (c) {
      case 'd' -> DIGITS;
      case 'D' -> DIGITS.complement();
      case 'w' -> WORD;
      case 'W' -> WORD.complement();
      case 's' -> SPACE;
      case 'S' -> SPACE.complement();
      case 'n' -> CodePoints.of('\n');
      case 'r' -> CodePoints.of('\r');
      case 't' -> CodePoints.of('\t');
      case 'f' -> CodePoints.of('\f');
      case 'x' -> literal(hexadecimal(2));
      case 'u' -> literal(unicode());
      default -> {
        if (c > 0x7E || WORD.contains(c)) {
          throw error(
              "\\%s is not supported%s"
                  .formatted(
                      c, "bB".indexOf(c) >= 0 && !inClass ? ": there are no word borders" : ""));
        }
        yield CodePoints.of(c);
      }
    };
  }

  private int unicode() {
    if (take('{')) {
      int end = source.indexOf('}', at);
      if (end < 0 || end == at || end - at > 6) {
        throw error("\\u{...} takes 1 to 6 hexadecimal digits");
      }
      int c = hexadecimal(end - at);
      at++;
      if (c > Character.MAX_CODE_POINT) {
        throw error("\\u{%x} is beyond the last character".formatted(c));
      }
      return c;
    }
    int high = hexadecimal(4);
    if (Character.isHighSurrogate((char) high) && source.startsWith("\\u", at)) {
      at += 2;
      int low = hexadecimal(4);
      if (Character.isLowSurrogate((char) low)) {
        return Character.toCodePoint((char) high, (char) low);
      }
    }
    return high;
  }

  private int hexadecimal(int digits) {
    int value = 0;
    for (int i = 0; i < digits; i++) {
      int digit = at < source.length() ? Character.digit(source.charAt(at), 16) : -1;
      if (digit < 0 || source.charAt(at) > 'f') {
        throw error("%d hexadecimal digits are expected".formatted(digits));
      }
      value = 16 * value + digit;
      at++;
    }
    return value;
  }

  private boolean take(char c) {
    if (at < source.length() && source.charAt(at) == c) {
      at++;
      return true;
    }
    return false;
  }

  private void expect(char c) {
    if (!take(c)) {
      throw error("%s is missing".formatted(c));
    }
  }

  private GrammarException error(String what) {
    return new GrammarException(
        "%s: at character %d of %s: %s".formatted(place, at, Quote.of(source), what));
  }
}
