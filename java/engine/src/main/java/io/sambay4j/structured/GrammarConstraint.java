package io.sambay4j.structured;

import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.sampling.TokenMask;
import io.sambay4j.structured.CompiledGrammar.Place;
import org.jspecify.annotations.Nullable;

/** Where one generation is in a grammar. */
final class GrammarConstraint implements TokenConstraint {
  private final CompiledGrammar grammar;
  private Place place;
  private @Nullable TokenMask allowed;

  GrammarConstraint(CompiledGrammar grammar, Place place) {
    this.grammar = grammar;
    this.place = place;
  }

  @Override
  public TokenMask allowed() {
    if (allowed == null) {
      allowed = grammar.allowed(place);
    }
    return allowed;
  }

  @Override
  public boolean mayEnd() {
    return place.position().complete;
  }

  @Override
  public void accept(int token) {
    if (!allowed().contains(token)) {
      throw new IllegalArgumentException(
          "token %d does not continue a text that the grammar allows".formatted(token));
    }
    place = grammar.after(place, token);
    allowed = null;
  }

  @Override
  public TokenConstraint copy() {
    return new GrammarConstraint(grammar, place);
  }
}
