package io.sambay4j.structured;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * JSON as a generation writes it.
 *
 * <p>Between tokens stands nothing, one blank, or a line break with up to 20 blanks or tabs, so
 * that both compact and indented text is possible and endless white space is not. There is none
 * before a comma or colon. Numbers have at most 16 digits before the point, 16 after it and 2 in
 * the exponent, so every one is a finite double. Escaped surrogates come in pairs.
 */
final class JsonText {
  private static final int MAX_INDENTATION = 20;
  private static final CodePoints HEX =
      CodePoints.range('0', '9')
          .union(CodePoints.range('a', 'f'))
          .union(CodePoints.range('A', 'F'));
  private static final CodePoints CONTROL = CodePoints.range(0, 0x1F);
  private static final CodePoints ESCAPED = CONTROL.union(CodePoints.in("\"\\"));

  /** By character, what follows the backslash. */
  private static final Map<Integer, String> SHORT_ESCAPES =
      Map.of(
          (int) '"', "\"",
          (int) '\\', "\\",
          (int) '\b', "b",
          (int) '\f', "f",
          (int) '\n', "n",
          (int) '\r', "r",
          (int) '\t', "t");

  /** Characters that a string may hold as they are. */
  static final CodePoints PLAIN = ESCAPED.complement();

  private static final Part ANY_CHARACTER = anyCharacter();

  private final Rules rules;

  JsonText(Rules rules) {
    this.rules = rules;
  }

  Part space() {
    return Part.call(
        rules.shared(
            "white space",
            "white space",
            () ->
                Part.optional(
                    Part.anyOf(
                        Part.literal(" "),
                        Part.sequence(
                            Part.literal("\n"),
                            Part.repeat(
                                Part.character(CodePoints.in(" \t")), 0, MAX_INDENTATION))))));
  }

  /** Any string. */
  Part string() {
    return Part.call(
        rules.shared(
            "string", "string", () -> quoted(Part.repeat(ANY_CHARACTER, 0, Part.UNLIMITED))));
  }

  /** A string whose content follows a piece made of {@link #character}. */
  static Part quoted(Part content) {
    return Part.sequence(Part.literal("\""), content, Part.literal("\""));
  }

  /** One character of a set inside a string, written in the one usual way. */
  static Part character(CodePoints set) {
    CodePoints plain = set.intersect(PLAIN);
    CodePoints escaped = set.intersect(ESCAPED);
    List<Part> parts = new ArrayList<>();
    if (!plain.isEmpty()) {
      parts.add(Part.character(plain));
    }
    StringBuilder letters = new StringBuilder(); // of short escapes
    Map<Integer, StringBuilder> digits =
        new TreeMap<>(); // last of a long escape, by the one before
    for (CodePoints.Range range : escaped.ranges()) {
      for (int c = range.low(); c <= range.high(); c++) {
        String letter = SHORT_ESCAPES.get(c);
        if (letter != null) {
          letters.append(letter);
        } else {
          digits
              .computeIfAbsent(c >> 4, high -> new StringBuilder())
              .append(Character.forDigit(c & 0xF, 16));
        }
      }
    }
    if (!letters.isEmpty()) {
      parts.add(
          Part.sequence(Part.literal("\\"), Part.character(CodePoints.in(letters.toString()))));
    }
    digits.forEach(
        (high, lows) ->
            parts.add(
                Part.sequence(
                    Part.literal("\\u00" + high), Part.character(CodePoints.in(lows.toString())))));
    return parts.isEmpty() ? Part.IMPOSSIBLE : Part.anyOf(parts);
  }

  private static Part anyCharacter() {
    Part hex = Part.character(HEX);
    Part notSurrogate =
        Part.anyOf(
            Part.sequence(Part.character(HEX.minus(CodePoints.in("dD"))), Part.repeat(hex, 3, 3)),
            Part.sequence(
                Part.character(CodePoints.in("dD")),
                Part.character(CodePoints.range('0', '7')),
                Part.repeat(hex, 2, 2)));
    Part pair =
        Part.sequence(
            Part.character(CodePoints.in("dD")),
            Part.character(CodePoints.in("89abAB")),
            Part.repeat(hex, 2, 2),
            Part.literal("\\u"),
            Part.character(CodePoints.in("dD")),
            Part.character(CodePoints.in("cdefCDEF")),
            Part.repeat(hex, 2, 2));
    return Part.anyOf(
        Part.character(PLAIN),
        Part.sequence(Part.literal("\\"), Part.character(CodePoints.in("\"\\/bfnrt"))),
        Part.sequence(Part.literal("\\u"), Part.anyOf(notSurrogate, pair)));
  }

  /** Any value. */
  Part value() {
    return Part.call(
        rules.shared(
            "value",
            "any JSON value",
            () ->
                Part.anyOf(
                    object(),
                    array(),
                    string(),
                    Part.call(rules.shared("number", "number", Numbers::number)),
                    Part.literal("true"),
                    Part.literal("false"),
                    Part.literal("null"))));
  }

  /** Any object. */
  Part object() {
    return Part.call(
        rules.shared(
            "object", "any JSON object", () -> list("{", member(string(), value()), 0, -1, "}")));
  }

  /** Any array. */
  Part array() {
    return Part.call(rules.shared("array", "any JSON array", () -> list("[", value(), 0, -1, "]")));
  }

  /** A name, a colon and a value. */
  Part member(Part name, Part value) {
    return Part.sequence(name, Part.literal(":"), space(), value);
  }

  Part comma() {
    return Part.sequence(Part.literal(","), space());
  }

  /** {@code min} to {@code max} equal elements between brackets. */
  Part list(String opening, Part element, int min, int max, String closing) {
    Part further = Part.sequence(comma(), element);
    Part elements =
        Part.sequence(
            element,
            Part.repeat(further, Math.max(0, min - 1), max == Part.UNLIMITED ? max : max - 1),
            space());
    Part content = max == 0 ? Part.NOTHING : min == 0 ? Part.optional(elements) : elements;
    return Part.sequence(Part.literal(opening), space(), content, Part.literal(closing));
  }

  /** One value as it stands, with the freedom of white space. */
  Part constant(JsonNode value) {
    if (value.isObject()) {
      List<Part> members = new ArrayList<>();
      value
          .properties()
          .forEach(entry -> members.add(member(quote(entry.getKey()), constant(entry.getValue()))));
      return fixedList("{", members, "}");
    }
    if (value.isArray()) {
      List<Part> elements = new ArrayList<>();
      value.forEach(element -> elements.add(constant(element)));
      return fixedList("[", elements, "]");
    }
    return value.isTextual() ? quote(value.textValue()) : Part.literal(value.toString());
  }

  private Part fixedList(String opening, List<Part> elements, String closing) {
    List<Part> parts = new ArrayList<>(List.of(Part.literal(opening), space()));
    for (int i = 0; i < elements.size(); i++) {
      parts.add(i == 0 ? Part.NOTHING : comma());
      parts.add(elements.get(i));
    }
    parts.add(elements.isEmpty() ? Part.NOTHING : space());
    parts.add(Part.literal(closing));
    return Part.sequence(parts);
  }

  /** A string constant. */
  static Part quote(String text) {
    if (text.codePoints().anyMatch(c -> c >= 0xD800 && c <= 0xDFFF)) {
      throw new GrammarException("a string has half a surrogate pair, which no text can hold");
    }
    return Part.literal(TextNode.valueOf(text).toString());
  }
}
