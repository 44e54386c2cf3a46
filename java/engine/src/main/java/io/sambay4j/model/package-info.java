/** The SambaY family: configuration, layers, recurrent state and the forward pass. */
@NullMarked
package io.sambay4j.model;

import org.jspecify.annotations.NullMarked;
