/**
 * One JMH benchmark per operation, in the shapes of the real models, each with the work that a call
 * cannot avoid. {@code bench/README.md} says how to run and read them.
 */
@NullMarked
package io.sambay4j.bench.operations;

import org.jspecify.annotations.NullMarked;
