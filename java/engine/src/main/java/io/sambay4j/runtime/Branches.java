package io.sambay4j.runtime;

import io.sambay4j.OutOfDeviceMemoryException;
import io.sambay4j.model.RopeConfig;
import io.sambay4j.model.SequenceState;
import io.sambay4j.model.StatePool;
import io.sambay4j.model.StatePool.Snapshot;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A prompt that several jobs begin with. The first of them to be admitted reads it; before its last
 * token the state is kept, and the others start from there: so each still gets logits of its own.
 * Should the reader end early, the next one reads.
 *
 * <p>Of the scheduler's thread alone.
 */
public final class Branches {
  private final int jobs;
  private final Set<Job> begun = new HashSet<>(); // or ended before
  private @Nullable Job reader;
  private @Nullable Snapshot state;
  private boolean eachAlone; // there was no memory for a state to share

  /**
   * @param jobs how many begin with the prompt
   */
  public Branches(int jobs) {
    this.jobs = jobs;
  }

  /** Whether a job that has not started may: it reads the prompt, or somebody has. */
  boolean mayStart() {
    return reader == null || state != null || eachAlone;
  }

  /** Whether somebody has read the prompt: those who start now begin where that one stood. */
  boolean isRead() {
    return state != null;
  }

  /**
   * A job starts.
   *
   * @param sequence its own, empty
   * @param factors that its keys must be turned by
   * @return whether the sequence has the prompt's state now; if not, the job is to read it, and to
   *     stop before its last token
   */
  boolean start(Job job, StatePool states, SequenceState sequence, RopeConfig.Factors factors) {
    begun.add(job);
    if (state != null && state.ropeFactors() == factors) {
      states.restore(sequence, state);
      closeIfDone();
      return true;
    }
    reader = job;
    return false;
  }

  /** The reader stands before the last token of its prompt. */
  void read(Job job, StatePool states) {
    if (job == reader && state == null && begun.size() < jobs) {
      try {
        state = states.snapshot(job.state());
      } catch (OutOfDeviceMemoryException e) {
        eachAlone = true;
      }
    }
  }

  /** A job has ended. */
  void ended(Job job) {
    begun.add(job);
    if (job == reader) {
      reader = null;
    }
    closeIfDone();
  }

  private void closeIfDone() {
    if (begun.size() == jobs && state != null) {
      state.close();
      state = null;
    }
  }
}
