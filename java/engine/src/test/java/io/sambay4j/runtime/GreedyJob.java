package io.sambay4j.runtime;

import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.SequenceState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Reads a prompt and decodes greedily; writes down what happens in which order. */
class GreedyJob extends Job {
  final String name;
  final int answer;
  final List<String> events;
  final List<Integer> generated = new ArrayList<>();
  final List<Integer> chunks = new ArrayList<>();
  final CompletableFuture<End> end = new CompletableFuture<>();
  private float @Nullable [] logits;

  GreedyJob(
      String name, @Nullable SequenceState state, int[] prompt, int answer, List<String> events) {
    this(name, state, prompt, answer, events, Terms.reading(prompt.length + answer));
  }

  GreedyJob(
      String name,
      @Nullable SequenceState state,
      int[] prompt,
      int answer,
      List<String> events,
      Terms terms) {
    super(state, prompt, 0, terms);
    this.name = name;
    this.answer = answer;
    this.events = events;
  }

  /** So many tokens, always the same. */
  static int[] prompt(int length) {
    int[] ids = new int[length];
    Arrays.setAll(ids, i -> (i * 31) % 400);
    return ids;
  }

  /** Submits between two steps, so that all jobs of a test are seen together. */
  static void together(Scheduler scheduler, List<? extends Job> jobs) {
    scheduler.call(
        () -> {
          jobs.forEach(scheduler::submit);
          return true;
        });
  }

  /** Names of those that ended, in that order. */
  static List<String> ended(List<String> events) {
    synchronized (events) { // of Collections.synchronizedList
      return events.stream()
          .filter(event -> event.endsWith(" ended"))
          .map(event -> event.substring(0, event.length() - " ended".length()))
          .toList();
    }
  }

  @Override
  protected Chunk.Wanted wanted(int from, int to, int of) {
    return to == of ? Chunk.Wanted.LAST : Chunk.Wanted.NONE;
  }

  @Override
  protected void logits(int index, float[] row) {
    logits = row.clone();
  }

  @Override
  protected void fed(int[] ids, int done, int of) {
    chunks.add(ids.length);
    events.add(name + " " + ids.length);
  }

  @Override
  protected int @Nullable [] next() {
    if (generated.size() == answer) {
      return null;
    }
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    generated.add(best);
    return new int[] {best};
  }

  @Override
  protected void ended(End how, @Nullable Throwable failure) {
    events.add(
        name
            + switch (how) {
              case DONE -> " ended";
              case CANCELLED -> " cancelled";
              case TIME_LIMIT -> " late";
              case FAILED -> " failed";
            });
    if (failure == null) {
      end.complete(how);
    } else {
      end.completeExceptionally(failure);
    }
  }

  /** Waits for the end. */
  End end() throws Exception {
    return end.get(200, TimeUnit.SECONDS);
  }

  boolean wasCancelled() throws Exception {
    return end() == End.CANCELLED;
  }

  Throwable failure() {
    return assertThrows(ExecutionException.class, this::end).getCause();
  }

  int[] ids() {
    return generated.stream().mapToInt(id -> id).toArray();
  }
}
