package io.sambay4j.sampling;

/**
 * Decides, token by token, what one generation may say.
 *
 * <p>Whoever chooses the tokens asks {@link #allowed} and {@link #mayEnd} before each choice and
 * tells {@link #accept} what was chosen:
 *
 * <ul>
 *   <li>A token that is not in {@link #allowed} is never chosen: its score becomes negative
 *       infinity after logits processors, bias and penalties, so none of them can bring it back.
 *   <li>The tokens that end the generation (the model's end tokens and the request's stop tokens)
 *       are not the constraint's to know. They may be chosen exactly while {@link #mayEnd} is true,
 *       whatever {@link #allowed} says of them, and are not told to {@link #accept}.
 *   <li>Where nothing is allowed but the end, the text is complete: an end token is the only
 *       choice, and where the generation has none it ends there.
 *   <li>Where neither a token nor the end is allowed, no text can follow: the generation fails with
 *       an {@link IllegalStateException} that says so. Grammars of this library never lead there
 *       with a vocabulary that holds every byte.
 * </ul>
 *
 * <p>The constraint rules what is said, not how long: a generation that ends by its maximum of
 * tokens, by cancellation or by a stop string ends in the middle of what the constraint asked for.
 * Stop strings are looked for in the text as always, also inside JSON, so give none that a valid
 * text may contain. Log-probabilities remain those of the model, as if there were no constraint.
 *
 * <p>One object serves one generation, in one thread at a time; a {@link Factory} makes a fresh one
 * for each.
 */
public interface TokenConstraint {
  /**
   * The tokens that may come next, those that end the generation apart.
   *
   * <p>The answer does not change until the next {@link #accept}; asking twice costs nothing.
   */
  TokenMask allowed();

  /** Whether the generation may end here. */
  boolean mayEnd();

  /**
   * Takes note of the token that was chosen.
   *
   * @throws IllegalArgumentException if the token is not allowed; the constraint is then as it was
   */
  void accept(int token);

  /** A constraint in the same place, which goes its own way from here. */
  TokenConstraint copy();

  /** Makes the constraint of each generation; any number of threads may use one. */
  @FunctionalInterface
  interface Factory {
    /** A constraint at the beginning of a text. */
    TokenConstraint start();
  }
}
