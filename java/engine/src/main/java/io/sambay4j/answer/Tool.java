package io.sambay4j.answer;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A function that a model may ask its caller to call.
 *
 * @param name 1 to 64 letters, digits, {@code _} and {@code -}
 * @param description what it does, for the model; null: nothing is said
 * @param parameters a JSON schema of its arguments, an object, as text
 */
public record Tool(String name, @Nullable String description, String parameters) {
  /** A tool without arguments has this schema. */
  public static final String NO_PARAMETERS =
      "{\"type\": \"object\", \"properties\": {}, \"additionalProperties\": false}";

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,64}");

  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not one
   */
  public Tool {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException("a tool's name must be 1 to 64 letters, digits, _ and -");
    }
  }
}
