/**
 * Models by name: the Hugging Face hub's protocol, and the cache on disk that its tools share.
 *
 * <p>{@link io.sambay4j.hub.Hub} downloads, {@link io.sambay4j.hub.ModelCache} finds what is there.
 * Nothing else in the engine opens a connection.
 */
@NullMarked
package io.sambay4j.hub;

import org.jspecify.annotations.NullMarked;
