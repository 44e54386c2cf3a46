@NullMarked
package io.sambay4j.weights;

import org.jspecify.annotations.NullMarked;
