package io.sambay4j;

import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.tokenizer.ChatTemplate;
import io.sambay4j.tokenizer.Tokenizer;
import io.sambay4j.weights.TokenizerConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Turns prompts into the token ids a model starts from. */
final class PromptEncoder {
  private final Path directory;
  private final @Nullable Tokenizer tokenizer;
  private final @Nullable ChatTemplate template;
  private final int @Nullable []
      bos; // what an ordinary text begins with, where the tokenizer says so
  private final int vocabularySize;
  private final int contextLimit;
  private final int longestToken; // bytes

  /**
   * @throws InvalidModelException if texts should begin with a token that the tokenizer does not
   *     know
   */
  PromptEncoder(
      Path directory,
      @Nullable Tokenizer tokenizer,
      @Nullable ChatTemplate template,
      TokenizerConfig config,
      int vocabularySize,
      int contextLimit) {
    this.directory = directory;
    this.tokenizer = tokenizer;
    this.template = template;
    this.vocabularySize = vocabularySize;
    this.contextLimit = contextLimit;
    this.bos = tokenizer == null ? null : bos(directory, tokenizer, config);
    this.longestToken = tokenizer == null ? 0 : longestToken(tokenizer);
  }

  private static int @Nullable [] bos(Path directory, Tokenizer tokenizer, TokenizerConfig config) {
    String token = config.bosToken();
    if (!config.addBosToken() || token == null) {
      return null;
    }
    return new int[] {
      tokenizer
          .id(token)
          .orElseThrow(
              () ->
                  new InvalidModelException(
                      "%s: bos_token is %s, which is not an added token of tokenizer.json"
                          .formatted(directory.resolve(TokenizerConfig.FILE), token)))
    };
  }

  private static int longestToken(Tokenizer tokenizer) {
    int longest = 1;
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      longest = Math.max(longest, tokenizer.tokenBytes(id).length);
    }
    return longest;
  }

  Tokenizer tokenizer() {
    if (tokenizer == null) {
      throw new IllegalStateException(
          "%s has no tokenizer.json, so this model takes and gives token ids only"
              .formatted(directory));
    }
    return tokenizer;
  }

  /**
   * The ids of a prompt.
   *
   * @param atStart whether it is the beginning of a sequence
   * @throws ContextLengthException if a text has more characters than the context could take
   * @throws IllegalArgumentException if there are none, or an id is outside the vocabulary
   */
  int[] encode(Prompt prompt, boolean atStart) {
    if (prompt instanceof Prompt.Chat chat) {
      return checked(encodeChat(chat.messages(), chat.arguments()));
    }
    if (prompt instanceof Prompt.Text text) {
      return checked(encodeText(text.text(), atStart));
    }
    return checked(((Prompt.Tokens) prompt).ids().stream().mapToInt(Integer::intValue).toArray());
  }

  private int[] encodeChat(List<ChatMessage> messages, Map<String, Object> arguments) {
    if (template == null) {
      throw new IllegalStateException(
          "%s has no chat template; give the prompt as text (GenerationRequest.text, --raw)"
              .formatted(directory));
    }
    checkLength(messages.stream().mapToLong(ChatMessage::length).sum());
    return template.encode(tokenizer(), messages, true, arguments);
  }

  /** The ids of an ordinary text, perhaps none. */
  int[] encodeText(String text, boolean atStart) {
    checkLength(text.length());
    int[] ids = tokenizer().encode(text);
    if (bos == null || !atStart) {
      return ids;
    }
    int[] withBos = new int[ids.length + 1];
    withBos[0] = bos[0];
    System.arraycopy(ids, 0, withBos, 1, ids.length);
    return withBos;
  }

  /**
   * A text too long for any way of cutting it into tokens is refused before it is cut: no character
   * is less than a byte.
   */
  private void checkLength(long characters) {
    if (tokenizer != null && characters > (long) contextLimit * longestToken) {
      throw new ContextLengthException(
          "a text of %d characters cannot fit into the context of %d tokens, the longest of which has %d; shorten it"
              .formatted(characters, contextLimit, longestToken));
    }
  }

  private int[] checked(int[] ids) {
    if (ids.length == 0) {
      throw new IllegalArgumentException(
          "the prompt is empty; give at least one token to continue");
    }
    checkIds(ids);
    return ids;
  }

  /**
   * Returns if all are tokens of the model.
   *
   * @throws IllegalArgumentException naming the first that is not
   */
  void checkIds(int... ids) {
    for (int id : ids) {
      if (id < 0 || id >= vocabularySize) {
        throw new IllegalArgumentException(
            "token id %d is outside the vocabulary of %d".formatted(id, vocabularySize));
      }
    }
  }
}
