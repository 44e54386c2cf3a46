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
    int last = tokens.size() - 1;
    if (generation.endToken().isPresent() && last >= 0 && tokens.get(last).text().isEmpty()) {
      tokens.remove(last);
    }
  }

  /** The text since the last call. */
  String takeText() {
    String taken = text.toString();
    text.setLength(0);
    return taken;
  }

  /**
   * The tokens since the last call, up to the last one with a text: whether one without a text only
   * ends the answer is known when it has ended.
   */
  List<GeneratedToken> takeTokens() {
    int end = tokens.size();
    while (end > 0 && tokens.get(end - 1).text().isEmpty()) {
      end--;
    }
    List<GeneratedToken> taken = tokens.subList(0, end);
    tokens = new ArrayList<>(tokens.subList(end, tokens.size()));
    return taken;
  }

  /** All tokens since the last call, once the answer has ended. */
  List<GeneratedToken> takeRest() {
    List<GeneratedToken> rest = tokens;
    tokens = new ArrayList<>();
    return rest;
  }
}
