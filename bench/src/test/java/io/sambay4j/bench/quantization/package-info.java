@NullMarked
package io.sambay4j.bench.quantization;

import org.jspecify.annotations.NullMarked;
