package io.sambay4j.tokenizer.jinja;

import io.sambay4j.InvalidModelException;
import io.sambay4j.tokenizer.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens.
 *
 * <p>White space is treated as Hugging Face sets up Jinja: {@code trim_blocks} drops the newline
 * after a block or comment, {@code lstrip_blocks} drops the blanks before one that begins its line,
 * and the one newline that ends the template is dropped. A minus or plus sign inside a tag
 * overrides both.
 */
final class Lexer {
  private static final Pattern RAW_BLOCK =
      Pattern.compile(
          "\\{%([-+]?)\\s*raw\\s*([-+]?)%}(.*?)\\{%([-+]?)\\s*endraw\\s*([-+]?)%}", Pattern.DOTALL);
  private static final Pattern NUMBER = Pattern.compile("[0-9]++(\\.[0-9]++)?([eE][-+]?[0-9]++)?");
  private static final String[] OPERATORS = {
    "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[",
    "]", "{", "}", ".", ",", ":", "|"
  };

  private final String where;
  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int position;
  private int line = 1;
  private int countedTo;

  /**
   * Whether the text after the last tag begins a line, or would but for a newline that was dropped.
   */
  private boolean startsLine = true;

  private Lexer(String where, String source) {
    this.where = where;
    String unix = source.replace("\r\n", "\n").replace('\r', '\n');
    this.source = unix.endsWith("\n") ? unix.substring(0, unix.length() - 1) : unix;
  }

  static List<Token> tokenize(String where, String source) {
    return new Lexer(where, source).tokenize();
  }

  private List<Token> tokenize() {
    while (position < source.length()) {
      int tag = nextTag();
      if (tag < 0) {
        addData(source.substring(position));
        position = source.length();
        break;
      }
      char kind = source.charAt(tag + 1);
      char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
      String data = source.substring(position, tag);
      if (sign == '-') {
        data = data.stripTrailing();
      } else if (kind != '{' && sign != '+') {
        data = stripIndentation(data);
      }
      addData(data);
      position = tag;
      switch (kind) {
        case '#' -> comment();
        case '%' -> {
          if (!raw()) {
            tag(sign, Kind.BLOCK_BEGIN, Kind.BLOCK_END, "%}");
          }
        }
        default -> tag(sign, Kind.OUTPUT_BEGIN, Kind.OUTPUT_END, "}}");
      }
    }
    add(Kind.END, "");
    return tokens;
  }

