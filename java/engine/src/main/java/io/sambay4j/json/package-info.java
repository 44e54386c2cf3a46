/**
 * Strict reading of the JSON files of a model, with complaints that name file and field. Depends on
 * no other package but the root's exception.
 */
@NullMarked
package io.sambay4j.json;

import org.jspecify.annotations.NullMarked;
