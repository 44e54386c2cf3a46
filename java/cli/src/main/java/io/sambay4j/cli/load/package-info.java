/**
 * A load for servers that speak OpenAI's API: what is asked and when, the client that asks, and the
 * figures of what came back.
 */
@NullMarked
package io.sambay4j.cli.load;

import org.jspecify.annotations.NullMarked;
