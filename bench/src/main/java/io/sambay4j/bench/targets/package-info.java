/** Whole models on a CPU beside what they should reach. */
@NullMarked
package io.sambay4j.bench.targets;

import org.jspecify.annotations.NullMarked;
