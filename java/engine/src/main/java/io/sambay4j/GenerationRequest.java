package io.sambay4j;

import io.sambay4j.sampling.LogitsProcessor;
import io.sambay4j.sampling.SamplingParameters;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What to generate from, and how.
 *
 * <pre>{@code
 * GenerationRequest request =
 *     GenerationRequest.user("What is 17+25?")
 *         .sampling(SamplingParameters.builder().temperature(0.6).topP(0.95).seed(7).build())
 *         .maxTokens(200)
 *         .stop("Answer:")
 *         .build();
 * }</pre>
 *
 * @param prompt chat messages, text or token ids
 * @param sampling how tokens are chosen; null: as the model's generation_config.json says
 * @param maxTokens at most so many are generated, in [0, {@value #MAX_TOKENS}]; never beyond the
 *     context; 0 only reads the prompt
 * @param stop up to 64 strings, none empty, that end the generation; they are not part of the text
 * @param stopTokens ids that end the generation, besides the model's end tokens
 * @param ignoreEndTokens go on after the model's end tokens
 * @param promptLogProbabilities also report the log-probability of each prompt token that is read;
 *     in a session those are the ones it has not seen
 * @param logitsProcessors hooks that change the logits before a token is chosen
 * @param stopWhen asked after each token with all of them, in a list that is valid during the call;
 *     true ends the generation. Not asked where something else ends it
 */
public record GenerationRequest(
    Prompt prompt,
    @Nullable SamplingParameters sampling,
    int maxTokens,
    List<String> stop,
    List<Integer> stopTokens,
    boolean ignoreEndTokens,
    boolean promptLogProbabilities,
    List<LogitsProcessor> logitsProcessors,
    @Nullable Predicate<List<GeneratedToken>> stopWhen) {

  /** The largest {@code maxTokens}. */
  public static final int MAX_TOKENS = 1 << 24;

  private static final int MAX_STOP_STRINGS = 64;
  private static final int MAX_STOP_LENGTH = 4096;

  /** What a generation starts from. */
  public sealed interface Prompt {
    /**
     * Messages, put into the model's chat template. Control tokens come from the template alone:
     * what looks like one in a message is plain text.
     *
     * @param arguments extra variables of the template: plain values
     */
    record Chat(List<ChatMessage> messages, Map<String, Object> arguments) implements Prompt {
      public Chat {
        messages = List.copyOf(messages);
        arguments = Map.copyOf(arguments);
        if (messages.isEmpty()) {
          throw new IllegalArgumentException("a chat needs at least one message");
        }
      }
    }

    /** Text without a template. What looks like a control token is plain text here too. */
    record Text(String text) implements Prompt {}

    /** Token ids, at least one. */
    record Tokens(List<Integer> ids) implements Prompt {
      public Tokens {
        ids = List.copyOf(ids);
        if (ids.isEmpty()) {
          throw new IllegalArgumentException("a prompt needs at least one token");
        }
      }
    }
  }

  public GenerationRequest {
    if (maxTokens < 0 || maxTokens > MAX_TOKENS) {
      throw new IllegalArgumentException(
          "maxTokens must be in [0, %d] but was %d".formatted(MAX_TOKENS, maxTokens));
    }
    stop = List.copyOf(stop);
    if (stop.size() > MAX_STOP_STRINGS) {
      throw new IllegalArgumentException(
          "stop takes at most %d strings but has %d".formatted(MAX_STOP_STRINGS, stop.size()));
    }
    for (String text : stop) {
      if (text.isEmpty() || text.length() > MAX_STOP_LENGTH) {
        throw new IllegalArgumentException(
            "a stop string must have 1 to %d characters but has %d"
                .formatted(MAX_STOP_LENGTH, text.length()));
      }
    }
    stopTokens = List.copyOf(stopTokens);
    for (int id : stopTokens) {
      if (id < 0) {
        throw new IllegalArgumentException(
            "a stop token must be in the vocabulary but was %d".formatted(id));
      }
    }
    logitsProcessors = List.copyOf(logitsProcessors);
  }

  /** One user turn of the chat template. */
  public static Builder user(String message) {
    return messages(List.of(ChatMessage.user(message)));
  }

  /** A conversation, put into the chat template; the model answers. */
  public static Builder messages(List<ChatMessage> messages) {
    return new Builder(new Prompt.Chat(messages, Map.of()));
  }

  /** Text to continue as it is, without a template. */
  public static Builder text(String text) {
    return new Builder(new Prompt.Text(text));
  }

  /** Whatever prompt it is. */
  public static Builder of(Prompt prompt) {
    return new Builder(prompt);
  }

  /** Token ids to continue. */
  public static Builder tokens(int... ids) {
    return new Builder(new Prompt.Tokens(Arrays.stream(ids).boxed().toList()));
  }

  /** This request with another prompt. */
  public GenerationRequest withPrompt(Prompt other) {
    return new GenerationRequest(
        other,
        sampling,
        maxTokens,
        stop,
        stopTokens,
        ignoreEndTokens,
        promptLogProbabilities,
        logitsProcessors,
        stopWhen);
  }

  /** Builds a {@link GenerationRequest}; see its components for meaning and ranges. */
  public static final class Builder {
    private Prompt prompt;
    private @Nullable SamplingParameters sampling;
    private int maxTokens = MAX_TOKENS;
    private List<String> stop = List.of();
    private List<Integer> stopTokens = List.of();
    private boolean ignoreEndTokens;
    private boolean promptLogProbabilities;
    private List<LogitsProcessor> logitsProcessors = List.of();
    private @Nullable Predicate<List<GeneratedToken>> stopWhen;

    private Builder(Prompt prompt) {
      this.prompt = prompt;
    }

    /**
     * Extra variables of the chat template: strings, numbers, booleans, lists and maps of these.
     *
     * @throws IllegalArgumentException if the prompt is no chat
     */
    public Builder templateArguments(Map<String, Object> values) {
      if (!(prompt instanceof Prompt.Chat chat)) {
        throw new IllegalArgumentException("only a chat has a template to give arguments to");
      }
      prompt = new Prompt.Chat(chat.messages(), values);
      return this;
    }

    public Builder sampling(SamplingParameters value) {
      sampling = value;
      return this;
    }

    public Builder maxTokens(int value) {
      maxTokens = value;
      return this;
    }

    public Builder stop(String... values) {
      stop = List.of(values);
      return this;
    }

    public Builder stopTokens(int... ids) {
      stopTokens = Arrays.stream(ids).boxed().toList();
      return this;
    }

    public Builder ignoreEndTokens(boolean value) {
      ignoreEndTokens = value;
      return this;
    }

    public Builder promptLogProbabilities(boolean value) {
      promptLogProbabilities = value;
      return this;
    }

    public Builder logitsProcessors(LogitsProcessor... values) {
      logitsProcessors = List.of(values);
      return this;
    }

    public Builder stopWhen(Predicate<List<GeneratedToken>> condition) {
      stopWhen = condition;
      return this;
    }

    public GenerationRequest build() {
      return new GenerationRequest(
          prompt,
          sampling,
          maxTokens,
          stop,
          stopTokens,
          ignoreEndTokens,
          promptLogProbabilities,
          logitsProcessors,
          stopWhen);
    }
  }
}
