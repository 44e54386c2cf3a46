package io.sambay4j.json;

/** Text taken from a file, made fit for a one-line message: bounded, without control characters. */
public final class Quote {
  private static final int MAX_CHARS = 120;

  private Quote() {}

  /**
   * {@code text} in single quotes; control characters and lone surrogates become escapes, a long
   * tail an ellipsis.
   */
  public static String of(String text) {
    StringBuilder out = new StringBuilder("'");
    int end = Math.min(text.length(), MAX_CHARS);
    for (int i = 0; i < end; i++) {
      char c = text.charAt(i);
      boolean pair =
          Character.isHighSurrogate(c)
              && i + 1 < end
              && Character.isLowSurrogate(text.charAt(i + 1));
      if (pair) {
        out.append(c).append(text.charAt(++i));
      } else if (Character.isISOControl(c)
          || Character.isSurrogate(c)
          || Character.getType(c) == Character.FORMAT
          || Character.getType(c) == Character.LINE_SEPARATOR
          || Character.getType(c) == Character.PARAGRAPH_SEPARATOR) {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append(end < text.length() ? "…'" : "'").toString();
  }
}
