package io.sambay4j.cli.load;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What came back for one request. Times are in seconds after the beginning of the run.
 *
 * @param turn of its conversation, from 1
 * @param due when it was to be sent; times are counted from here, so that a client that comes late
 *     does not make the server look quick
 * @param sent when it was sent
 * @param firstToken when its first token came; NaN: none did
 * @param end when it ended
 * @param promptTokens as the server counts them
 * @param generatedTokens as the server counts them, or the pieces that came
 * @param cachedTokens prompt tokens that the server did not have to read, where it says so
 * @param gaps between pieces of the answer
 * @param error what went wrong; null: nothing
 */
public record Answer(
    int turn,
    double due,
    double sent,
    double firstToken,
    double end,
    int promptTokens,
    int generatedTokens,
    int cachedTokens,
    List<Double> gaps,
    @Nullable String error) {
  /** Copies the gaps. */
  public Answer {
    gaps = List.copyOf(gaps);
  }

  /** Whether the whole answer came. */
  public boolean succeeded() {
    return error == null;
  }

  /** Seconds to the first token. */
  public double timeToFirstToken() {
    return firstToken - due;
  }

  /** Seconds from one token to the next, on average; NaN for an answer of one token. */
  public double timePerOutputToken() {
    return generatedTokens < 2 ? Double.NaN : (end - firstToken) / (generatedTokens - 1);
  }

  /** Seconds to the end. */
  public double total() {
    return end - due;
  }
}
