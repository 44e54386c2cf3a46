@NullMarked
package io.sambay4j.bench.operations;

import org.jspecify.annotations.NullMarked;
