package io.sambay4j.tokenizer;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The printable characters that stand for the 256 bytes in a byte-level vocabulary.
 *
 * <p>Printable Latin-1 characters stand for themselves; the other 68 bytes take the characters from
 * U+0100 on, in order (Radford et al. 2019, GPT-2, section 2.2, and its {@code bytes_to_unicode}).
 */
final class ByteAlphabet {
  private static final int CHARACTERS = 256 + 68;
  private static final char[] CHARACTER_OF_BYTE = new char[256];
  private static final int[] BYTE_OF_CHARACTER = new int[CHARACTERS];

  static {
    Arrays.fill(BYTE_OF_CHARACTER, -1);
    char next = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      char character = printable ? (char) b : next++;
      CHARACTER_OF_BYTE[b] = character;
      BYTE_OF_CHARACTER[character] = b;
    }
  }

  private ByteAlphabet() {}

  /** The character that stands for a byte. */
  static char character(int unsignedByte) {
    return CHARACTER_OF_BYTE[unsignedByte];
  }

  /**
   * The bytes a vocabulary entry stands for, or null if it has a character from outside the
   * alphabet.
   */
  static byte @Nullable [] bytes(String entry) {
    byte[] bytes = new byte[entry.length()];
    for (int i = 0; i < bytes.length; i++) {
      char c = entry.charAt(i);
      int b = c < CHARACTERS ? BYTE_OF_CHARACTER[c] : -1;
      if (b < 0) {
        return null;
      }
      bytes[i] = (byte) b;
    }
    return bytes;
  }
}
