/** What quantised weights cost in accuracy: the tables of {@code docs/quantization.md}. */
@NullMarked
package io.sambay4j.bench.quantization;

import org.jspecify.annotations.NullMarked;
