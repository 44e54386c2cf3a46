package io.sambay4j.cli.load;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Holds conversations, most of them of one turn, in a closed or an open loop and collects what
 * comes back.
 */
public final class Load {
  /**
   * What is asked.
   *
   * @param model the name that requests give
   * @param conversations how many
   * @param turns of each: requests that follow one another at once, with all that was said before
   * @param concurrency conversations under way at once; 0: an open loop
   * @param rate conversations a second in an open loop, with exponential gaps; 0: a closed loop
   * @param promptTokens of first prompts, the common beginning not counted
   * @param turnTokens of the prompts after them
   * @param outputTokens of answers
   * @param seed of lengths, words and gaps
   */
  public record Plan(
      String model,
      int conversations,
      int turns,
      int concurrency,
      double rate,
      Lengths promptTokens,
      Lengths turnTokens,
      Lengths outputTokens,
      long seed) {
    /** Requests, if none fails. */
    public int requests() {
      return conversations * turns;
    }
  }

  /** One turn's part of a conversation. */
  private record Turn(String prompt, int outputTokens) {}

  private record Conversation(List<Turn> turns, double due) {}

  private final LoadClient client;
  private final Plan plan;
  private final List<Conversation> conversations = new ArrayList<>();
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
    this.ended = new CountDownLatch(plan.conversations());
    Random random = new Random(plan.seed());
    double due = 0;
    for (int i = 0; i < plan.conversations(); i++) {
      List<Turn> turns = new ArrayList<>();
      for (int turn = 0; turn < plan.turns(); turn++) {
        int output = plan.outputTokens().draw(random);
        String prompt =
            turn == 0
                ? prompts.draw(random, plan.promptTokens().draw(random))
                : prompts.words(random, plan.turnTokens().draw(random));
        turns.add(new Turn(prompt, output));
      }
      conversations.add(new Conversation(turns, due));
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
      for (int i = 0; i < Math.min(plan.concurrency(), plan.conversations()); i++) {
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
    for (Conversation conversation : conversations) {
      double wait = conversation.due - clock.seconds();
      if (stopped || (wait > 0 && ended.await((long) (wait * 1e9), TimeUnit.NANOSECONDS))) {
        return;
      }
      send(conversation, List.of(), conversation.due);
    }
  }

  private void sendNext() {
    Conversation conversation;
    synchronized (this) {
      if (stopped || next == conversations.size()) {
        return;
      }
      conversation = conversations.get(next++);
    }
    send(conversation, List.of(), clock.seconds());
  }

  /**
   * Sends a conversation's next turn.
   *
   * @param said before it
   */
  private void send(Conversation conversation, List<String> said, double due) {
    Turn turn = conversation.turns.get(said.size() / 2);
    List<String> messages = new ArrayList<>(said);
    messages.add(turn.prompt);
    CompletableFuture<Void> unused =
        client
            .ask(plan.model(), messages, turn.outputTokens, clock, due)
            .thenAccept(reply -> arrived(conversation, messages, reply))
            .exceptionally(this::failed);
  }

  /** A defect of our own must not be waited for without end. */
  private @Nullable Void failed(Throwable failure) {
    defect = failure;
    stop();
    return null;
  }

  private void arrived(Conversation conversation, List<String> messages, LoadClient.Reply reply) {
    if (stopped) {
      return;
    }
    synchronized (this) {
      answers.add(reply.answer());
      progress.accept(answers.size());
    }
    if (reply.answer().succeeded() && reply.answer().turn() < plan.turns()) {
      messages.add(reply.text());
      send(conversation, messages, clock.seconds());
      return;
    }
    if (plan.rate() <= 0) {
      sendNext();
    }
    ended.countDown();
  }
}
