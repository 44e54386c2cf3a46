/** The engine over HTTP, as OpenAI's clients speak it. */
@NullMarked
package io.sambay4j.server;

import org.jspecify.annotations.NullMarked;
