/**
 * What a SambaY model is: its configuration, its tensors, its layers and the forward pass over
 * them.
 */
@NullMarked
package io.sambay4j.model;

import org.jspecify.annotations.NullMarked;
