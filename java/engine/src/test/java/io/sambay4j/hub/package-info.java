@NullMarked
package io.sambay4j.hub;

import org.jspecify.annotations.NullMarked;
