package io.sambay4j;

import io.sambay4j.model.SequenceState;
import io.sambay4j.runtime.Scheduler;
import io.sambay4j.sampling.LogProbabilities;
import io.sambay4j.sampling.TokenLogProbability;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Reads tokens for their logits or their state, without choosing any. */
final class Reading {
  private final OpenedModel model;
  private final Scheduler scheduler;

  Reading(OpenedModel model, Scheduler scheduler) {
    this.model = model;
    this.scheduler = scheduler;
  }

  /** See {@link TextModel#scoreTokens}. */
  Score score(int[] ids, int from) {
    checkSequence(ids);
    if (from < 1 || from > ids.length) {
      throw new IllegalArgumentException(
          "scoring can start at token 1 to %d, but was to start at %d: the first token has nothing before it"
              .formatted(ids.length, from));
    }
    List<TokenLogProbability> scores = new ArrayList<>();
    if (from < ids.length) { // the last token has nothing after it to be scored
      int[] read = Arrays.copyOf(ids, ids.length - 1);
      feed(
          null,
          read,
          0,
          from - 1,
          (index, logits) -> {
            int next = ids[index + 1];
            scores.add(new TokenLogProbability(next, LogProbabilities.of(logits).at(next)));
          },
          id -> {});
    }
    return new Score(scores);
  }

  /** See {@link TextModel#logits}. */
  float[] logits(int[] ids) {
    checkSequence(ids);
    float[] last = new float[model.model().config().vocabSize()];
    feed(
        null,
        ids,
        0,
        ids.length - 1,
        (index, logits) -> System.arraycopy(logits, 0, last, 0, last.length),
        id -> {});
    return last;
  }

  /** See {@link TextModel#allLogits}. */
  float[][] allLogits(int[] ids) {
    checkSequence(ids);
    float[][] rows = new float[ids.length][];
    feed(null, ids, 0, 0, (index, logits) -> rows[index] = logits.clone(), id -> {});
    return rows;
  }

  private void checkSequence(int[] ids) {
    scheduler.checkOpen();
    int limit = model.model().states().contextLimit();
    if (ids.length < 1 || ids.length > limit) {
      throw new IllegalArgumentException(
          "a sequence must have 1 to %d tokens, the context, but has %d"
              .formatted(limit, ids.length));
    }
    model.prompts().checkIds(ids);
  }

  /** Reads tokens and waits, see {@link FeedJob}. An interrupt ends it before the next step. */
  private void feed(
      @Nullable SequenceState state,
      int[] tokens,
      int seen,
      int firstRow,
      FeedJob.RowConsumer rows,
      IntConsumer onFed) {
    scheduler.checkMayWait();
    FeedJob job = new FeedJob(state, tokens, seen, firstRow, rows, onFed);
    scheduler.submit(job);
    Waiting.orCancel(job.done(), job::cancel);
  }

  /**
   * Reads tokens for their state alone, and waits.
   *
   * @param tokens all of the sequence, at least one that it has not seen
   * @param seen how many it has seen
   */
  void feed(SequenceState state, int[] tokens, int seen, IntConsumer onFed) {
    feed(state, tokens, seen, tokens.length - seen, (index, logits) -> {}, onFed);
  }
}
