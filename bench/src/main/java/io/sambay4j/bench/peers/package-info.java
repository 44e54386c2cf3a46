/** This engine and others on the same weights, in one run, by turns. */
@NullMarked
package io.sambay4j.bench.peers;

import org.jspecify.annotations.NullMarked;
