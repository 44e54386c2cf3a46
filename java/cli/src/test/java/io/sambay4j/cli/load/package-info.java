@NullMarked
package io.sambay4j.cli.load;

import org.jspecify.annotations.NullMarked;
