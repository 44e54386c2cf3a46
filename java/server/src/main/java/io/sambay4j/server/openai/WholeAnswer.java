package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Exchange;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Keeps answers until all have ended, then sends them as one JSON object. */
final class WholeAnswer implements AnswerSink {
  private final Exchange exchange;
  private final Function<List<Ended>, JsonNode> writer;
  private final @Nullable Ended[] ended;

  /** An answer that has ended. */
  record Ended(Generation generation, AnswerTimes times) {}

  /**
   * @param writer makes the JSON of the answers, on a thread of the server
   */
  WholeAnswer(Exchange exchange, int choices, Function<List<Ended>, JsonNode> writer) {
    this.exchange = exchange;
    this.writer = writer;
    this.ended = new Ended[choices];
  }

  @Override
  public void accepted() {}

  @Override
  public void token(int index, GeneratedToken token) {}

  @Override
  public void ended(int index, Generation generation, AnswerTimes times) {
    ended[index] = new Ended(generation, times);
  }

  @Override
  public void complete() {
    List<Ended> answers = new ArrayList<>();
    for (Ended answer : ended) {
      answers.add(Objects.requireNonNull(answer));
    }
    exchange.run(() -> exchange.json(200, writer.apply(answers)));
  }

  @Override
  public void failed(ApiException failure) {
    exchange.run(() -> exchange.error(failure));
  }
}
