package io.sambay4j.structured;

import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.sampling.TokenMask;
import io.sambay4j.structured.CompiledGrammar.Here;

/**
 * Where one generation is in a grammar. What may come next is looked for as soon as a token has
 * been chosen, by another thread where it takes long: the model computes meanwhile.
 */
final class GrammarConstraint implements TokenConstraint {
  private final CompiledGrammar grammar;
  private Found<Here> here;

  GrammarConstraint(CompiledGrammar grammar, Found<Here> here) {
    this.grammar = grammar;
    this.here = here;
  }

  @Override
  public TokenMask allowed() {
    return here.get().allowed();
  }

  @Override
  public boolean mayEnd() {
    return here.get().place().position().complete;
  }

  @Override
  public void accept(int token) {
    Here now = here.get();
    if (!now.allowed().contains(token)) {
      throw new IllegalArgumentException(
          "token %d does not continue a text that the grammar allows".formatted(token));
    }
    here = grammar.after(now.place(), token);
  }

  @Override
  public TokenConstraint copy() {
    return new GrammarConstraint(grammar, here);
  }
}
