package io.sambay4j.server.openai;

import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.server.http.EventStream;
import java.util.ArrayList;
import java.util.List;

/**
 * What a streamed answer has gathered and not yet told: text, and the tokens it comes from. What is
 * taken together is told in one event. Of the stream's tasks alone.
 */
final class Untold {
  private final StringBuilder text = new StringBuilder();
  private List<GeneratedToken> tokens = new ArrayList<>();

  /** Posts a task that takes note of a token: an answer's first does not wait for others. */
  static void post(EventStream events, GeneratedToken token, Runnable task) {
    if (token.index() == 0) {
      events.postHurried(task);
    } else {
      events.post(task);
    }
  }

  void add(GeneratedToken token) {
    text.append(token.text());
    tokens.add(token);
  }

  /** The answer has ended: the token that only ended it is not told. */
  void end(Generation generation) {
    if (generation.endToken().isPresent() && !tokens.isEmpty()) {
      tokens.remove(tokens.size() - 1);
    }
  }

  /** The text since the last call. */
  String takeText() {
    String taken = text.toString();
    text.setLength(0);
    return taken;
  }

  /** The tokens since the last call. */
  List<GeneratedToken> takeTokens() {
    List<GeneratedToken> taken = tokens;
    tokens = new ArrayList<>();
    return taken;
  }
}
