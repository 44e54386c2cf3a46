package io.sambay4j;

/** Why a generation ended. */
public enum FinishReason {
  /** An end token, a stop token, a stop string or the request's own condition. */
  STOP,
  /** The request's maximum of tokens, or the context, was reached. */
  LENGTH,
  /** Somebody called {@link RunningGeneration#cancel}. */
  CANCELLED,
  /** The request's time was over: {@link GenerationRequest#timeLimit}. */
  TIME_LIMIT
}
