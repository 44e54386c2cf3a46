package io.sambay4j.runtime;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.SambayModel;
import io.sambay4j.runtime.Job.End;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs steps: asks {@link StepPlan} who takes part, feeds the model, and hands each job what came
 * out. Nobody's trouble is another's, but for the device's.
 *
 * <p>Of the scheduler's thread alone.
 */
final class Steps {
  private static final Logger log = LoggerFactory.getLogger(Steps.class);

  private final SambayModel model;
  private final StepPlan plan;
  private final Sequences sequences;
  private final RunningJobs running;
  private long steps;
  private long promptTokens;
  private long generatedTokens;

  Steps(SambayModel model, StepPlan plan, Sequences sequences, RunningJobs running) {
    this.model = model;
    this.plan = plan;
    this.sequences = sequences;
    this.running = running;
  }

  /** Steps run. */
  long count() {
    return steps;
  }

  /** Tokens of prompts read. */
  long promptTokens() {
    return promptTokens;
  }

  /** Tokens chosen. */
  long generatedTokens() {
    return generatedTokens;
  }

  /** Runs one step with those that take part in it. */
  void run() {
    List<Job> jobs = new ArrayList<>();
    List<Chunk> chunks = new ArrayList<>();
    plan(jobs, chunks);
    if (jobs.isEmpty()) {
      return;
    }
    @Nullable Throwable[] failures = new Throwable[jobs.size()];
    StepEvent event = new StepEvent();
    event.begin();
    try {
      model.forward(chunks, new JobSink(jobs, failures));
      steps++;
    } catch (Throwable failure) { // the device's trouble is everybody's: nobody's tokens were fed
      log.debug("a step failed", failure);
      jobs.forEach(job -> running.finish(job, End.FAILED, failure));
      return;
    }
    event.end();
    write(event, jobs, chunks);
    for (int i = 0; i < jobs.size(); i++) {
      Job job = jobs.get(i);
      int generated = job.generatedTokens();
      try {
        if (job.readsPrompt()) {
          promptTokens += chunks.get(i).ids().length;
        }
        job.wasFed(chunks.get(i));
        if (failures[i] != null) {
          running.finish(job, End.FAILED, failures[i]);
          continue;
        }
        sequences.keepState(job);
        if (!job.goesOn()) {
          running.finish(job, End.DONE, null);
        }
      } catch (Throwable failure) { // from the job's listener
        running.finish(job, End.FAILED, failure);
      }
      generatedTokens += job.generatedTokens() - generated;
    }
  }

  private void plan(List<Job> jobs, List<Chunk> chunks) {
    for (Job job : running.copy()) {
      try {
        job.chooseRopeFactors(model);
      } catch (Throwable failure) { // its sequence is closed
        running.finish(job, End.FAILED, failure);
      }
    }
    for (StepPlan.Part part : plan.next(running.all())) {
      Job job = part.job();
      try {
        Chunk chunk = job.chunk(part.tokens());
        model.reserve(chunk);
        jobs.add(job);
        chunks.add(chunk);
      } catch (Throwable failure) { // no room for one that did not say how much it needs
        running.finish(job, End.FAILED, failure);
      }
    }
    running.served(jobs);
  }

  private static void write(StepEvent event, List<Job> jobs, List<Chunk> chunks) {
    if (!event.shouldCommit()) {
      return;
    }
    event.sequences = jobs.size();
    for (int i = 0; i < jobs.size(); i++) {
      int rows = chunks.get(i).ids().length;
      event.rows += rows;
      if (jobs.get(i).readsPrompt()) {
        event.promptRows += rows;
      } else {
        event.decodeRows += rows;
      }
    }
    event.commit();
  }

  /** Passes logits and tokens on; a job's own trouble must not stop its neighbours. */
  @SuppressWarnings("ArrayRecordComponent")
  private record JobSink(List<Job> jobs, @Nullable Throwable[] failures)
      implements SambayModel.LogitsSink {
    @Override
    public void accept(int chunk, int token, float[] logits) {
      guard(chunk, () -> jobs.get(chunk).takeLogits(token, logits));
    }

    @Override
    public void chosen(int chunk, int token, double logProbability) {
      guard(chunk, () -> jobs.get(chunk).chosen(token, logProbability));
    }

    private void guard(int chunk, Runnable take) {
      if (failures[chunk] == null) {
        try {
          take.run();
        } catch (Throwable failure) {
          failures[chunk] = failure;
        }
      }
    }
  }
}
