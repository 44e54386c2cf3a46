package io.sambay4j.answer;

import org.jspecify.annotations.Nullable;

/**
 * Whether tools are called.
 *
 * @param mode what is asked for
 * @param name of the one tool to call; null unless the mode is {@link Mode#FUNCTION}
 */
public record ToolChoice(Mode mode, @Nullable String name) {
  /** No call: the answer is text. */
  public static final ToolChoice NONE = new ToolChoice(Mode.NONE, null);

  /** The model decides. */
  public static final ToolChoice AUTO = new ToolChoice(Mode.AUTO, null);

  /** At least one call, of any tool. */
  public static final ToolChoice REQUIRED = new ToolChoice(Mode.REQUIRED, null);

  /** The kinds of choice. */
  public enum Mode {
    /** No call. */
    NONE,
    /** The model decides. */
    AUTO,
    /** At least one call. */
    REQUIRED,
    /** One call of the named tool. */
    FUNCTION
  }

  /**
   * Checks that a name is there where one is needed.
   *
   * @throws IllegalArgumentException otherwise
   */
  public ToolChoice {
    if ((mode == Mode.FUNCTION) != (name != null)) {
      throw new IllegalArgumentException("a tool is named exactly where one is to be called");
    }
  }

  /** One call of this tool. */
  public static ToolChoice function(String name) {
    return new ToolChoice(Mode.FUNCTION, name);
  }
}
