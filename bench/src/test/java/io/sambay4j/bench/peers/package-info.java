@NullMarked
package io.sambay4j.bench.peers;

import org.jspecify.annotations.NullMarked;
