package io.sambay4j.structured;

import io.sambay4j.json.Quote;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads a grammar in the notation of docs/structured-output.md: rules {@code name ::= ...} of texts
 * in quotes, character classes, names of rules, control tokens in angle brackets, groups,
 * alternatives and repetitions. The text follows the rule {@code root}.
 */
final class EbnfParser {
  private static final String PLACE = "the grammar";

  private final String source;
  private final Rules rules;
  private final Map<String, Integer> numbers = new HashMap<>();

  /** Where each rule that was referred to was first seen. */
  private final Map<String, Integer> uses = new LinkedHashMap<>();

  private final Map<String, Part> bodies = new LinkedHashMap<>();
  private int at;
  private int depth;

  private EbnfParser(String source, Rules rules) {
    this.source = source;
    this.rules = rules;
  }

  /** Adds the rules of a grammar; returns the number of {@code root}. */
  static int add(String source, Rules rules) {
    return new EbnfParser(source, rules).parse();
  }

  private int parse() {
    skipBlanks();
    while (at < source.length()) {
      int start = at;
      String name = name();
      if (name == null || !atDefinition()) {
        at = start;
        throw error("a rule is expected, such as root ::= \"yes\" | \"no\"");
      }
      at += 3;
      skipBlanks();
      int number = number(name);
      Part body = alternatives();
      if (bodies.put(name, body) != null) {
        at = start;
        throw error("the rule %s is defined twice".formatted(Quote.of(name)));
      }
      rules.define(number, body);
      if (at < source.length() && !startsRule()) {
        throw error("%s has no meaning here".formatted(Quote.of(source.substring(at, at + 1))));
      }
    }
    for (Map.Entry<String, Integer> use : uses.entrySet()) {
      if (!bodies.containsKey(use.getKey())) {
        at = use.getValue();
        throw error("the rule %s is not defined".formatted(Quote.of(use.getKey())));
      }
    }
    Integer root = numbers.get("root");
    if (root == null) {
      throw new GrammarException(PLACE + " has no rule root, which is where a text begins");
    }
    return root;
  }

  private int number(String name) {
    return numbers.computeIfAbsent(name, n -> rules.declare("the rule " + Quote.of(n)));
  }

  private Part alternatives() {
    return Part.alternatives(this::sequence, () -> take('|'));
  }

  private Part sequence() {
    List<Part> parts = new ArrayList<>();
    while (at < source.length() && "|)".indexOf(source.charAt(at)) < 0 && !startsRule()) {
      parts.add(repetition(item()));
    }
    return Part.sequence(parts);
  }

  private Part item() {
    char c = source.charAt(at);
    if (c == '"') {
      return Part.literal(literal());
    }
    if (c == '[') {
      RegexParser.Characters characters = RegexParser.classAt(PLACE, source, at + 1);
      moveTo(characters.end());
      return Part.character(characters.set());
    }
    if (c == '.') {
      moveTo(at + 1);
      return Part.character(CodePoints.ALL);
    }
    if (c == '<') {
      return tag();
    }
    if (take('(')) {
      if (++depth > Budget.MAX_DEPTH) {
        throw error("groups are nested more than %d deep".formatted(Budget.MAX_DEPTH));
      }
      Part inner = alternatives();
      if (!take(')')) {
        throw error(") is missing");
      }
      depth--;
      return inner;
    }
    int start = at;
    String name = name();
    if (name == null) {
      throw error("%s has no meaning here".formatted(Quote.of(source.substring(at, at + 1))));
    }
    uses.putIfAbsent(name, start);
    return Part.call(number(name));
  }

