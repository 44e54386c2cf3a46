@NullMarked
package io.sambay4j.backend;

import org.jspecify.annotations.NullMarked;
