/** Text to token ids and back: tokenizer, chat template, incremental decoding, stop strings. */
@NullMarked
package io.sambay4j.tokenizer;

import org.jspecify.annotations.NullMarked;
