package io.sambay4j.tokenizer.jinja;

/**
 * One word of a template.
 *
 * @param text its characters; of a string literal those it denotes
 * @param line where it stands, from 1
 */
record Token(Kind kind, String text, int line) {
  enum Kind {
    DATA,
    OUTPUT_BEGIN,
    OUTPUT_END,
    BLOCK_BEGIN,
    BLOCK_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean is(Kind expected, String expectedText) {
    return kind == expected && text.equals(expectedText);
  }

  /** How a message shows it. */
  String shown() {
    return switch (kind) {
      case OUTPUT_END -> "}}";
      case BLOCK_END -> "%}";
      case OUTPUT_BEGIN -> "{{";
      case BLOCK_BEGIN -> "{%";
      case END -> "the end of the template";
      case DATA -> "text";
      case STRING -> "a string";
      default -> text.length() > 40 ? text.substring(0, 40) + "..." : text;
    };
  }
}
