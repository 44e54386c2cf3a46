package io.sambay4j.cli.load;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Sends requests in a closed or an open loop and collects what comes back. */
public final class Load {
  /**
   * What is asked.
   *
   * @param model the name that requests give
   * @param requests how many
   * @param concurrency requests under way at once; 0: an open loop
   * @param rate requests a second in an open loop, with exponential gaps; 0: a closed loop
   * @param promptTokens of prompts, the common beginning not counted
   * @param outputTokens of answers
   * @param seed of lengths, words and gaps
   */
  public record Plan(
      String model,
      int requests,
      int concurrency,
      double rate,
      Lengths promptTokens,
      Lengths outputTokens,
      long seed) {}

  private record Request(String prompt, int outputTokens, double due) {}

  private final LoadClient client;
  private final Plan plan;
  private final List<Request> requests = new ArrayList<>();
  private final List<Answer> answers = new ArrayList<>(); // guarded by this
  private final CountDownLatch ended;
  private final Consumer<Integer> progress;
  private Clock clock = new Clock();
  private int next; // guarded by this
  private volatile boolean stopped;
  private volatile @Nullable Throwable defect;

  /**
   * Draws all requests.
   *
   * @param progress told the number of answers so far, by one thread at a time
   */
  public Load(LoadClient client, Plan plan, Prompts prompts, Consumer<Integer> progress) {
    this.client = client;
    this.plan = plan;
    this.progress = progress;
    this.ended = new CountDownLatch(plan.requests());
    Random random = new Random(plan.seed());
    double due = 0;
    for (int i = 0; i < plan.requests(); i++) {
      int output = plan.outputTokens().draw(random);
      String prompt = prompts.draw(random, plan.promptTokens().draw(random));
      requests.add(new Request(prompt, output, due));
      if (plan.rate() > 0) {
        due -= Math.log(1 - random.nextDouble()) / plan.rate();
      }
    }
  }

  /** Sends everything and waits for the last answer, or for {@link #stop}. */
  public List<Answer> run() throws InterruptedException {
    clock = new Clock();
    if (plan.rate() > 0) {
      sendOnTime();
    } else {
      for (int i = 0; i < Math.min(plan.concurrency(), plan.requests()); i++) {
        sendNext();
      }
    }
    ended.await();
    if (defect != null) {
      throw new IllegalStateException("the load could not be made", defect);
    }
    synchronized (this) {
      return List.copyOf(answers);
    }
  }

  /** Sends nothing more and waits for nothing more; {@link #run} returns what has come. */
  public void stop() {
    stopped = true;
    while (ended.getCount() > 0) {
      ended.countDown();
    }
  }

  private void sendOnTime() throws InterruptedException {
    for (Request request : requests) {
      double wait = request.due - clock.seconds();
      if (stopped || (wait > 0 && ended.await((long) (wait * 1e9), TimeUnit.NANOSECONDS))) {
        return;
      }
      send(request, request.due);
    }
  }

  private void sendNext() {
    Request request;
    synchronized (this) {
      if (stopped || next == requests.size()) {
        return;
      }
      request = requests.get(next++);
    }
    send(request, clock.seconds());
  }

  private void send(Request request, double due) {
    CompletableFuture<Void> unused =
        client
            .ask(plan.model(), request.prompt, request.outputTokens, clock, due)
            .thenAccept(this::arrived)
            .exceptionally(this::failed);
  }

  /** A defect of our own must not be waited for without end. */
  private @Nullable Void failed(Throwable failure) {
    defect = failure;
    stop();
    return null;
  }

  private void arrived(Answer answer) {
    if (stopped) {
      return;
    }
    synchronized (this) {
      answers.add(answer);
      progress.accept(answers.size());
    }
    if (plan.rate() <= 0) {
      sendNext();
    }
    ended.countDown();
  }
}
