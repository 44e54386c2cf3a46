package io.sambay4j.tokenizer.jinja;

/** A function or macro that a template can call. */
interface Callable {
  Object call(Arguments arguments);
}
