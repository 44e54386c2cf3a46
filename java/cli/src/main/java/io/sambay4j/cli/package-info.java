/** The command line: {@code sambay COMMAND}. */
@NullMarked
package io.sambay4j.cli;

import org.jspecify.annotations.NullMarked;
