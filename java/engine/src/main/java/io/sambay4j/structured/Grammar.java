package io.sambay4j.structured;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.json.Quote;
import io.sambay4j.sampling.TokenConstraint;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What a generated text must look like.
 *
 * <pre>{@code
 * Grammar grammar = Grammar.jsonSchema("{\"type\": \"object\", \"properties\": {\"age\": {\"type\": \"integer\"}}}");
 * GenerationRequest.user("How old is the Eiffel Tower?").constraint(grammar.over(model.tokenizer()));
 * }</pre>
 *
 * <p>Making one checks the source and compiles it within a budget. The most recent ones are kept,
 * and so is what was found out about them with a tokenizer: asking again for the same grammar costs
 * nothing. Immutable; any number of threads may use one.
 *
 * <p>What is supported of JSON Schema and regular expressions, and the notation of grammars: {@code
 * docs/structured-output.md}.
 */
public final class Grammar {
  /** How many choices a list may have. */
  private static final int MAX_CHOICES = 10_000;

  /** How many grammars are kept. */
  private static final int MAX_KEPT = 32;

  private static final ObjectMapper JSON =
      new ObjectMapper(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                  .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(Budget.MAX_DEPTH)
                          .maxNumberLength(400)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /** How many states the kept grammars may have between them, about 150 bytes each. */
  private static final int MAX_KEPT_STATES = 3 * Budget.MAX_STATES;

  /** By source, the least recently used first. */
  private static final Map<List<Object>, Grammar> KEPT = new LinkedHashMap<>(16, 0.75f, true);

  /** Adds what a grammar consists of to a set of rules; returns the number of the first rule. */
  @FunctionalInterface
  private interface Definition {
    int addTo(Rules rules);
  }

  private final Definition definition;
  private final Map<Tokenizer, CompiledGrammar> compiled = new WeakHashMap<>();
  private @Nullable Automaton automaton;

  private Grammar(Definition definition) {
    this.definition = definition;
  }

  private synchronized Automaton automaton() {
    if (automaton == null) {
      Rules rules = new Rules();
      automaton = Compiler.compile(rules, definition.addTo(rules));
    }
    return automaton;
  }

  /** Any JSON object. */
  public static Grammar json() {
    return kept(List.of("json"), Grammar::anyObject);
  }

  private static int anyObject(Rules rules) {
    return rules.add("JSON", new JsonText(rules).object());
  }

  /**
   * JSON that a schema allows.
   *
   * @param schema a JSON schema of at most 2^20 characters
   * @throws GrammarException if it is malformed, has a keyword that is not supported, allows no
   *     finite value or is too large
   */
  public static Grammar jsonSchema(String schema) {
    Budget.checkSource("the schema", schema);
    return kept(
        List.of("schema", schema),
        rules -> rules.add("the schema", Part.call(SchemaCompiler.add(parse(schema), rules))));
  }

  private static JsonNode parse(String schema) {
    try {
      JsonNode node = JSON.readTree(schema);
      if (node.isMissingNode()) {
        throw new GrammarException("the schema is empty; the one that allows everything is {}");
      }
      return node;
    } catch (JsonProcessingException e) {
      throw new GrammarException(
          "the schema is not acceptable JSON: " + Quote.of(e.getOriginalMessage()));
    }
  }

  /**
   * One of several texts.
   *
   * @param choices 1 to 10,000 texts, none empty
   * @throws GrammarException if there are more or fewer, or one is empty
   */
  public static Grammar choices(List<String> choices) {
    if (choices.isEmpty() || choices.size() > MAX_CHOICES) {
      throw new GrammarException(
          "choices takes 1 to %d texts but has %d".formatted(MAX_CHOICES, choices.size()));
    }
    for (String choice : choices) {
      Budget.checkSource("a choice", choice);
      checkText("a choice", choice);
    }
    List<Object> key = new ArrayList<>(List.of("choices"));
    key.addAll(choices);
    List<Part> parts = choices.stream().map(Part::literal).toList();
    return kept(List.copyOf(key), rules -> rules.add("the choices", Part.anyOf(parts)));
  }

  /**
   * Text that a regular expression matches as a whole.
   *
   * @throws GrammarException if it is malformed, uses what is not supported or is too large
   */
  public static Grammar regex(String expression) {
    Budget.checkSource("the regular expression", expression);
    String place = "the regular expression";
    return kept(
        List.of("regex", expression),
        rules -> rules.add(place, RegexParser.whole(place, expression, Part::character)));
  }

  /**
   * Text that follows the rule {@code root} of a grammar.
   *
   * @throws GrammarException if it is malformed, a rule refers to itself before anything else, no
   *     finite text follows it or it is too large
   */
  public static Grammar ebnf(String rules) {
    Budget.checkSource("the grammar", rules);
    return kept(List.of("ebnf", rules), target -> EbnfParser.add(rules, target));
  }

  /** Exactly this text. */
  public static Grammar literal(String text) {
    Budget.checkSource("a literal", text);
    checkText("a literal", text);
    return new Grammar(rules -> rules.add("a literal", Part.literal(text)));
  }

  /**
   * A tag such as {@code <think>}: one control token where the tokenizer has one that is written
   * so, else the text.
   */
  public static Grammar tag(String text) {
    Budget.checkSource("a tag", text);
    checkText("a tag", text);
    return new Grammar(rules -> rules.add("a tag", Part.tag(rules.tag(text))));
  }

  /** Any text, perhaps none, in which none of the given ones occurs. */
  public static Grammar textWithout(List<String> excluded) {
    for (String text : excluded) {
      Budget.checkSource("an excluded text", text);
      checkText("an excluded text", text);
    }
    List<String> texts = List.copyOf(excluded);
    return new Grammar(rules -> rules.add("a text", ExcludedTexts.textWithout(texts)));
  }

  /** One after the other. */
  public static Grammar sequence(Grammar... parts) {
    List<Grammar> all = List.of(parts);
    return new Grammar(
        rules ->
            rules.add(
                "a sequence",
                Part.sequence(all.stream().map(part -> part.calledIn(rules)).toList())));
  }

  /** Any one of several, at least one. */
  public static Grammar anyOf(Grammar... alternatives) {
    if (alternatives.length == 0) {
      throw new GrammarException("anyOf needs at least one grammar");
    }
    List<Grammar> all = List.of(alternatives);
    return new Grammar(
        rules ->
            rules.add(
                "alternatives",
                Part.anyOf(all.stream().map(part -> part.calledIn(rules)).toList())));
  }

  /**
   * This, several times in a row.
   *
   * @param min in [0, 10000]
   * @param max in [min, 10000], or -1 without a limit
   */
  public Grammar repeated(int min, int max) {
    if (min < 0
        || min > Budget.MAX_REPETITIONS
        || max > Budget.MAX_REPETITIONS
        || (max < min && max != -1)) {
      throw new GrammarException(
          "a repetition takes 0 to %d times, or -1 as no limit, but was from %d to %d"
              .formatted(Budget.MAX_REPETITIONS, min, max));
    }
    return new Grammar(rules -> rules.add("a repetition", Part.repeat(calledIn(rules), min, max)));
  }

  private Part calledIn(Rules rules) {
    return Part.call(rules.shared(this, () -> definition.addTo(rules)));
  }

  /**
   * This grammar over the vocabulary of a tokenizer, for the requests to a model.
   *
   * <p>The first call for a tokenizer takes some hundred milliseconds, the first for a further
   * grammar some milliseconds.
   *
   * @throws GrammarException if grammars put together are too large
   */
  public TokenConstraint.Factory over(Tokenizer tokenizer) {
    Automaton rules = automaton();
    synchronized (compiled) {
      return compiled.computeIfAbsent(tokenizer, t -> new CompiledGrammar(rules, t));
    }
  }

  private static Grammar kept(List<Object> key, Definition definition) {
    synchronized (KEPT) {
      Grammar known = KEPT.get(key);
      if (known != null) {
        return known;
      }
    }
    Grammar made = new Grammar(definition);
    made.automaton(); // complains now, and not when it is first used
    synchronized (KEPT) {
      Grammar kept = KEPT.merge(key, made, (first, second) -> first);
      Iterator<Grammar> eldest = KEPT.values().iterator();
      while (KEPT.size() > MAX_KEPT || keptStates() > MAX_KEPT_STATES) {
        eldest.next();
        eldest.remove();
      }
      return kept;
    }
  }

  private static int keptStates() {
    return KEPT.values().stream().mapToInt(grammar -> grammar.automaton().size()).sum();
  }

  private static void checkText(String what, String text) {
    if (text.isEmpty()) {
      throw new GrammarException(what + " is empty");
    }
    if (text.codePoints().anyMatch(c -> c >= 0xD800 && c <= 0xDFFF)) {
      throw new GrammarException(what + " has half a surrogate pair, which no text can hold");
    }
  }
}
