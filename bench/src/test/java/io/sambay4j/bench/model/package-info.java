@NullMarked
package io.sambay4j.bench.model;

import org.jspecify.annotations.NullMarked;
