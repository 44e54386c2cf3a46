package io.sambay4j;

import io.sambay4j.model.SequenceState;
import io.sambay4j.runtime.Branches;
import io.sambay4j.runtime.Job;
import io.sambay4j.runtime.Scheduler;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.tokenizer.IncrementalDecoder;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Turns requests into jobs and queues them. */
final class Generations {
  private final OpenedModel model;
  private final Scheduler scheduler;

  Generations(OpenedModel model, Scheduler scheduler) {
    this.model = model;
    this.scheduler = scheduler;
  }

  /**
   * Queues one generation.
   *
   * @param prompt all tokens before the first generated one
   * @param state the sequence to continue; null: one of its own
   * @param cached tokens that it has seen
   * @param onFed told each token the sequence has seen
   * @param created given the generation before it can have begun, so that its own listener may
   *     already cancel it
   */
  RunningGeneration start(
      GenerationRequest request,
      int[] prompt,
      @Nullable SequenceState state,
      int cached,
      GenerationListener listener,
      IntConsumer onFed,
      Consumer<RunningGeneration> created) {
    scheduler.checkOpen();
    List<Job> jobs = new ArrayList<>();
    List<RunningGeneration> started =
        jobs(request, prompt, state, cached, List.of(listener), onFed, created, jobs);
    scheduler.submitAll(jobs);
    return started.get(0);
  }

  /**
   * Queues the generations of several prompts, all or none.
   *
   * @param prompts all tokens before the first generated one, for each request
   * @param listeners for each request one for each of its generations
   */
  List<List<RunningGeneration>> startAll(
      List<GenerationRequest> requests,
      List<int[]> prompts,
      List<? extends List<? extends GenerationListener>> listeners) {
    scheduler.checkOpen();
    List<Job> jobs = new ArrayList<>();
    List<List<RunningGeneration>> started = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      List<GenerationListener> each = List.copyOf(listeners.get(i));
      started.add(
          jobs(requests.get(i), prompts.get(i), null, 0, each, id -> {}, running -> {}, jobs));
    }
    scheduler.submitAll(jobs);
    return started;
  }

  /** Makes the jobs of one prompt, one for each listener, and adds them to a list. */
  private List<RunningGeneration> jobs(
      GenerationRequest request,
      int[] prompt,
      @Nullable SequenceState state,
      int cached,
      List<GenerationListener> listeners,
      IntConsumer onFed,
      Consumer<RunningGeneration> created,
      List<Job> jobs) {
    checkStops(request);
    int count = listeners.size();
    Tokenizer tokenizer = model.tokenizer();
    int room = room(request, prompt);
    SamplingParameters sampling =
        request.sampling() == null ? model.defaultSampling() : request.sampling();
    Branches branches = count > 1 && prompt.length > 1 ? new Branches(count) : null;
    List<RunningGeneration> started = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      CompletableFuture<Generation> future = new CompletableFuture<>();
      GenerationJob job =
          new GenerationJob(
              request,
              branch(sampling, i),
              branches,
              state,
              prompt,
              cached,
              room,
              model.longRope(),
              model.model().config().vocabSize(),
              model.endTokens(),
              tokenizer == null ? null : new IncrementalDecoder(tokenizer),
              new CompletingListener(listeners.get(i), future),
              onFed);
      RunningGeneration running = new RunningGeneration(future, job, scheduler);
      created.accept(running);
      jobs.add(job);
      started.add(running);
    }
    return started;
  }

  /** The parameters of one of several answers: seeds count up. */
  private static SamplingParameters branch(SamplingParameters sampling, int index) {
    return index == 0 || sampling.seed().isEmpty()
        ? sampling
        : sampling.toBuilder().seed(sampling.seed().getAsLong() + index).build();
  }

  /** Tokens that the context takes after the prompt. */
  private int room(GenerationRequest request, int[] prompt) {
    int contextLimit = model.model().states().contextLimit();
    int room = contextLimit - prompt.length;
    if (room < 0 || (room == 0 && request.maxTokens() > 0)) {
      throw new ContextLengthException(
          "the prompt has %d tokens, and the context takes %d with the answer; shorten it or open the model with a larger context"
              .formatted(prompt.length, contextLimit));
    }
    if (request.maxTokens() > room && request.maxTokens() != GenerationRequest.MAX_TOKENS) {
      throw new ContextLengthException(
          "a prompt of %d tokens and maxTokens %d exceed the context of %d; maxTokens may be at most %d here"
              .formatted(prompt.length, request.maxTokens(), contextLimit, room));
    }
    return room;
  }

  private void checkStops(GenerationRequest request) {
    if (!request.stop().isEmpty() && model.tokenizer() == null) {
      throw new IllegalArgumentException(
          "stop strings need a tokenizer, which this model has not; use stop tokens");
    }
    model.prompts().checkIds(request.stopTokens().stream().mapToInt(Integer::intValue).toArray());
  }

  /** Passes everything on, and the end also to a future, whatever the listener does. */
  private record CompletingListener(
      GenerationListener listener, CompletableFuture<Generation> future)
      implements GenerationListener {
    @Override
    public void onPrompt(int done, int total) {
      listener.onPrompt(done, total);
    }

    @Override
    public void onToken(GeneratedToken token) {
      listener.onToken(token);
    }

    @Override
    public void onComplete(Generation generation) {
      try {
        listener.onComplete(generation);
      } finally {
        future.complete(generation);
      }
    }

    @Override
    public void onError(Throwable failure) {
      try {
        listener.onError(failure);
      } finally {
        future.completeExceptionally(failure);
      }
    }
  }
}
