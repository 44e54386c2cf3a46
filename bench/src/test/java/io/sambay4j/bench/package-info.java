@NullMarked
package io.sambay4j.bench;

import org.jspecify.annotations.NullMarked;
