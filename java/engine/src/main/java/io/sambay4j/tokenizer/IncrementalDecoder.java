package io.sambay4j.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Turns token ids into text as they come, never half a character.
 *
 * <p>A token may end within the UTF-8 bytes of a character. Those bytes are kept until the rest
 * arrives; U+FFFD stands in only once it is certain that they are malformed. All pieces joined are
 * {@link Tokenizer#decode(int[], boolean)} of all ids. An emoji of several characters joined by
 * U+200D may well come in several pieces.
 *
 * <p>One decoder serves one sequence, in one thread at a time.
 */
public final class IncrementalDecoder {
  private final Tokenizer tokenizer;
  private final boolean withSpecialTokens;
  private final CharsetDecoder utf8 =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);

  /** The bytes of an unfinished character, at most three. */
  private byte[] pending = {};

  /** A decoder that leaves special tokens out. */
  public IncrementalDecoder(Tokenizer tokenizer) {
    this(tokenizer, false);
  }

  /**
   * A decoder.
   *
   * @param withSpecialTokens whether special tokens appear, as a template would write them
   */
  public IncrementalDecoder(Tokenizer tokenizer, boolean withSpecialTokens) {
    this.tokenizer = tokenizer;
    this.withSpecialTokens = withSpecialTokens;
  }

  /**
   * Takes the next token; returns the text that is certain now, perhaps none.
   *
   * @throws IllegalArgumentException if the id is negative
   */
  public String append(int id) {
    if (tokenizer.isSpecial(id) && !withSpecialTokens) {
      return "";
    }
    return decode(tokenizer.tokenBytes(id), false);
  }

  /**
   * Ends the text; returns U+FFFD if a character was left unfinished. The decoder can then be used
   * anew.
   */
  public String finish() {
    return decode(new byte[0], true);
  }

  private String decode(byte[] bytes, boolean last) {
    ByteBuffer in =
        ByteBuffer.allocate(pending.length + bytes.length).put(pending).put(bytes).flip();
    CharBuffer out = CharBuffer.allocate(in.remaining());
    utf8.reset();
    check(utf8.decode(in, out, last));
    if (last) {
      check(utf8.flush(out));
    }
    pending = new byte[in.remaining()];
    in.get(pending);
    return out.flip().toString();
  }

  private static void check(CoderResult result) {
    if (!result.isUnderflow()) {
      throw new AssertionError("no byte decodes to more than one char, yet " + result);
    }
  }
}
