/** The command line: {@code sambay generate|chat|inspect|score|logits|bench|self-test}. */
@NullMarked
package io.sambay4j.cli;

import org.jspecify.annotations.NullMarked;
