package io.sambay4j.runtime;

import io.sambay4j.model.StatePool;
import io.sambay4j.runtime.Job.End;
import org.jspecify.annotations.Nullable;

/**
 * Who of those that wait may begin, and who must end.
 *
 * <p>A job is admitted when a slot is free and the growing cache has room for the longest its
 * sequence may get, beside what those that run may still take. So nobody is stopped half way
 * because a neighbour filled the cache.
 *
 * <p>Of the scheduler's thread alone.
 */
final class Admission {
  private final StatePool states;
  private final Sequences sequences;
  private final WaitingJobs waiting;
  private final RunningJobs running;
  private boolean waitsForFiles;

  Admission(StatePool states, Sequences sequences, WaitingJobs waiting, RunningJobs running) {
    this.states = states;
    this.sequences = sequences;
    this.waiting = waiting;
    this.running = running;
  }

  /** Ends who was cancelled, and whose time is over. */
  void dropOverdue() {
    long now = System.nanoTime();
    for (Job job : running.copy()) {
      End end = job.overdue(now);
      if (end != null) {
        running.finish(job, end, null);
      }
    }
    for (Job job : waiting.inOrder()) {
      End end = job.overdue(now);
      if (end != null) {
        refuse(job, end, null);
      }
    }
  }

  /**
   * Lets those in who have room, in their order: nobody passes one who waits for memory, and one
   * who waits for a slot only those who have a sequence already. Who waits for a file is passed.
   */
  void admit() {
    boolean memoryIsShort = false;
    waitsForFiles = false;
    for (Job job : waiting.inOrder()) {
      if (!job.mayStart() || (job.needsSequence() && states.freeSlots() == 0)) {
        continue;
      }
      if (memoryIsShort) {
        continue;
      }
      if (!sequences.haveRoomFor(job, running.all())) {
        memoryIsShort = !refuseIfHopeless(job);
        continue;
      }
      if (sequences.waitsForFile(job)) {
        waitsForFiles = true;
        continue; // others may pass it meanwhile
      }
      waiting.remove(job);
      try {
        sequences.start(job);
        running.add(job);
      } catch (Throwable failure) { // a copy of a state that the device refused
        running.end(job, End.FAILED, failure);
      }
    }
    refuseWhoseSlotNeverComes();
  }

  /** Whether somebody could begin but for a file that is being read. */
  boolean waitsForFiles() {
    return waitsForFiles;
  }

  /** Memory comes back when somebody who runs ends: if nobody does, or it is not enough, never. */
  private boolean refuseIfHopeless(Job job) {
    boolean hopeless = running.isEmpty() || sequences.areTooSmallFor(job);
    if (hopeless) {
      refuse(job, End.FAILED, sequences.noRoom(job));
    }
    return hopeless;
  }

  /** A slot comes back when a job ends that has one of its own: if none runs, never. */
  private void refuseWhoseSlotNeverComes() {
    if (states.freeSlots() > 0 || running.all().stream().anyMatch(Job::ownsSequence)) {
      return;
    }
    for (Job job : waiting.inOrder()) {
      if (job.needsSequence()) {
        refuse(
            job,
            End.FAILED,
            new IllegalStateException(
                "all %d sequence slots are held by open sessions; close one, or open the model with more sequences"
                    .formatted(states.slots())));
      }
    }
  }

  private void refuse(Job job, End end, @Nullable Throwable failure) {
    waiting.remove(job);
    running.end(job, end, failure);
  }
}
