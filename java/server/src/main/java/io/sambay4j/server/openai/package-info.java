/** OpenAI's endpoints: requests read into records, generations started, answers written. */
@NullMarked
package io.sambay4j.server.openai;

import org.jspecify.annotations.NullMarked;
