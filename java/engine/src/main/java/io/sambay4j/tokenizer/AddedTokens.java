package io.sambay4j.tokenizer;

import io.sambay4j.tokenizer.jinja.Text;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds added tokens in the part of a rendered template that the template itself wrote. */
final class AddedTokens {
  /** The longest first among those with the same first character. */
  private final Map<Character, List<AddedToken>> byFirstCharacter = new HashMap<>();

  AddedTokens(Collection<AddedToken> tokens) {
    for (AddedToken token : tokens) {
      byFirstCharacter
          .computeIfAbsent(token.content().charAt(0), c -> new ArrayList<>())
          .add(token);
    }
    Comparator<AddedToken> longestFirst =
        Comparator.comparingInt(token -> -token.content().length());
    byFirstCharacter.values().forEach(list -> list.sort(longestFirst));
  }

  /** A token and what it takes up of the text, stripped white space included. */
  record Match(AddedToken token, int start, int end) {}

  /**
   * The next added token at or after an index, or null.
   *
   * <p>A token counts only if the template wrote all of it. White space next to it that its {@code
   * lstrip} or {@code rstrip} claims goes with it only as far as the template wrote that too: what
   * a user typed is never dropped.
   */
  @Nullable Match next(Text text, int from) {
    String value = text.value();
    for (int i = from; i < value.length(); i++) {
      for (AddedToken token : byFirstCharacter.getOrDefault(value.charAt(i), List.of())) {
        int end = i + token.content().length();
        if (value.startsWith(token.content(), i)
            && text.isTrusted(i, end)
            && !(token.singleWord() && touchesWord(value, i, end))) {
          return new Match(
              token,
              token.lstrip() ? stripBefore(text, from, i) : i,
              token.rstrip() ? stripAfter(text, end) : end);
        }
      }
    }
    return null;
  }

  private static boolean touchesWord(String value, int start, int end) {
    return (start > 0 && isWord(value.codePointBefore(start)))
        || (end < value.length() && isWord(value.codePointAt(end)));
  }

  private static boolean isWord(int codePoint) {
    return Character.isLetterOrDigit(codePoint) || codePoint == '_';
  }

  private static int stripBefore(Text text, int from, int start) {
    int at = start;
    while (at > from && isWhiteSpace(text.value().charAt(at - 1)) && !text.isTainted(at - 1)) {
      at--;
    }
    return at;
  }

  private static int stripAfter(Text text, int end) {
    int at = end;
    while (at < text.length() && isWhiteSpace(text.value().charAt(at)) && !text.isTainted(at)) {
      at++;
    }
    return at;
  }

  /** Unicode's White_Space property; all of it lies in the basic plane. */
  private static boolean isWhiteSpace(char c) {
    return (c >= 0x09 && c <= 0x0D) || c == 0x85 || Character.isSpaceChar(c);
  }
}
