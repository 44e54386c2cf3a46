package io.sambay4j.tokenizer;

import io.sambay4j.InvalidModelException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression from a model's file, restricted so that matching cannot run away.
 *
 * <p>Accepted is the subset that published pre-tokenizers use: alternation, groups, look-around,
 * character classes and Unicode categories, and quantifiers on single characters. A group may only
 * be optional, never repeated, and must consume a character in each alternative. So every way that
 * backtracking can branch has read a character, and the number of characters read, which is limited
 * in proportion to the text, bounds the work. It also rules out the recursion by which repeated
 * groups overflow the stack in {@link java.util.regex}.
 *
 * <p>The expression is read as Oniguruma with Ruby syntax reads it, because that is what the
 * published files were written for: {@code \s}, {@code \d}, {@code \w} and case are Unicode's,
 * {@code ^} and {@code $} are line anchors, only {@code \n} ends a line. What would mean something
 * else to Java is refused.
 */
final class SafePattern {
  private static final int MAX_LENGTH = 4096;
  private static final int MAX_DEPTH = 16;
  private static final int MAX_REPETITIONS = 1000;

  /**
   * Characters that matching may read per character of text. The o200k expression reads some ten
   * for prose and twenty for the worst runs.
   */
  private static final long READS_PER_CHARACTER = 256;

  private static final long READS_AT_LEAST = 4096;

  private final String where;
  private final Pattern pattern;

  private SafePattern(String where, Pattern pattern) {
    this.where = where;
    this.pattern = pattern;
  }

  /**
   * Compiles a regular expression.
   *
   * @param where file and field, for messages
   * @throws InvalidModelException if it is malformed or outside the accepted subset
   */
  static SafePattern regex(String where, String expression) {
    if (expression.length() > MAX_LENGTH) {
      throw new InvalidModelException(
          where
              + ": the regular expression has "
              + expression.length()
              + " characters, at most "
              + MAX_LENGTH
              + " are accepted");
    }
    String translated = new Translator(where, expression).translate();
    try {
      return new SafePattern(
          where,
          Pattern.compile(
              translated,
              Pattern.UNICODE_CHARACTER_CLASS | Pattern.MULTILINE | Pattern.UNIX_LINES));
    } catch (PatternSyntaxException e) {
      throw new InvalidModelException(
          where
              + ": malformed regular expression: "
              + e.getDescription()
              + " at character "
              + e.getIndex(),
          e);
    }
  }

  /** A pattern that finds a string as it stands. */
  static SafePattern literal(String where, String text) {
    if (text.length() > MAX_LENGTH) {
      throw new InvalidModelException(
          where
              + ": the string has "
              + text.length()
              + " characters, at most "
              + MAX_LENGTH
              + " are accepted");
    }
    return new SafePattern(where, Pattern.compile(text, Pattern.LITERAL));
  }

  /**
   * A matcher that sees only {@code text[start, end)}.
   *
   * <p>Its methods throw {@link InvalidModelException} when the expression needs more work than
   * linear for this text.
   */
  Matcher matcher(String text, int start, int end) {
    long reads = READS_AT_LEAST + READS_PER_CHARACTER * (end - start);
    return pattern.matcher(new CountingText(where, text, reads)).region(start, end);
  }

  /** A text that refuses to be read once too often. */
  private static final class CountingText implements CharSequence {
    private final String where;
    private final String text;
    private final long limit;
    private long reads;

    CountingText(String where, String text, long limit) {
      this.where = where;
      this.text = text;
      this.limit = limit;
    }

