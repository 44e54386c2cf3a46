package io.sambay4j.tokenizer.jinja;

/**
 * What a name without a value evaluates to: empty as text, false, and an error in anything else.
 *
 * @param name the name, for messages
 */
record Undefined(String name) {}
