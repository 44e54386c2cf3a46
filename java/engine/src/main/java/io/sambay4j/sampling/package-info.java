/** From the logits of one position to the next token: parameters, sampler, log-probabilities. */
@NullMarked
package io.sambay4j.sampling;

import org.jspecify.annotations.NullMarked;
