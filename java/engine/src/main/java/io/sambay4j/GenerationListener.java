package io.sambay4j;

/**
 * Told of a generation as it happens, on the engine's thread: what takes long here holds up every
 * generation of the model. Exactly one of {@link #onComplete} and {@link #onError} is the last
 * call.
 */
public interface GenerationListener {
  /** So many of the prompt's tokens have been read. */
  default void onPrompt(int done, int total) {}

  /** The next token. */
  default void onToken(GeneratedToken token) {}

  /** The end, also after a cancel. */
  default void onComplete(Generation generation) {}

  /** The generation failed, or the model was closed. */
  default void onError(Throwable failure) {}
}
