package io.sambay4j.server.openai;

import io.sambay4j.ContextLengthException;
import io.sambay4j.EngineBusyException;
import io.sambay4j.OutOfDeviceMemoryException;
import io.sambay4j.server.http.ApiException;

/** What the engine's refusals mean to a client. */
final class Failures {
  /** When a place in a full queue may be free again. */
  private static final int RETRY_SECONDS = 1;

  private Failures() {}

  /**
   * Of starting a generation.
   *
   * @param prompt what the endpoint calls the prompt
   */
  static ApiException of(RuntimeException failure, String prompt) {
    if (failure instanceof ApiException known) {
      return known;
    }
    String message = String.valueOf(failure.getMessage());
    if (failure instanceof ContextLengthException) {
      return ApiException.field(prompt, "context_length_exceeded", message);
    }
    if (failure instanceof IllegalArgumentException) {
      return ApiException.field(prompt, "invalid_value", message);
    }
    if (failure instanceof EngineBusyException) {
      return ApiException.tooMany("queue_full", message, RETRY_SECONDS);
    }
    if (failure instanceof OutOfDeviceMemoryException) {
      return ApiException.unavailable("out_of_memory", "there is no memory left for this request");
    }
    if (failure instanceof IllegalStateException) {
      return ApiException.unavailable("model_unavailable", message);
    }
    throw failure;
  }

  /** Of a generation that had been started. */
  static ApiException later(Throwable failure, String requestId, String prompt) {
    if (failure instanceof RuntimeException known
        && (failure instanceof IllegalArgumentException
            || failure instanceof IllegalStateException)) {
      return of(known, prompt);
    }
    return ApiException.internal(requestId);
  }
}
