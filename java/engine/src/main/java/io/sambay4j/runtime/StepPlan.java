package io.sambay4j.runtime;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Shares a step's rows out: every next token first, then chunks of prompts, whoever was served
 * longest ago first. A prompt is cut at the same places whatever runs beside it, because where it
 * is cut may show in the last bits of its logits. While somebody decodes, a step reads no more of
 * all prompts together than one chunk: that is how long anybody's next token can be held up.
 *
 * @param stepTokens rows of the widest step
 * @param chunkTokens most tokens of a prompt in one step: a chunk always fits beside a next token
 *     of everybody else
 */
record StepPlan(int stepTokens, int chunkTokens) {
  /** A job's part of a step. */
  record Part(Job job, int tokens) {}

  /**
   * The next step.
   *
   * @param running who was served longest ago comes first
   */
  List<Part> next(List<Job> running) {
    List<Job> order = new ArrayList<>(running);
    order.sort(Comparator.comparing(job -> job.remaining() > 1));
    List<Part> parts = new ArrayList<>();
    int room = stepTokens;
    for (Job job : order) {
      boolean reads = job.remaining() > 1;
      if (reads && parts.size() > 0 && parts.get(0).job().remaining() == 1) {
        room = Math.min(room, chunkTokens - readTokens(parts));
      }
      int tokens = job.chunkTokens(chunkTokens);
      if (tokens <= room) { // if not, it comes first in one of the next steps
        parts.add(new Part(job, tokens));
        room -= tokens;
      }
    }
    return parts;
  }

  private static int readTokens(List<Part> parts) {
    return parts.stream().filter(part -> part.job().remaining() > 1).mapToInt(Part::tokens).sum();
  }
}
