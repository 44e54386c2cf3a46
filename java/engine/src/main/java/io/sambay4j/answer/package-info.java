/**
 * The parts of an answer: thought, content and calls of tools, told apart by the tags of a model,
 * and the constraints that make a model write them as asked.
 */
@NullMarked
package io.sambay4j.answer;

import org.jspecify.annotations.NullMarked;
