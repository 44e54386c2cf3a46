package io.sambay4j.tokenizer.jinja;

import java.util.HashMap;
import java.util.Map;

/** An object whose attributes a template may set, even from inside a loop. */
final class Namespace {
  private final Map<String, Object> attributes = new HashMap<>();

  Object get(String name) {
    return attributes.getOrDefault(name, new Undefined(name));
  }

  void set(String name, Object value) {
    attributes.put(name, value);
  }
}
