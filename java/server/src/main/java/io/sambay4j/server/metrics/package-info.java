/** What {@code /metrics} shows: the engine, the answers and the VM, under names close to vLLM's. */
@NullMarked
package io.sambay4j.server.metrics;

import org.jspecify.annotations.NullMarked;
