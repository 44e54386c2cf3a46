/**
 * The files of a model directory, read strictly: safetensors and their index, JSON settings,
 * nothing mapped into memory.
 */
@NullMarked
package io.sambay4j.weights;

import org.jspecify.annotations.NullMarked;
