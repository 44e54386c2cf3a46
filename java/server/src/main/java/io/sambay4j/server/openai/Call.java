package io.sambay4j.server.openai;

import io.sambay4j.FinishReason;
import io.sambay4j.GeneratedToken;
import io.sambay4j.Generation;
import io.sambay4j.GenerationListener;
import io.sambay4j.GenerationRequest;
import io.sambay4j.RunningGeneration;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Exchange;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One request's generations, from their start to the end of the last. When the client leaves or the
 * server stops, all of them are cancelled.
 */
final class Call {
  private static final Logger log = LoggerFactory.getLogger(Call.class);

  private final Exchange exchange;
  private final ServedModel model;
  private final LiveCalls live;
  private final CallObserver observer;
  private final AnswerSink sink;
  private final String prompt;
  private final long[] firstTokens; // nanoTime; 0: none yet
  private final List<RunningGeneration> running = new ArrayList<>(); // guarded by this
  private int unfinished; // guarded by this
  private boolean cancelled; // guarded by this
  private boolean failed; // guarded by this

  /**
   * @param choices how many answers
   * @param prompt what the endpoint calls the prompt
   */
  Call(
      Exchange exchange,
      ServedModel model,
      int choices,
      LiveCalls live,
      CallObserver observer,
      AnswerSink sink,
      String prompt) {
    this.exchange = exchange;
    this.model = model;
    this.live = live;
    this.observer = observer;
    this.sink = sink;
    this.prompt = prompt;
    this.firstTokens = new long[choices];
    this.unfinished = choices;
  }

  /**
   * Starts the generations, as many from one reading of each prompt.
   *
   * @param requests one for each prompt; the answers are numbered in their order
   * @throws ApiException if the engine does not take them
   */
  void start(List<GenerationRequest> requests) {
    live.add(this);
    int each = firstTokens.length / requests.size();
    List<List<Listener>> listeners =
        IntStream.range(0, requests.size())
            .mapToObj(
                i -> IntStream.range(i * each, (i + 1) * each).mapToObj(Listener::new).toList())
            .toList();
    try {
      List<List<RunningGeneration>> started = model.model().startAll(requests, listeners);
      boolean stopped;
      synchronized (this) {
        started.forEach(running::addAll);
        stopped = cancelled;
      }
      if (stopped) { // by the server's end, meanwhile
        cancel();
      }
    } catch (RuntimeException e) {
      live.remove(this);
      ApiException failure = Failures.of(e, prompt);
      observer.refused(model.name(), exchange.endpoint(), failure.status());
      throw failure;
    }
    sink.accepted();
    exchange.onLeave(
        () -> {
          live.countLeft();
          cancel();
        });
  }

  /** Cancels every generation; their ends follow. */
  private void cancel() {
    List<RunningGeneration> generations;
    synchronized (this) {
      cancelled = true;
      generations = List.copyOf(running);
    }
    generations.forEach(RunningGeneration::cancel);
  }

  /** Ends the request because the server stops. */
  void stop() {
    fail(ApiException.unavailable("draining", "the server has stopped before the answer's end"));
  }

  private void fail(ApiException failure) {
    synchronized (this) {
      if (failed) {
        return;
      }
      failed = true;
    }
    cancel();
    sink.failed(failure);
  }

  private void ended(String outcome, int promptTokens, Generation generation, int index) {
    AnswerTimes times = times(generation, firstTokens[index]);
    observer.answered(
        new CallObserver.Answered(
            model.name(),
            exchange.endpoint(),
            outcome,
            promptTokens,
            generation.usage().cachedTokens(),
            generation.usage().generatedTokens(),
            times.queued(),
            times.toFirstToken(),
            generation.usage().generationTime(),
            times.total()));
    log.info(
        "{} {}: {} prompt tokens ({} cached), {} generated, {} ms, {}",
        exchange.id(),
        exchange.endpoint(),
        promptTokens,
        generation.usage().cachedTokens(),
        generation.usage().generatedTokens(),
        times.total().toMillis(),
        outcome);
    if (generation.finishReason() != FinishReason.CANCELLED) {
      sink.ended(index, generation, times);
    }
  }

  private AnswerTimes times(Generation generation, long firstToken) {
    Duration total = Duration.ofNanos(System.nanoTime() - exchange.began());
    Duration working = generation.usage().promptTime().plus(generation.usage().generationTime());
    Duration queued = total.compareTo(working) > 0 ? total.minus(working) : Duration.ZERO;
    return new AnswerTimes(
        queued,
        firstToken == 0 ? Duration.ZERO : Duration.ofNanos(firstToken - exchange.began()),
        total,
        generation.usage());
  }

  /** Counts an end; the last of them ends the call. */
  private void countEnd() {
    boolean complete;
    synchronized (this) {
      unfinished--;
      complete = unfinished == 0;
    }
    if (!complete) {
      return;
    }
    live.remove(this);
    boolean answered;
    synchronized (this) {
      answered = !cancelled && !failed;
    }
    if (answered) {
      sink.complete();
    }
  }

  /** Of one answer. */
  private final class Listener implements GenerationListener {
    private final int index;
    private long lastToken;

    Listener(int index) {
      this.index = index;
    }

    @Override
    public void onToken(GeneratedToken token) {
      long now = System.nanoTime();
      if (firstTokens[index] == 0) {
        firstTokens[index] = now;
      } else {
        observer.token(model.name(), Duration.ofNanos(now - lastToken));
      }
      lastToken = now;
      sink.token(index, token);
    }

    @Override
    public void onComplete(Generation generation) {
      String outcome = Outcomes.of(generation.finishReason());
      ended(outcome, generation.usage().promptTokens(), generation, index);
      countEnd();
    }

    @Override
    public void onError(Throwable failure) {
      log.warn("{} {}: the generation failed", exchange.id(), exchange.endpoint(), failure);
      observer.answered(
          new CallObserver.Answered(
              model.name(),
              exchange.endpoint(),
              "error",
              0,
              0,
              0,
              Duration.ZERO,
              Duration.ZERO,
              Duration.ZERO,
              Duration.ofNanos(System.nanoTime() - exchange.began())));
      fail(Failures.later(failure, exchange.id(), prompt));
      countEnd();
    }
  }
}
