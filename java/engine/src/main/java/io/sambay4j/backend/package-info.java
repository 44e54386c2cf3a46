/** The operations of a forward pass, once in readable Java and once on native devices. */
@NullMarked
package io.sambay4j.backend;

import org.jspecify.annotations.NullMarked;
