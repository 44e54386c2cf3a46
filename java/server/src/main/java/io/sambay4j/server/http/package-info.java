/** HTTP as this server wants it, knowing nothing of models: limits, keys, JSON, event streams. */
@NullMarked
package io.sambay4j.server.http;

import org.jspecify.annotations.NullMarked;
