package io.sambay4j.answer;

import com.fasterxml.jackson.databind.node.TextNode;
import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.structured.Grammar;
import io.sambay4j.structured.GrammarException;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What an answer must be: content of a grammar, calls of tools as {@link ToolChoice} asks for, a
 * thought as long as {@link Thinking} lets it be.
 *
 * <pre>{@code
 * GenerationRequest.messages(messages)
 *     .constraint(
 *         AnswerConstraint.builder(AnswerFormat.named("none", "phi"))
 *             .tools(tools)
 *             .toolChoice(ToolChoice.REQUIRED)
 *             .over(model.tokenizer())
 *             .orElse(null));
 * }</pre>
 */
public final class AnswerConstraint {
  private static final int MAX_CALLS = 64;
  private static final int MAX_KEPT = 16;
  private static final Grammar BLANKS = Grammar.regex("[ \\n]{0,4}");

  /** What a grammar is made from, so that equal requests share one and all that is known of it. */
  private record Key(
      AnswerFormat format,
      List<Tool> tools,
      ToolChoice choice,
      boolean parallel,
      @Nullable Grammar content,
      boolean thinks) {}

  private static final Map<Key, Grammar> KEPT =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Grammar> eldest) {
          return size() > MAX_KEPT;
        }
      };

  private final AnswerFormat format;
  private final List<Tool> tools;
  private final ToolChoice choice;
  private final boolean parallel;
  private final @Nullable Grammar content;
  private final Thinking thinking;

  private AnswerConstraint(Builder builder) {
    this.format = builder.format;
    this.tools = builder.tools;
    this.choice = builder.tools.isEmpty() ? ToolChoice.NONE : builder.choice;
    this.parallel = builder.parallel;
    this.content = builder.content;
    this.thinking = builder.thinking;
  }

  /** What answers of a format must be; without further calls, anything. */
  public static Builder builder(AnswerFormat format) {
    return new Builder(format);
  }

  /** Collects what is asked for. */
  public static final class Builder {
    private final AnswerFormat format;
    private List<Tool> tools = List.of();
    private ToolChoice choice = ToolChoice.AUTO;
    private boolean parallel = true;
    private @Nullable Grammar content;
    private Thinking thinking = Thinking.FREE;

    private Builder(AnswerFormat format) {
      this.format = format;
    }

    /** The tools that may be called, of different names. */
    public Builder tools(List<Tool> value) {
      tools = List.copyOf(value);
      return this;
    }

    /** Whether they are called; {@link ToolChoice#AUTO} by default. */
    public Builder toolChoice(ToolChoice value) {
      choice = value;
      return this;
    }

    /** Whether there may be more than one call; true by default. */
    public Builder parallelCalls(boolean value) {
      parallel = value;
      return this;
    }

    /** What content must be, where there are no calls; null: any text. */
    public Builder content(@Nullable Grammar value) {
      content = value;
      return this;
    }

    /** How much thought there may be; {@link Thinking#FREE} by default. */
    public Builder thinking(Thinking value) {
      thinking = value;
      return this;
    }

    /**
     * The constraint over the vocabulary of a tokenizer; empty if anything may be said.
     *
     * @throws IllegalArgumentException if calls are asked for but the format has none, a named tool
     *     is not there or two have one name; a {@link GrammarException} naming the tool if its
     *     schema is not supported
     */
    public Optional<TokenConstraint.Factory> over(Tokenizer tokenizer) {
      return new AnswerConstraint(this).over(tokenizer);
    }
  }

  private Optional<TokenConstraint.Factory> over(Tokenizer tokenizer) {
    check();
    AnswerFormat.Thought thought = format.thought();
    TokenConstraint.Factory grammar = kept().map(g -> g.over(tokenizer)).orElse(null);
    if (thought == null || !thinking.enabled() || thinking.budget() == Thinking.UNLIMITED) {
      return Optional.ofNullable(grammar);
    }
    if (thinking.closing().contains(thought.close())) {
      throw new IllegalArgumentException(
          "what closes a thought must not hold the closing tag itself, which is added");
    }
    int[] closing = ThoughtBudget.closing(tokenizer, thought, thinking.closing());
    return Optional.of(
        () ->
            new ThoughtBudget(
                tokenizer,
                grammar == null ? null : grammar.start(),
                thought,
                thinking.budget(),
                closing));
  }

  private void check() {
    boolean asksForCalls =
        choice.mode() == ToolChoice.Mode.REQUIRED || choice.mode() == ToolChoice.Mode.FUNCTION;
    if (asksForCalls && format.calls() == null) {
      throw new IllegalArgumentException(
          "tool_choice asks for a call, but no format of tool calls is configured for this model");
    }
    List<String> names = tools.stream().map(Tool::name).toList();
    if (names.stream().distinct().count() < names.size()) {
      throw new IllegalArgumentException("two tools have the same name");
    }
    if (choice.name() != null && !names.contains(choice.name())) {
      throw new IllegalArgumentException(
          "tool_choice names a tool that is not among the tools: \"%s\"".formatted(choice.name()));
    }
  }

  private Optional<Grammar> kept() {
    Key key = new Key(format, tools, choice, parallel, content, thinking.enabled());
    synchronized (KEPT) {
      Grammar known = KEPT.get(key);
      if (known != null) {
        return Optional.of(known);
      }
    }
    Optional<Grammar> made = grammar();
    synchronized (KEPT) {
      made.ifPresent(grammar -> KEPT.put(key, grammar));
    }
    return made;
  }

  /** The whole answer; empty if anything may be said. */
  private Optional<Grammar> grammar() {
    AnswerFormat.Thought thought = format.thought();
    Optional<Grammar> body = body();
    if (thought == null) {
      return body;
    }
    Grammar close = Grammar.tag(thought.close());
    Grammar text = body.orElseGet(() -> Grammar.textWithout(List.of()));
    if (!thinking.enabled()) {
      if (thought.opened()) {
        return Optional.of(Grammar.sequence(close, BLANKS, text));
      }
      return Optional.of(body.orElseGet(() -> Grammar.textWithout(List.of(thought.open()))));
    }
    if (body.isEmpty()) {
      return body;
    }
    Grammar thoughts =
        Grammar.sequence(Grammar.textWithout(List.of(thought.close())), close, BLANKS);
    return Optional.of(
        thought.opened()
            ? Grammar.sequence(thoughts, text)
            : Grammar.sequence(
                Grammar.sequence(BLANKS, Grammar.tag(thought.open()), thoughts).repeated(0, 1),
                text));
  }

  /** What follows the thought; empty if anything may. */
  private Optional<Grammar> body() {
    AnswerFormat.Calls calls = format.calls();
    Optional<Grammar> text = Optional.ofNullable(content);
    if (calls == null) {
      return text;
    }
    Grammar plain = text.orElseGet(() -> Grammar.textWithout(excluded(calls)));
    return switch (choice.mode()) {
      case NONE -> tools.isEmpty() && text.isEmpty() ? text : Optional.of(plain);
      case AUTO ->
          Optional.of(
              text.isPresent()
                  ? Grammar.anyOf(plain, calls(calls, tools, maxCalls()))
                  : Grammar.sequence(plain, calls(calls, tools, maxCalls()).repeated(0, 1)));
      case REQUIRED -> Optional.of(calls(calls, tools, maxCalls()));
      case FUNCTION ->
          Optional.of(
              calls(
                  calls,
                  tools.stream().filter(tool -> tool.name().equals(choice.name())).toList(),
                  1));
    };
  }

  /** The tags that plain text must not hold: it would be read as a call, or as a thought. */
  private List<String> excluded(AnswerFormat.Calls calls) {
    AnswerFormat.Thought thought = format.thought();
    boolean noThought = thought != null && !thought.opened() && !thinking.enabled();
    return thought != null && noThought
        ? List.of(calls.open(), thought.open())
        : List.of(calls.open());
  }

  private int maxCalls() {
    return parallel ? MAX_CALLS : 1;
  }

  /** One to {@code max} calls of some tools, with their tags. */
  private static Grammar calls(AnswerFormat.Calls calls, List<Tool> tools, int max) {
    List<Grammar> each = new ArrayList<>();
    for (Tool tool : tools) {
      each.add(call(tool));
    }
    Grammar one = Grammar.anyOf(each.toArray(Grammar[]::new));
    Grammar open = Grammar.tag(calls.open());
    Grammar close = Grammar.tag(calls.close());
    if (calls.list()) {
      Grammar further = Grammar.sequence(Grammar.literal(", "), one).repeated(0, max - 1);
      return Grammar.sequence(
          open, Grammar.literal("["), one, further, Grammar.literal("]"), close);
    }
    Grammar lineBreak = Grammar.literal("\n").repeated(0, 1);
    Grammar tagged = Grammar.sequence(open, lineBreak, one, lineBreak, close);
    return Grammar.sequence(tagged, Grammar.sequence(lineBreak, tagged).repeated(0, max - 1));
  }

  private static Grammar call(Tool tool) {
    Grammar arguments;
    try {
      arguments = Grammar.jsonSchema(tool.parameters());
    } catch (GrammarException e) {
      throw new GrammarException(
          "the parameters of the tool %s: %s".formatted(tool.name(), e.getMessage()));
    }
    String name = TextNode.valueOf(tool.name()).toString();
    return Grammar.sequence(
        Grammar.literal("{\"name\": " + name + ", \"arguments\": "),
        arguments,
        Grammar.literal("}"));
  }
}
