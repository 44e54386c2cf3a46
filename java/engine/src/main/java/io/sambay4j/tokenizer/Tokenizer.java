package io.sambay4j.tokenizer;

import com.knuddels.jtokkit.api.IntArrayList;
import io.sambay4j.InvalidModelException;
import io.sambay4j.json.JsonFields;
import io.sambay4j.tokenizer.jinja.Text;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Turns text into token ids and back, as a Hugging Face {@code tokenizer.json} says; byte-level BPE
 * only.
 *
 * <p>Control tokens are never made from text: {@link #encode} treats a {@code <|end|>} in its
 * argument as seven characters. Only a {@link ChatTemplate} puts them in.
 *
 * <p>Ids agree with the Hugging Face library's for text without added tokens. A missing
 * pre-tokenizer is taken to mean that the text is one piece of bytes. The {@code post_processor},
 * {@code truncation} and {@code padding} entries of the file are not used: nothing is put around
 * the text.
 *
 * <p>Immutable; any number of threads may use one.
 */
public final class Tokenizer {
  /** The longest text that is encoded, in UTF-16 units. */
  public static final int MAX_TEXT_LENGTH = 1 << 26;

  /**
   * The longest piece, in UTF-16 units, that the pre-tokenizer may leave uncut: merging one takes
   * some 300 times its size in memory.
   */
  static final int MAX_PIECE_LENGTH = 1 << 20;

  /**
   * A longer run of combining marks is not brought into normal form across its first so many:
   * sorting is quadratic.
   */
  private static final int MAX_COMBINING_RUN = 1 << 10;

  private static final int MAX_CONFIG_BYTES = 32 << 20; // large vocabularies of added tokens exist

  private static final byte[] NOTHING = {};

  private final boolean nfc;
  private final PreTokenizer preTokenizer;
  private final BytePairEncoder encoder;
  private final AddedTokens addedTokens;
  private final Map<String, Integer> addedTokenIds = new HashMap<>();
  private final BitSet added = new BitSet();
  private final BitSet special = new BitSet();
  private final byte[][] bytesOfId;

  private Tokenizer(TokenizerFile file) {
    nfc = file.nfc();
    preTokenizer = file.preTokenizer();
    encoder =
        new BytePairEncoder(
            file.where(),
            file.vocabulary(),
            file.merges(),
            file.addedTokens().keySet(),
            file.ignoreMerges());
    addedTokens = new AddedTokens(file.addedTokens().values());

    int largestId = -1;
    for (int id : file.vocabulary().values()) {
      largestId = Math.max(largestId, id);
    }
    for (int id : file.addedTokens().keySet()) {
      largestId = Math.max(largestId, id);
    }
    bytesOfId = new byte[largestId + 1][];
    Arrays.fill(bytesOfId, NOTHING);
    file.vocabulary()
        .forEach(
            (entry, id) -> {
              byte[] bytes = ByteAlphabet.bytes(entry);
              bytesOfId[id] = bytes != null ? bytes : entry.getBytes(StandardCharsets.UTF_8);
            });
    for (AddedToken token : file.addedTokens().values()) {
      bytesOfId[token.id()] = token.content().getBytes(StandardCharsets.UTF_8);
      addedTokenIds.put(token.content(), token.id());
      added.set(token.id());
      special.set(token.id(), token.special());
    }
  }

  /**
   * Reads a tokenizer.
   *
   * @throws InvalidModelException if the file is malformed or asks for what is not byte-level BPE
   */
  public static Tokenizer read(Path tokenizerJson) {
    return new Tokenizer(TokenizerFile.read(tokenizerJson, null));
  }

  /**
   * Reads a tokenizer whose added tokens stand, wholly or in part, in the {@code
   * added_tokens_decoder} of a {@code tokenizer_config.json}. Where both files know a token, that
   * one's flags count.
   *
   * @throws InvalidModelException if a file is malformed, they disagree, or one asks for what is
   *     not byte-level BPE
   */
  public static Tokenizer read(Path tokenizerJson, Path tokenizerConfigJson) {
    return read(tokenizerJson, JsonFields.read(tokenizerConfigJson, MAX_CONFIG_BYTES));
  }

  /** As {@link #read(Path, Path)}, the second file having been read. */
  public static Tokenizer read(Path tokenizerJson, JsonFields tokenizerConfig) {
    return new Tokenizer(TokenizerFile.read(tokenizerJson, tokenizerConfig));
  }

  /**
   * A tokenizer from the lists of a GGUF header.
   *
   * @throws InvalidModelException if they contradict each other
   */
  public static Tokenizer of(TokenLists lists) {
    return new Tokenizer(lists.file());
  }

  /**
   * The ids of a text, all of it taken as ordinary text. A lone surrogate is encoded as U+FFFD.
   *
   * @throws IllegalArgumentException if the text is longer than {@link #MAX_TEXT_LENGTH}, or has a
   *     run of more than 1,048,576 characters in which nothing (a space, a digit, punctuation)
   *     separates words
   * @throws InvalidModelException if the model's split pattern needs more than linear time for this
   *     text
   */
  public int[] encode(CharSequence text) {
    checkLength(text);
    IntArrayList ids = new IntArrayList();
    encodePlain(text.toString(), ids);
    return ids.toArray();
  }

  /**
   * The ids of a rendered template: added tokens where the template wrote them, ordinary text
   * elsewhere.
   */
  int[] encode(Text text) {
    checkLength(text.value());
    IntArrayList ids = new IntArrayList();
    int plainStart = 0;
    AddedTokens.Match match = addedTokens.next(text, 0);
    while (match != null) {
      encodePlain(text.value().substring(plainStart, match.start()), ids);
      ids.add(match.token().id());
      plainStart = match.end();
      match = addedTokens.next(text, plainStart);
    }
    encodePlain(text.value().substring(plainStart), ids);
    return ids.toArray();
  }

  /** How many ids {@link #encode(CharSequence)} gives. */
  public int count(CharSequence text) {
    return encode(text).length;
  }

  /**
   * The text of ids, special tokens left out. Bytes that are not UTF-8 become U+FFFD; ids without a
   * token give nothing.
   *
   * @throws IllegalArgumentException if an id is negative
   */
  public String decode(int[] ids) {
    return decode(ids, false);
  }

  /**
   * The text of ids.
   *
   * @param withSpecialTokens whether special tokens appear, as a template would write them
   * @throws IllegalArgumentException if an id is negative
   */
  public String decode(int[] ids, boolean withSpecialTokens) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int id : ids) {
      if (withSpecialTokens || !isSpecial(id)) {
        bytes.writeBytes(bytesOf(id));
      }
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /**
   * The bytes of one token, often not whole characters; none for an id without a token, because a
   * model's output may be wider than its vocabulary.
   *
   * @throws IllegalArgumentException if the id is negative
   */
  public byte[] tokenBytes(int id) {
    return bytesOf(id).clone();
  }

  /** One more than the largest id of a token. */
  public int vocabularySize() {
    return bytesOfId.length;
  }

  /** The id of an added token, control tokens among them, by how a template writes it. */
  public OptionalInt id(String addedToken) {
    Integer id = addedTokenIds.get(addedToken);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /**
   * Whether decoding leaves a token out by default.
   *
   * @throws IllegalArgumentException if the id is negative
   */
  public boolean isSpecial(int id) {
    checkId(id);
    return special.get(id);
  }

  /**
   * Whether a token stands beside the vocabulary proper, as control tokens do, so that ordinary
   * text is never encoded by it.
   *
   * @throws IllegalArgumentException if the id is negative
   */
  public boolean isAddedToken(int id) {
    checkId(id);
    return added.get(id);
  }

  private byte[] bytesOf(int id) {
    checkId(id);
    return id < bytesOfId.length ? bytesOfId[id] : NOTHING;
  }

  private void encodePlain(String text, IntArrayList out) {
    if (text.isEmpty()) {
      return;
    }
    String clean = replaceLoneSurrogates(text);
    String normal = nfc ? normalize(clean) : clean;
    preTokenizer.split(
        normal,
        0,
        normal.length(),
        (piece, start, end) -> {
          if (end - start > MAX_PIECE_LENGTH) {
            throw new IllegalArgumentException(
                "the text has "
                    + (end - start)
                    + " characters in a row that nothing separates, at most "
                    + MAX_PIECE_LENGTH
                    + " are accepted");
          }
          encoder.encode(piece.substring(start, end), out);
        });
  }

  private static String replaceLoneSurrogates(String text) {
    StringBuilder clean = null;
    for (int i = 0; i < text.length(); i++) {
      if (!Character.isSurrogate(text.charAt(i))) {
        continue;
      }
      if (Character.isSupplementaryCodePoint(text.codePointAt(i))) {
        i++;
      } else {
        clean = clean == null ? new StringBuilder(text) : clean;
        clean.setCharAt(i, '\uFFFD');
      }
    }
    return clean == null ? text : clean.toString();
  }

  private static String normalize(String text) {
    StringBuilder normal = new StringBuilder(text.length());
    int from = 0;
    int marks = 0;
    for (int i = 0; i < text.length(); ) {
      int codePoint = text.codePointAt(i);
      i += Character.charCount(codePoint);
      marks = isCombiningMark(codePoint) ? marks + 1 : 0;
      if (marks == MAX_COMBINING_RUN) {
        normal.append(Normalizer.normalize(text.substring(from, i), Normalizer.Form.NFC));
        from = i;
        marks = 0;
      }
    }
    return normal
        .append(Normalizer.normalize(text.substring(from), Normalizer.Form.NFC))
        .toString();
  }

  private static boolean isCombiningMark(int codePoint) {
    int type = Character.getType(codePoint);
    return type == Character.NON_SPACING_MARK
        || type == Character.COMBINING_SPACING_MARK
        || type == Character.ENCLOSING_MARK;
  }

  private static void checkLength(CharSequence text) {
    if (text.length() > MAX_TEXT_LENGTH) {
      throw new IllegalArgumentException(
          "the text has "
              + text.length()
              + " characters, at most "
              + MAX_TEXT_LENGTH
              + " are accepted");
    }
  }

  private static void checkId(int id) {
    if (id < 0) {
      throw new IllegalArgumentException("the token id is " + id + ", expected 0 or more");
    }
  }
}