  private String literal() {
    StringBuilder text = new StringBuilder();
    int start = at++;
    while (at < source.length() && source.charAt(at) != '"') {
      char c = source.charAt(at++);
      if (c == '\\') {
        RegexParser.Characters escaped = RegexParser.escapeAt(PLACE, source, at);
        CodePoints.Range first = escaped.set().ranges().get(0);
        if (escaped.set().ranges().size() > 1 || first.low() < first.high()) {
          throw error("inside quotes an escape stands for one character");
        }
        text.appendCodePoint(first.low());
        at = escaped.end();
      } else {
        text.append(c);
      }
    }
    if (at >= source.length()) {
      at = start;
      throw error("the text in quotes has no end");
    }
    moveTo(at + 1);
    if (text.codePoints().anyMatch(c -> c >= 0xD800 && c <= 0xDFFF)) {
      throw error("half a surrogate pair is no character");
    }
    return text.toString();
  }

  private Part tag() {
    int end = source.indexOf('>', at);
    String text = end < 0 ? "" : source.substring(at, end + 1);
    if (text.length() < 3
        || text.length() > 64
        || !text.chars().allMatch(c -> c > ' ' && c < 127)) {
      throw error(
          "a control token is written <name>, in at most 64 ASCII characters without blanks");
    }
    moveTo(end + 1);
    return Part.tag(rules.tag(text));
  }

  private Part repetition(Part part) {
    int[] count = null;
    if (take('*')) {
      count = new int[] {0, Part.UNLIMITED};
    } else if (take('+')) {
      count = new int[] {1, Part.UNLIMITED};
    } else if (take('?')) {
      count = new int[] {0, 1};
    } else if (take('{')) {
      count = countInBraces();
    }
    if (count == null) {
      return part;
    }
    if (at < source.length() && "*+?{".indexOf(source.charAt(at)) >= 0) {
      throw error("a repetition is repeated; put the inner one into parentheses");
    }
    return Part.repeat(part, count[0], count[1]);
  }

  private int[] countInBraces() {
    int min = count();
    int max = min;
    if (take(',')) {
      max = at < source.length() && source.charAt(at) == '}' ? Part.UNLIMITED : count();
    }
    if (!take('}')) {
      throw error("} is missing");
    }
    if (max != Part.UNLIMITED && max < min) {
      throw error("the repetition {%d,%d} ends before it begins".formatted(min, max));
    }
    return new int[] {min, max};
  }

  private int count() {
    int from = at;
    while (at < source.length() && source.charAt(at) >= '0' && source.charAt(at) <= '9') {
      at++;
    }
    int digits = at - from;
    if (digits == 0
        || digits > 6
        || Integer.parseInt(source.substring(from, at)) > Budget.MAX_REPETITIONS) {
      throw error("a repetition takes a number from 0 to %d".formatted(Budget.MAX_REPETITIONS));
    }
    int value = Integer.parseInt(source.substring(from, at));
    skipBlanks();
    return value;
  }

  private @Nullable String name() {
    int from = at;
    while (at < source.length()
        && (isLetter(source.charAt(at)) || (at > from && isNameCharacter(source.charAt(at))))) {
      at++;
    }
    String name = source.substring(from, at);
    skipBlanks();
    return name.isEmpty() ? null : name;
  }

  private static boolean isLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }

  private static boolean isNameCharacter(char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '_';
  }

  private boolean atDefinition() {
    return source.startsWith("::=", at);
  }

  /** Whether the next rule begins here. */
  private boolean startsRule() {
    int start = at;
    boolean starts = name() != null && atDefinition();
    at = start;
    return starts;
  }

  private boolean take(char c) {
    if (at < source.length() && source.charAt(at) == c) {
      moveTo(at + 1);
      return true;
    }
    return false;
  }

  private void moveTo(int index) {
    at = index;
    skipBlanks();
  }

  /** Skips blanks, line breaks and comments. */
  private void skipBlanks() {
    while (at < source.length()) {
      char c = source.charAt(at);
      if (c == '#') {
        int end = source.indexOf('\n', at);
        at = end < 0 ? source.length() : end;
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        at++;
      } else {
        return;
      }
    }
  }

  private GrammarException error(String what) {
    long line =
        source.substring(0, Math.min(at, source.length())).chars().filter(c -> c == '\n').count()
            + 1;
    return new GrammarException("%s: line %d: %s".formatted(PLACE, line, what));
  }
}
