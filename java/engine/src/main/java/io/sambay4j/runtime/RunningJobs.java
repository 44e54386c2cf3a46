package io.sambay4j.runtime;

import io.sambay4j.runtime.Job.End;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The jobs that take part in steps, and how jobs end. Who was served longest ago comes first.
 *
 * <p>Of the scheduler's thread alone.
 */
final class RunningJobs {
  private static final Logger log = LoggerFactory.getLogger(RunningJobs.class);

  private final Sequences sequences;
  private final List<Job> jobs = new ArrayList<>();
  private long ended;
  private long cachedTokens;

  RunningJobs(Sequences sequences) {
    this.sequences = sequences;
  }

  boolean isEmpty() {
    return jobs.isEmpty();
  }

  int size() {
    return jobs.size();
  }

  /** All of them, as they are now and will be. */
  List<Job> all() {
    return Collections.unmodifiableList(jobs);
  }

  /** All of them, as they are now. */
  List<Job> copy() {
    return List.copyOf(jobs);
  }

  void add(Job job) {
    jobs.add(job);
  }

  /** These are part of the step that comes now: next time others come first. */
  void served(List<Job> now) {
    jobs.removeAll(now);
    jobs.addAll(now);
  }

  /** Ends a job that runs. */
  void finish(Job job, End end, @Nullable Throwable failure) {
    jobs.remove(job);
    end(job, end, failure);
  }

  /** Ends a job that runs no more, or never did. */
  void end(Job job, End end, @Nullable Throwable failure) {
    ended++;
    cachedTokens += job.cachedTokens();
    Branches branches = job.terms().branches();
    try {
      sequences.stopWaiting(job);
      if (branches != null) {
        branches.ended(job);
      }
      if (end != End.FAILED) {
        sequences.keepLast(job);
      }
      job.write(end);
    } catch (Throwable e) { // whatever it is: somebody waits for the end
      log.warn("the state or the record of a request that has ended could not be kept", e);
    }
    try {
      job.end(end, failure);
    } catch (Throwable e) { // an assertion in somebody's callback must not stop the engine
      log.warn("a listener failed at the end of its generation", e);
    }
  }

  /** How many have ended. */
  long ended() {
    return ended;
  }

  /** Tokens that those had not to read. */
  long cachedTokens() {
    return cachedTokens;
  }
}
