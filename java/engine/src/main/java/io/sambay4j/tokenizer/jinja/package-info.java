/**
 * The part of the Jinja language that published chat templates use, as an interpreter that can
 * reach nothing but the values it was given. Internal: use {@link
 * io.sambay4j.tokenizer.ChatTemplate}.
 */
@NullMarked
package io.sambay4j.tokenizer.jinja;

import org.jspecify.annotations.NullMarked;
