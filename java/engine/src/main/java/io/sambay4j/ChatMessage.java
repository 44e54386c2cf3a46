package io.sambay4j;

import io.sambay4j.answer.ToolCall;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One message of a conversation.
 *
 * <p>The content is plain text whatever it contains: a control token written out in it, such as
 * {@code <|end|>}, is encoded as the characters it consists of. The same holds for tools, arguments
 * and names. The role is the one part of a message that a chat template may turn into a control
 * token, so only the four roles below are taken.
 *
 * @param role who speaks: system, user, assistant or tool
 * @param content what is said; may be empty
 * @param tools the tools a model may call, as text, for templates that take them in a message; null
 *     where there are none. See {@link io.sambay4j.answer.ToolPrompt}
 * @param toolCalls calls that the assistant asked for
 * @param toolCallId the call that a message of the role "tool" gives the result of; may be null
 * @param name of what was called, in a message of the role "tool"; may be null
 */
public record ChatMessage(
    String role,
    String content,
    @Nullable String tools,
    List<ToolCall> toolCalls,
    @Nullable String toolCallId,
    @Nullable String name) {
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
    toolCalls = List.copyOf(toolCalls);
  }

  /**
   * A message of text alone.
   *
   * @throws IllegalArgumentException if the role is none of the four
   */
  public ChatMessage(String role, String content) {
    this(role, content, null, List.of(), null, null);
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

  /** What the model answered, with the calls of tools it asked for. */
  public static ChatMessage assistant(String content, List<ToolCall> calls) {
    return new ChatMessage("assistant", content, null, calls, null, null);
  }

  /**
   * What a tool returned.
   *
   * @param callId the call's id
   * @param name of the tool; may be null
   */
  public static ChatMessage toolResult(String callId, @Nullable String name, String content) {
    return new ChatMessage("tool", content, null, List.of(), callId, name);
  }

  /** This message with tools, as text. */
  public ChatMessage withTools(@Nullable String text) {
    return new ChatMessage(role, content, text, toolCalls, toolCallId, name);
  }

  /** The characters of everything that may appear in a prompt. */
  long length() {
    long length = content.length();
    length += tools == null ? 0 : tools.length();
    for (ToolCall call : toolCalls) {
      length += call.name().length();
      length += call.arguments().length();
    }
    return length;
  }
}