    @Override
    public char charAt(int index) {
      if (++reads > limit) {
        throw new InvalidModelException(
            where
                + ": the regular expression takes more than "
                + READS_PER_CHARACTER
                + " steps per character on this text");
      }
      return text.charAt(index);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Checks an expression against the subset and respells what Java spells differently. */
  private static final class Translator {
    private final String where;
    private final String source;
    private final StringBuilder out = new StringBuilder();
    private int position;

    Translator(String where, String source) {
      this.where = where;
      this.source = source;
    }

    String translate() {
      alternatives(0, true);
      if (position < source.length()) {
        throw refuse("an unmatched )");
      }
      return out.toString();
    }

    /** Reads alternatives up to a closing parenthesis or the end. */
    private void alternatives(int depth, boolean mayBeEmpty) {
      if (depth > MAX_DEPTH) {
        throw refuse("more than " + MAX_DEPTH + " nested groups");
      }
      while (true) {
        int width = sequence(depth);
        if (width == 0 && !mayBeEmpty) {
          throw refuse("a group that can match nothing");
        }
        if (!next('|')) {
          return;
        }
        out.append('|');
      }
    }

    /**
     * Reads items up to the end of the alternative; returns the fewest characters they consume, 0
     * or 1.
     */
    private int sequence(int depth) {
      int width = 0;
      while (position < source.length()
          && source.charAt(position) != '|'
          && source.charAt(position) != ')') {
        char c = source.charAt(position);
        if (c == '(') {
          width |= group(depth);
        } else if (c == '^' || c == '$') {
          position++;
          out.append(c);
          refuseQuantifier("an anchor");
        } else {
          single(c);
          width |= quantifier();
        }
      }
      return width;
    }

    private int group(int depth) {
      position++;
      boolean lookAround = false;
      String opening = "(";
      if (next('?')) {
        opening = null;
        for (String kind : new String[] {":", "i:", ">", "=", "!", "<=", "<!"}) {
          if (source.startsWith(kind, position)) {
            position += kind.length();
            opening = "(?" + kind;
            lookAround = kind.endsWith("=") || kind.endsWith("!");
            break;
          }
        }
        if (opening == null) {
          throw refuse("this kind of group");
        }
      }
      out.append(opening);
      alternatives(depth + 1, lookAround);
      if (!next(')')) {
        throw refuse("a group without its )");
      }
      out.append(')');
      if (lookAround) {
        refuseQuantifier("a look-around");
        return 0;
      }
      if (next('?')) {
        out.append('?');
        if (next('?')) {
          out.append('?');
        } else if (next('+')) {
          out.append('+');
        }
        return 0;
      }
      refuseQuantifier("a group (other than by ?)");
      return 1;
    }

    /** Reads one character, escape or class. */
    private void single(char c) {
      if (c == '[') {
        characterClass(0);
      } else if (c == '\\') {
        escape();
      } else if (c == '*' || c == '+' || c == '?' || c == '{') {
        throw refuse("a quantifier with nothing before it");
      } else {
        codePoint();
      }
    }

    private void codePoint() {
      int codePoint = source.codePointAt(position);
      position += Character.charCount(codePoint);
      out.appendCodePoint(codePoint);
    }

    private void escape() {
      position++;
      if (position == source.length()) {
        throw refuse("a \\ at the end");
      }
      char c = source.charAt(position);
      if ("sSdDwWrntf".indexOf(c) >= 0) {
        position++;
        out.append('\\').append(c);
      } else if (c == 'p' || c == 'P') {
        property(c);
      } else if (c == 'x' || c == 'u') {
        position++;
        out.append('\\').append(c);
      } else if (c < 128 && !Character.isLetterOrDigit(c)) {
        position++;
        out.append('\\').append(c);
      } else {
        throw refuse("\\" + c);
      }
    }

    private void property(char kind) {
      int close = source.indexOf('}', position);
      if (position + 1 >= source.length() || source.charAt(position + 1) != '{' || close < 0) {
        throw refuse("\\" + kind + " without {}");
      }
      String name = source.substring(position + 2, close);
      position = close + 1;
      out.append('\\').append(kind).append('{');
      if (name.matches("[LMNPSZC][a-z]?")) {
        out.append(name);
      } else {
        try {
          out.append("Is").append(Character.UnicodeScript.forName(name));
        } catch (IllegalArgumentException e) {
          throw new InvalidModelException(unsupported("the property " + name), e);
        }
      }
      out.append('}');
    }

    private void characterClass(int depth) {
      if (depth > MAX_DEPTH) {
        throw refuse("more than " + MAX_DEPTH + " nested character classes");
      }
      position++;
      out.append('[');
      if (next('^')) {
        out.append('^');
      }
      boolean empty = true;
      while (!next(']')) {
        if (position == source.length()) {
          throw refuse("a character class without its ]");
        }
        char c = source.charAt(position);
        if (c == '[') {
          if (source.startsWith("[:", position)) {
            throw refuse("a [: :] class");
          }
          characterClass(depth + 1);
        } else if (c == '\\') {
          escape();
        } else if (source.startsWith("&&", position)) {
          throw refuse("&& in a character class");
        } else {
          codePoint();
        }
        empty = false;
      }
      if (empty) {
        throw refuse("an empty character class");
      }
      out.append(']');
    }

    /** Reads a quantifier if there is one; returns 1 if what it follows must occur, else 0. */
    private int quantifier() {
      if (position == source.length()) {
        return 1;
      }
      char c = source.charAt(position);
      int least;
      if (c == '*' || c == '?') {
        position++;
        out.append(c);
        least = 0;
      } else if (c == '+') {
        position++;
        out.append(c);
        least = 1;
      } else if (c == '{') {
        return countedQuantifier();
      } else {
        return 1;
      }
      if (next('?')) {
        out.append('?');
      } else if (next('+')) {
        out.append('+');
      }
      refuseQuantifier("a quantifier");
      return least;
    }

    private int countedQuantifier() {
      Matcher counts =
          Pattern.compile("\\{(\\d{1,4})(,(\\d{1,4})?)?}")
              .matcher(source)
              .region(position, source.length());
      if (!counts.lookingAt()) {
        throw refuse("this use of {}");
      }
      int least = Integer.parseInt(counts.group(1));
      int most = counts.group(3) == null ? least : Integer.parseInt(counts.group(3));
      if (least > MAX_REPETITIONS || most > MAX_REPETITIONS) {
        throw refuse("more than " + MAX_REPETITIONS + " repetitions");
      }
      out.append(counts.group());
      position = counts.end();
      if (next('?')) {
        out.append('?');
      }
      refuseQuantifier("a counted quantifier");
      return Math.min(least, 1);
    }

    private void refuseQuantifier(String what) {
      if (position < source.length() && "*+?{".indexOf(source.charAt(position)) >= 0) {
        throw refuse("a quantifier on " + what);
      }
    }

    private boolean next(char expected) {
      if (position < source.length() && source.charAt(position) == expected) {
        position++;
        return true;
      }
      return false;
    }

    private InvalidModelException refuse(String construct) {
      return new InvalidModelException(unsupported(construct));
    }

    private String unsupported(String construct) {
      return where
          + ": the regular expression has "
          + construct
          + " at character "
          + position
          + ", which is not supported";
    }
  }
}
