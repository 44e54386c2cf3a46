package io.sambay4j.cli.load;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.ConnectException;
import java.net.http.HttpTimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Reads a stream of server-sent events, line by line, and takes the time of each piece. */
final class AnswerReader implements Flow.Subscriber<String> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String DATA = "data:";
  private static final int MAX_ERROR_CHARS = 10_000;

  private final int turn;
  private final Clock clock;
  private final double due;
  private final double sent;
  private final StringBuilder refusal = new StringBuilder();
  private final StringBuilder content = new StringBuilder();
  private final List<Double> gaps = new ArrayList<>();
  private int status;
  private double first = Double.NaN;
  private double last = Double.NaN;
  private int pieces;
  private int promptTokens;
  private int cachedTokens;
  private int generatedTokens;
  private boolean done;
  private @Nullable String error;

  AnswerReader(int turn, Clock clock, double due) {
    this.turn = turn;
    this.clock = clock;
    this.due = due;
    this.sent = clock.seconds();
  }

  synchronized void status(int code) {
    status = code;
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    subscription.request(Long.MAX_VALUE);
  }

  @Override
  public synchronized void onNext(String line) {
    if (status != 200) {
      if (refusal.length() < MAX_ERROR_CHARS) {
        refusal.append(line).append('\n');
      }
      return;
    }
    if (!line.startsWith(DATA)) {
      return; // comments, which keep the connection alive, and the blank lines between events
    }
    String data = line.substring(DATA.length()).strip();
    if (data.equals("[DONE]")) {
      done = true;
      return;
    }
    try {
      event(JSON.readTree(data));
    } catch (JsonProcessingException e) {
      error = "an event that is not JSON";
    }
  }

  private void event(JsonNode event) {
    if (event.hasNonNull("error")) {
      error = "in the stream: " + event.path("error").path("message").asText("an error");
      return;
    }
    JsonNode delta = event.path("choices").path(0).path("delta");
    String text = delta.path("content").asText("");
    content.append(text);
    if (!text.isEmpty() || !delta.path("reasoning_content").asText("").isEmpty()) {
      double now = clock.seconds();
      if (pieces == 0) {
        first = now;
      } else {
        gaps.add(now - last);
      }
      last = now;
      pieces++;
    }
    JsonNode usage = event.path("usage");
    if (usage.isObject()) {
      promptTokens = usage.path("prompt_tokens").asInt(0);
      generatedTokens = usage.path("completion_tokens").asInt(0);
      cachedTokens = usage.path("prompt_tokens_details").path("cached_tokens").asInt(0);
    }
  }

  @Override
  public void onError(Throwable failure) {
    // The exchange's own future fails as well, and is asked.
  }

  @Override
  public void onComplete() {
    // As above.
  }

  /** The text so far, without thoughts. */
  synchronized String text() {
    return content.toString();
  }

  /** The answer as it is, once the exchange has ended. */
  synchronized Answer answer(@Nullable Throwable failure) {
    double end = pieces > 0 && failure == null ? last : clock.seconds();
    return new Answer(
        turn,
        due,
        sent,
        first,
        end,
        promptTokens,
        generatedTokens == 0 ? pieces : generatedTokens,
        cachedTokens,
        gaps,
        problem(failure));
  }

  private @Nullable String problem(@Nullable Throwable failure) {
    if (failure != null) {
      return kind(
          failure instanceof CompletionException && failure.getCause() != null
              ? failure.getCause()
              : failure);
    }
    if (status != 200) {
      return "status %d: %s".formatted(status, LoadClient.message(refusal.toString()));
    }
    if (error != null) {
      return error;
    }
    if (!done) {
      return "the stream ended without [DONE]";
    }
    return pieces == 0 ? "an answer without text" : null;
  }

  private static String kind(Throwable failure) {
    if (failure instanceof TimeoutException || failure instanceof HttpTimeoutException) {
      return "no end in time";
    }
    if (failure instanceof ConnectException) {
      return "cannot connect";
    }
    return failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
  }
}
