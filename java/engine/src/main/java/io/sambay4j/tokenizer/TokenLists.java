package io.sambay4j.tokenizer;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import io.sambay4j.tokenizer.PreTokenizer.Behavior;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A byte-level BPE tokenizer as a GGUF header lists it. Such lists do not tell which control tokens
 * take away the white space that a template writes beside them; none is taken to.
 *
 * @param where the file, for messages
 * @param tokens every token by its id, ordinary ones spelled as in {@code tokenizer.json}
 * @param kinds what each of them is: 1 ordinary, 3 control, 4 written by the user, 5 not used
 * @param merges "left right", in order
 * @param preTokenizer name of the way text is cut into pieces; one of {@link #PRE_TOKENIZERS}
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record TokenLists(
    String where, List<String> tokens, long[] kinds, List<String> merges, String preTokenizer) {
  private static final int ORDINARY = 1;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;

  private static final String CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
  private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";

  /** Regular expressions of the known ways, by name: words, numbers, punctuation, spaces. */
  private static final Map<String, String> PATTERNS =
      Map.of(
          "gpt-2",
          PreTokenizer.GPT2_PATTERN,
          "gpt-4o", // o200k
          "[^\\r\\n\\p{L}\\p{N}]?"
              + UPPER
              + "*"
              + LOWER
              + "+"
              + CONTRACTION
              + "|[^\\r\\n\\p{L}\\p{N}]?"
              + UPPER
              + "+"
              + LOWER
              + "*"
              + CONTRACTION
              + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");

  /** The names that {@code preTokenizer} may have. */
  public static final Set<String> PRE_TOKENIZERS = PATTERNS.keySet();

  public TokenLists {
    tokens = Collections.unmodifiableList(tokens); // a copy would be large
    kinds = kinds.clone();
    merges = Collections.unmodifiableList(merges);
    if (!PATTERNS.containsKey(preTokenizer)) {
      throw new InvalidModelException(
          "%s: the pre-tokenizer %s is not known, expected one of %s"
              .formatted(where, Quote.of(preTokenizer), PRE_TOKENIZERS));
    }
    if (tokens.size() != kinds.length) {
      throw new InvalidModelException(
          "%s: %d tokens have %d kinds, expected one each"
              .formatted(where, tokens.size(), kinds.length));
    }
  }

  TokenizerFile file() {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    Map<Integer, AddedToken> added = new LinkedHashMap<>();
    for (int id = 0; id < tokens.size(); id++) {
      String token = tokens.get(id);
      int kind = (int) Math.max(0, Math.min(kinds[id], UNUSED + 1));
      switch (kind) {
        case ORDINARY -> {
          Integer other = vocabulary.put(token, id);
          if (other != null) {
            throw new InvalidModelException(
                "%s: the token %s is there twice, as %d and %d"
                    .formatted(where, Quote.of(token), other, id));
          }
        }
        case CONTROL, USER_DEFINED -> added.put(id, added(id, token, kind == CONTROL));
        case UNUSED -> {} // fills the embedding up
        default ->
            throw new InvalidModelException(
                "%s: the token %s is of kind %d, expected 1, 3, 4 or 5"
                    .formatted(where, Quote.of(token), kinds[id]));
      }
    }
    PreTokenizer split =
        new PreTokenizer.Split(
            SafePattern.regex(where, PATTERNS.getOrDefault(preTokenizer, "")),
            Behavior.ISOLATED,
            false);
    return TokenizerFile.of(where, vocabulary, merges, added, split);
  }

  private AddedToken added(int id, String token, boolean special) {
    if (token.isEmpty() || token.length() > TokenizerFile.MAX_ADDED_TOKEN_CHARACTERS) {
      throw new InvalidModelException(
          "%s: the control token %d has %d characters, expected 1 to %d"
              .formatted(where, id, token.length(), TokenizerFile.MAX_ADDED_TOKEN_CHARACTERS));
    }
    return new AddedToken(id, token, false, false, false, special);
  }
}
