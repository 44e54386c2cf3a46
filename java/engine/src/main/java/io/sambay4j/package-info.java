/** Text in, text out: open a model directory, generate, chat, score. */
@NullMarked
package io.sambay4j;

import org.jspecify.annotations.NullMarked;
