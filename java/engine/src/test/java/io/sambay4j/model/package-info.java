@NullMarked
package io.sambay4j.model;

import org.jspecify.annotations.NullMarked;
