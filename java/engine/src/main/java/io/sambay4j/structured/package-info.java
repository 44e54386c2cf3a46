/**
 * Structured output: from a JSON schema, a list of choices, a regular expression or a grammar to
 * the tokens that may come next.
 *
 * <p>A {@link io.sambay4j.structured.Grammar} is a set of rules, each a deterministic automaton
 * over bytes whose edges may also call other rules. {@link io.sambay4j.structured.Grammar#over}
 * joins it with the vocabulary of a tokenizer.
 */
@NullMarked
package io.sambay4j.structured;

import org.jspecify.annotations.NullMarked;
