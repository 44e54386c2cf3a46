package io.sambay4j.runtime;

import io.sambay4j.EngineBusyException;
import java.util.ArrayList;
import java.util.List;

/**
 * The queue: jobs in the order of {@link Job#arrival}, so that priority is a head start and nobody
 * waits for ever. Any thread may use it.
 */
final class WaitingJobs {
  private final int limit;
  private final List<Job> jobs = new ArrayList<>(); // guarded by this

  /**
   * @param limit jobs that may wait while no place is free, at least 1
   */
  WaitingJobs(int limit) {
    this.limit = limit;
  }

  synchronized boolean isEmpty() {
    return jobs.isEmpty();
  }

  synchronized int size() {
    return jobs.size();
  }

  /**
   * Adds jobs, all or none.
   *
   * @param places how many of those here will not have to wait
   * @throws EngineBusyException if more would wait than the limit says
   */
  synchronized void add(List<? extends Job> more, int places) {
    if (jobs.size() + more.size() > (long) limit + places) {
      throw new EngineBusyException(
          "the engine is busy: %d requests wait, and the queue takes %d; try again later"
              .formatted(jobs.size(), limit));
    }
    for (Job job : more) {
      int at = jobs.size();
      while (at > 0 && jobs.get(at - 1).arrival() - job.arrival() > 0) {
        at--;
      }
      jobs.add(at, job);
    }
  }

  /** All of them in their order. */
  synchronized List<Job> inOrder() {
    return List.copyOf(jobs);
  }

  synchronized void remove(Job job) {
    jobs.remove(job);
  }
}