  private int nextTag() {
    for (int i = source.indexOf('{', position); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private String stripIndentation(String data) {
    int lineStart = data.lastIndexOf('\n') + 1;
    boolean blank = data.substring(lineStart).isBlank();
    return blank && (lineStart > 0 || startsLine) ? data.substring(0, lineStart) : data;
  }

  private void addData(String data) {
    if (!data.isEmpty()) {
      add(Kind.DATA, data);
    }
  }

  private void comment() {
    int end = source.indexOf("#}", position + 2);
    if (end < 0) {
      throw error("a comment without its #}");
    }
    position = end + 2;
    afterTag(source.charAt(end - 1), true);
  }

  private boolean raw() {
    Matcher raw = RAW_BLOCK.matcher(source).region(position, source.length());
    if (!raw.lookingAt()) {
      return false;
    }
    String data = raw.group(3);
    if (raw.group(2).equals("-")) {
      data = data.stripLeading();
    } else if (!raw.group(2).equals("+") && data.startsWith("\n")) {
      data = data.substring(1);
    }
    if (raw.group(4).equals("-")) {
      data = data.stripTrailing();
    } else if (!raw.group(4).equals("+")) {
      startsLine = false;
      data = stripIndentation(data);
    }
    addData(data);
    position = raw.end();
    afterTag(raw.group(5).isEmpty() ? ' ' : raw.group(5).charAt(0), true);
    return true;
  }

  private void tag(char sign, Kind begin, Kind end, String closing) {
    add(begin, "");
    position += sign == '-' || sign == '+' ? 3 : 2;
    int openBrackets = 0;
    while (true) {
      skipBlanks();
      if (position >= source.length()) {
        throw error("a tag without its " + closing);
      }
      if (openBrackets == 0) {
        char c = source.charAt(position);
        boolean signed = (c == '-' || c == '+') && source.startsWith(closing, position + 1);
        if (signed || source.startsWith(closing, position)) {
          add(end, "");
          position += closing.length() + (signed ? 1 : 0);
          afterTag(signed ? c : ' ', end == Kind.BLOCK_END);
          return;
        }
      }
      Token token = word();
      if (token.kind() == Kind.OPERATOR) {
        if ("([{".contains(token.text())) {
          openBrackets++;
        } else if (")]}".contains(token.text())) {
          openBrackets--;
        }
      }
      tokens.add(token);
    }
  }

  /** Drops the white space after a tag that its sign, or {@code trim_blocks}, says to drop. */
  private void afterTag(char sign, boolean trimsNewline) {
    int from = position;
    if (sign == '-') {
      skipBlanks();
    } else if (sign != '+' && trimsNewline && source.startsWith("\n", position)) {
      position++;
    }
    startsLine = position > from && source.charAt(position - 1) == '\n';
  }

  private void skipBlanks() {
    while (position < source.length() && Character.isWhitespace(source.charAt(position))) {
      position++;
    }
  }

  private Token word() {
    char c = source.charAt(position);
    if (c == '\'' || c == '"') {
      return string(c);
    }
    if (Character.isDigit(c)) {
      return number();
    }
    if (Character.isLetter(c) || c == '_') {
      int end = position;
      while (end < source.length()
          && (Character.isLetterOrDigit(source.charAt(end)) || source.charAt(end) == '_')) {
        end++;
      }
      return take(Kind.NAME, end);
    }
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, position)) {
        return take(Kind.OPERATOR, position + operator.length());
      }
    }
    throw error("the character \"" + c + "\"");
  }

  private Token take(Kind kind, int end) {
    Token token = new Token(kind, source.substring(position, end), currentLine());
    position = end;
    return token;
  }

  private Token number() {
    Matcher number = NUMBER.matcher(source).region(position, source.length());
    if (!number.lookingAt()) {
      throw error("a digit that is not one of 0 to 9");
    }
    boolean integer = number.group(1) == null && number.group(2) == null;
    return take(integer ? Kind.INTEGER : Kind.FLOAT, number.end());
  }

  private Token string(char quote) {
    StringBuilder text = new StringBuilder();
    int at = position + 1;
    while (at < source.length() && source.charAt(at) != quote) {
      char c = source.charAt(at++);
      if (c == '\\' && at < source.length()) {
        at = escape(text, at);
      } else {
        text.append(c);
      }
    }
    if (at >= source.length()) {
      throw error("a string without its closing quote");
    }
    Token token = new Token(Kind.STRING, text.toString(), currentLine());
    position = at + 1;
    return token;
  }

  /**
   * Appends what an escape denotes; returns the index after it. As in Python, an unknown one stands
   * for itself.
   */
  private int escape(StringBuilder text, int at) {
    char c = source.charAt(at);
    switch (c) {
      case 'n' -> text.append('\n');
      case 't' -> text.append('\t');
      case 'r' -> text.append('\r');
      case '\\', '\'', '"' -> text.append(c);
      case 'x' -> {
        return hexadecimal(text, at + 1, 2);
      }
      case 'u' -> {
        return hexadecimal(text, at + 1, 4);
      }
      default -> text.append('\\').append(c);
    }
    return at + 1;
  }

  private int hexadecimal(StringBuilder text, int at, int length) {
    String digits = source.substring(at, Math.min(at + length, source.length()));
    if (!digits.matches("[0-9a-fA-F]{" + length + "}")) {
      throw error("an escape without its " + length + " hexadecimal digits");
    }
    text.append((char) Integer.parseInt(digits, 16));
    return at + length;
  }

  private void add(Kind kind, String text) {
    tokens.add(new Token(kind, text, currentLine()));
  }

  private int currentLine() {
    for (; countedTo < position; countedTo++) {
      if (source.charAt(countedTo) == '\n') {
        line++;
      }
    }
    return line;
  }

  private InvalidModelException error(String what) {
    return new InvalidModelException(where + ", line " + currentLine() + ": " + what);
  }
}
