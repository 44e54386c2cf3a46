package io.sambay4j.structured;

import io.sambay4j.json.Quote;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

/** The rules of one grammar while it is put together; they refer to each other by number. */
final class Rules {
  private final Budget budget = new Budget();
  private final List<Nfa> rules = new ArrayList<>();
  private final List<String> tags = new ArrayList<>();
  private final List<Integer> tagRules = new ArrayList<>();
  private final Map<Object, Integer> shared = new HashMap<>();

  /** A rule whose body comes later, so that it can be referred to before. */
  int declare(String name) {
    if (rules.size() == Budget.MAX_RULES) {
      throw new GrammarException(
          "%s: the grammar has more than %d rules".formatted(name, Budget.MAX_RULES));
    }
    rules.add(new Nfa(name, budget));
    return rules.size() - 1;
  }

  /** Gives a declared rule its body. */
  void define(int rule, Part body) {
    rules.get(rule).set(body);
  }

  int add(String name, Part body) {
    int rule = declare(name);
    define(rule, body);
    return rule;
  }

  /** The rule of a key; its body is asked for once, and may refer to the rule itself. */
  int shared(Object key, String name, Supplier<Part> body) {
    Integer known = shared.get(key);
    if (known == null) {
      known = declare(name);
      shared.put(key, known);
      define(known, body.get());
    }
    return known;
  }

  /** The rule of a key, added when it is asked for first. */
  int shared(Object key, IntSupplier add) {
    Integer known = shared.get(key);
    if (known == null) {
      known = add.getAsInt();
      shared.put(key, known);
    }
    return known;
  }

  /** The rule of a key; told its number once, to be defined before the grammar is compiled. */
  int sharedLater(Object key, String name, IntConsumer whenNew) {
    Integer known = shared.get(key);
    if (known == null) {
      known = declare(name);
      shared.put(key, known);
      whenNew.accept(known);
    }
    return known;
  }

  /** The number of a tag: a control token where the vocabulary has it, else its text. */
  int tag(String text) {
    if (!tags.contains(text)) {
      tags.add(text);
      tagRules.add(add("the tag " + Quote.of(text), Part.literal(text)));
    }
    return tags.indexOf(text);
  }

  Budget budget() {
    return budget;
  }

  Nfa rule(int number) {
    return rules.get(number);
  }

  int size() {
    return rules.size();
  }

  List<String> tags() {
    return List.copyOf(tags);
  }

  /** By tag, the rule that reads its text. */
  List<Integer> tagRules() {
    return List.copyOf(tagRules);
  }
}
