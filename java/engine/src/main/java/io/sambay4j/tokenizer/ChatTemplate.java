package io.sambay4j.tokenizer;

import io.sambay4j.ChatMessage;
import io.sambay4j.InvalidModelException;
import io.sambay4j.tokenizer.jinja.Template;
import io.sambay4j.tokenizer.jinja.Text;
import java.time.Clock;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Lays out a conversation as a model was trained to see it, by the Jinja template published with
 * the model.
 *
 * <p>The template is interpreted by code that can reach nothing but the conversation, within limits
 * on work, depth and output. Control tokens come from the template alone: each character of the
 * rendered text is known to stem from the template or from a message or argument, and only what the
 * template wrote is searched for control tokens. A {@code <|end|>} typed by a user is encoded as
 * seven characters. All else is tokenized as one text, across the border between the two, so the
 * ids are those the Hugging Face library gives unless a message contains a control token, or begins
 * with white space after a token that would strip it ({@code rstrip}): what was typed is kept here.
 *
 * <p>Tool calls of the assistant go to the template as {@code tool_calls}. A template that does not
 * know them, as Phi-4-mini's, finds them at the end of the content, in the form that model was
 * trained on: {@code <|tool_call|>[{"name": ..., "arguments": ...}]<|/tool_call|>}, of which only
 * the two tags count as control tokens.
 *
 * <p>Immutable; any number of threads may use one.
 */
public final class ChatTemplate {
  private static final Set<String> RESERVED =
      Set.of("messages", "add_generation_prompt", "bos_token", "eos_token");
  private static final int MAX_ARGUMENT_NAME_LENGTH = 64;

  private final Template template;
  private final String bosToken;
  private final String eosToken;
  private final Clock clock;

  /** Whether it lays out {@code tool_calls} of a message itself. */
  private final boolean knowsToolCalls;

  private ChatTemplate(
      Template template, boolean knowsToolCalls, String bosToken, String eosToken, Clock clock) {
    this.template = template;
    this.knowsToolCalls = knowsToolCalls;
    this.bosToken = bosToken;
    this.eosToken = eosToken;
    this.clock = clock;
  }

  /**
   * A template from its source.
   *
   * @param bosToken what the template's variable {@code bos_token} stands for
   * @param eosToken what the template's variable {@code eos_token} stands for
   * @throws InvalidModelException if the template is malformed or uses what is not supported
   */
  public static ChatTemplate of(String source, String bosToken, String eosToken) {
    return of(source, bosToken, eosToken, Clock.system(ZoneId.systemDefault()));
  }

  static ChatTemplate of(String source, String bosToken, String eosToken, Clock clock) {
    return new ChatTemplate(
        Template.parse("chat template", source),
        source.contains("tool_calls"),
        bosToken,
        eosToken,
        clock);
  }

  /**
   * The text of a conversation, for reading; to generate, use {@link #encode}, which keeps users'
   * text apart.
   *
   * @param addGenerationPrompt whether to end where the assistant is to begin
   * @param arguments further variables of the template, {@code tools} among them: strings, numbers,
   *     booleans, nulls, lists and maps of these
   * @throws IllegalArgumentException if an argument is anything else or has a reserved name, or the
   *     template refuses the messages
   * @throws InvalidModelException if the template fails or exceeds a limit
   */
  public String render(
      List<ChatMessage> messages,
      boolean addGenerationPrompt,
      Map<String, ? extends @Nullable Object> arguments) {
    return renderText(plain(messages), addGenerationPrompt, arguments).value();
  }

  /**
   * The token ids of a conversation.
   *
   * @param tokenizer the tokenizer of the same model
   * @param addGenerationPrompt whether to end where the assistant is to begin
   * @param arguments further variables of the template, {@code tools} among them: strings, numbers,
   *     booleans, nulls, lists and maps of these
   * @throws IllegalArgumentException if an argument is anything else or has a reserved name, or the
   *     template refuses the messages
   * @throws InvalidModelException if the template fails or exceeds a limit
   */
  public int[] encode(
      Tokenizer tokenizer,
      List<ChatMessage> messages,
      boolean addGenerationPrompt,
      Map<String, ? extends @Nullable Object> arguments) {
    return tokenizer.encode(renderText(plain(messages), addGenerationPrompt, arguments));
  }

  /** The token ids of a conversation that ends where the assistant is to begin. */
  public int[] encode(Tokenizer tokenizer, List<ChatMessage> messages) {
    return encode(tokenizer, messages, true, Map.of());
  }

  /**
   * Renders messages of any plain content; only the value of {@code role} counts as the template's
   * own.
   */
  Text renderText(
      List<? extends Map<String, ?>> messages,
      boolean addGenerationPrompt,
      Map<String, ? extends @Nullable Object> arguments) {
    arguments.keySet().forEach(ChatTemplate::checkArgumentName);
    Map<String, @Nullable Object> variables = new LinkedHashMap<>();
    variables.put("tools", null);
    variables.put("documents", null);
    variables.putAll(arguments);
    Map<String, Object> own =
        Map.of(
            "add_generation_prompt",
            addGenerationPrompt,
            "bos_token",
            bosToken,
            "eos_token",
            eosToken);
    return template.render(own, messages, variables, ZonedDateTime.now(clock));
  }

  private List<Map<String, Object>> plain(List<ChatMessage> messages) {
    List<Map<String, Object>> plain = new ArrayList<>();
    for (ChatMessage message : messages) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("role", message.role());
      fields.put("content", message.content());
      if (message.tools() != null) {
        fields.put("tools", message.tools());
      }
      if (message.toolCallId() != null) {
        fields.put("tool_call_id", message.toolCallId());
      }
      if (message.name() != null) {
        fields.put("name", message.name());
      }
      if (!message.toolCalls().isEmpty()) {
        if (knowsToolCalls) {
          fields.put("tool_calls", ToolCallText.values(message.toolCalls()));
        } else {
          fields.put("content", ToolCallText.written(message));
        }
      }
      plain.add(fields);
    }
    return plain;
  }

  private static void checkArgumentName(String name) {
    if (name.length() > MAX_ARGUMENT_NAME_LENGTH || !name.matches("[A-Za-z_][A-Za-z0-9_]*")) {
      throw new IllegalArgumentException(
          "an argument's name is expected to be letters, digits and _, at most "
              + MAX_ARGUMENT_NAME_LENGTH);
    }
    if (RESERVED.contains(name) || Template.isReserved(name)) {
      throw new IllegalArgumentException("the argument " + name + " has a reserved name");
    }
  }
}
