package io.sambay4j.answer;

import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.sampling.TokenMask;
import io.sambay4j.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Closes a thought when its tokens are used up: from then on each token of the closing words and
 * tag is the only choice. Everything else is left to another constraint, or free.
 */
final class ThoughtBudget implements TokenConstraint {
  private enum Phase {
    /** Nothing, or part of the opening tag, has been written. */
    BEFORE,
    THINKING,
    CLOSING,
    AFTER
  }

  private final Tokenizer tokenizer;
  private final @Nullable TokenConstraint inner;
  private final AnswerFormat.Thought tags;
  private final int budget;
  private final int[] closing;

  private Phase phase;

  /** The bytes written before the thought, or the last bytes of it, as Latin-1. */
  private String recent = "";

  private int used;
  private int closed;

  /**
   * A constraint at the beginning of an answer.
   *
   * @param inner what else is asked for; null: nothing
   * @param closing the tokens that close a thought
   */
  ThoughtBudget(
      Tokenizer tokenizer,
      @Nullable TokenConstraint inner,
      AnswerFormat.Thought tags,
      int budget,
      int[] closing) {
    this.tokenizer = tokenizer;
    this.inner = inner;
    this.tags = tags;
    this.budget = budget;
    this.closing = closing;
    this.phase = tags.opened() ? Phase.THINKING : Phase.BEFORE;
    closeIfUsedUp();
  }

  private ThoughtBudget(ThoughtBudget other) {
    this.tokenizer = other.tokenizer;
    this.inner = other.inner == null ? null : other.inner.copy();
    this.tags = other.tags;
    this.budget = other.budget;
    this.closing = other.closing;
    this.phase = other.phase;
    this.recent = other.recent;
    this.used = other.used;
    this.closed = other.closed;
  }

  /** The tokens of the closing words and the closing tag. */
  static int[] closing(Tokenizer tokenizer, AnswerFormat.Thought tags, String words) {
    int[] tag =
        tokenizer.id(tags.close()).isPresent()
            ? new int[] {tokenizer.id(tags.close()).getAsInt()}
            : tokenizer.encode(tags.close());
    return IntStream.concat(Arrays.stream(tokenizer.encode(words)), Arrays.stream(tag)).toArray();
  }

  @Override
  public TokenMask allowed() {
    if (phase == Phase.CLOSING) {
      return TokenMask.of(closing[closed]);
    }
    return inner == null ? TokenMask.ALL : inner.allowed();
  }

  @Override
  public boolean mayEnd() {
    return phase != Phase.CLOSING && (inner == null || inner.mayEnd());
  }

  @Override
  public void accept(int token) {
    if (phase == Phase.CLOSING && token != closing[closed]) {
      throw new IllegalArgumentException("token %d does not close the thought".formatted(token));
    }
    if (inner != null) {
      inner.accept(token);
    }
    switch (phase) {
      case BEFORE -> readBefore(token);
      case THINKING -> readThought(token);
      case CLOSING -> {
        closed++;
        phase = closed == closing.length ? Phase.AFTER : Phase.CLOSING;
      }
      case AFTER -> {}
    }
    closeIfUsedUp();
  }

  private void readBefore(int token) {
    recent += bytes(token);
    String text = recent.stripLeading();
    String open = latin1(tags.open());
    if (text.startsWith(open)) {
      phase = Phase.THINKING;
      recent = "";
      readThoughtText(text.substring(open.length()));
    } else if (!open.startsWith(text)) {
      phase = Phase.AFTER;
    }
  }

  private void readThought(int token) {
    used++;
    readThoughtText(bytes(token));
  }

  private void readThoughtText(String text) {
    recent += text;
    String close = latin1(tags.close());
    if (recent.contains(close)) {
      phase = Phase.AFTER;
      return;
    }
    int keep = Math.max(close.length(), 4); // a tag, or a character, may go on
    recent = recent.substring(Math.max(0, recent.length() - keep));
  }

  private void closeIfUsedUp() {
    if (phase == Phase.THINKING && used >= budget && !isInCharacter() && !isInTag()) {
      boolean possible = inner == null || inner.allowed().contains(closing[0]);
      phase = possible ? Phase.CLOSING : phase;
    }
  }

  /** Whether the model may be closing the thought itself. */
  private boolean isInTag() {
    String close = latin1(tags.close());
    for (int length = 1; length < close.length(); length++) {
      if (recent.endsWith(close.substring(0, length))) {
        return true;
      }
    }
    return false;
  }

  /** Whether the last character is not complete. */
  private boolean isInCharacter() {
    int at = recent.length() - 1;
    int trailing = 0;
    while (at >= 0 && (recent.charAt(at) & 0xC0) == 0x80) {
      at--;
      trailing++;
    }
    int lead = at < 0 ? 0 : recent.charAt(at);
    int expected = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    return trailing < expected;
  }

  private String bytes(int token) {
    return new String(tokenizer.tokenBytes(token), StandardCharsets.ISO_8859_1);
  }

  private static String latin1(String text) {
    return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
  }

  @Override
  public TokenConstraint copy() {
    return new ThoughtBudget(this);
  }
}
