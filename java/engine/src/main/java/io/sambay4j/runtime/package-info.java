/** Who runs when: the thread that owns the model, and the jobs it steps together. */
@NullMarked
package io.sambay4j.runtime;

import org.jspecify.annotations.NullMarked;
