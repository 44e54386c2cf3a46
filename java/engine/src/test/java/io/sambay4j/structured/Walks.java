package io.sambay4j.structured;

import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.tokenizer.TestFiles;
import io.sambay4j.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Texts driven through the masks of a grammar, token by token. */
final class Walks {
  static final Tokenizer TINY = Tokenizer.read(TestFiles.tinyReasoner().resolve("tokenizer.json"));

  /** A walk that has not ended by then heads for the end. */
  private static final int LONG = 60;

  private static final int TOO_LONG = 2000;

  private Walks() {}

  /** Whether the whole text follows the grammar, cut into tokens as the tokenizer does. */
  static boolean accepts(Grammar grammar, String text) {
    return accepts(grammar, TINY, text);
  }

  static boolean accepts(Grammar grammar, Tokenizer tokenizer, String text) {
    TokenConstraint constraint = grammar.over(tokenizer).start();
    for (int id : tokenizer.encode(text)) {
      if (!constraint.allowed().contains(id)) {
        return false;
      }
      constraint.accept(id);
    }
    return constraint.mayEnd();
  }

  /** Whether the text follows the grammar, given byte by byte. */
  static boolean acceptsBytes(Grammar grammar, byte[] text) {
    int[] idOfByte = new int[256];
    Arrays.fill(idOfByte, -1);
    for (int id = 0; id < TINY.vocabularySize(); id++) {
      if (!TINY.isAddedToken(id) && TINY.tokenBytes(id).length == 1) {
        idOfByte[TINY.tokenBytes(id)[0] & 0xFF] = id;
      }
    }
    TokenConstraint constraint = grammar.over(TINY).start();
    for (byte b : text) {
      int id = idOfByte[b & 0xFF];
      if (!constraint.allowed().contains(id)) {
        return false;
      }
      constraint.accept(id);
    }
    return constraint.mayEnd();
  }

  /** A text of random allowed tokens; each mask must leave a way on or an end. */
  static String random(Grammar grammar, Tokenizer tokenizer, Random random) {
    TokenConstraint constraint = grammar.over(tokenizer).start();
    List<Integer> ids = new ArrayList<>();
    while (true) {
      int[] allowed = constraint.allowed().ids(tokenizer.vocabularySize());
      if (allowed.length == 0 && !constraint.mayEnd()) {
        throw new AssertionError("a dead end after " + text(tokenizer, ids));
      }
      boolean tired = ids.size() > LONG;
      if (constraint.mayEnd() && (allowed.length == 0 || tired || random.nextInt(4) == 0)) {
        return text(tokenizer, ids);
      }
      int id = allowed[random.nextInt(allowed.length)];
      if (tired) {
        id = closing(tokenizer, constraint, id);
      }
      if (ids.size() > TOO_LONG) {
        throw new AssertionError("no end after " + text(tokenizer, ids));
      }
      constraint.accept(id);
      ids.add(id);
    }
  }

  /** A token that closes something, which is likely to lead to the end. */
  private static int closing(Tokenizer tokenizer, TokenConstraint constraint, int otherwise) {
    for (char c : "\"}]0123456789nulltruefasebci:,".toCharArray()) {
      int id = tokenizer.encode(String.valueOf(c))[0];
      if (constraint.allowed().contains(id)) {
        return id;
      }
    }
    return otherwise;
  }

  private static String text(Tokenizer tokenizer, List<Integer> ids) {
    return tokenizer.decode(ids.stream().mapToInt(Integer::intValue).toArray(), true);
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
