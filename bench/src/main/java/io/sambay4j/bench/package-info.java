/** Benchmarks of the kernels and of whole models, and what they need to run. */
@NullMarked
package io.sambay4j.bench;

import org.jspecify.annotations.NullMarked;
