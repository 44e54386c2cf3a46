package io.sambay4j;

import java.util.Objects;
import java.util.Set;

/**
 * One message of a conversation.
 *
 * <p>The content is plain text whatever it contains: a control token written out in it, such as
 * {@code <|end|>}, is encoded as the characters it consists of. The role is the one part of a
 * message that a chat template may turn into a control token, so only the four roles below are
 * taken.
 *
 * @param role who speaks: {@code system}, {@code user}, {@code assistant} or {@code tool}
 * @param content what is said; may be empty
 */
public record ChatMessage(String role, String content) {
  private static final Set<String> ROLES = Set.of("system", "user", "assistant", "tool");

  /**
   * Checks the role.
   *
   * @throws IllegalArgumentException if the role is none of the four
   */
  public ChatMessage {
    Objects.requireNonNull(role, "role");
    Objects.requireNonNull(content, "content");
    if (!ROLES.contains(role)) {
      String shown = role.length() > 40 ? role.substring(0, 40) + "..." : role;
      throw new IllegalArgumentException(
          "role is \"" + shown + "\", expected one of system, user, assistant, tool");
    }
  }

  /** Instructions that hold for the whole conversation. */
  public static ChatMessage system(String content) {
    return new ChatMessage("system", content);
  }

  /** What the person said. */
  public static ChatMessage user(String content) {
    return new ChatMessage("user", content);
  }

  /** What the model answered. */
  public static ChatMessage assistant(String content) {
    return new ChatMessage("assistant", content);
  }
}
