package io.sambay4j.tokenizer.jinja;

/** Python's {@code None}, so that no value is a Java null. */
enum None {
  NONE
}
