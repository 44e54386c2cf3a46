package io.sambay4j.tokenizer.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a call hands over. */
record Arguments(Site site, List<Object> positional, Map<String, Object> named) {
  /** An argument by place or name, or null. */
  @Nullable Object find(int index, String name) {
    return index < positional.size() ? positional.get(index) : named.get(name);
  }

  Object get(int index, String name) {
    Object value = find(index, name);
    if (value == null) {
      throw site.error("the argument " + name + " is missing");
    }
    return value;
  }

  Object get(int index, String name, Object otherwise) {
    Object value = find(index, name);
    return value == null ? otherwise : value;
  }

  Text text(int index, String name) {
    return site.text(get(index, name));
  }

  int integer(int index, String name, int otherwise) {
    Object value = find(index, name);
    return value == null ? otherwise : site.integer(value);
  }

  boolean truth(int index, String name, boolean otherwise) {
    Object value = find(index, name);
    return value == null ? otherwise : Values.isTrue(value);
  }

  /** Refuses what the callee does not know. */
  void checkNames(int mostPositional, String... names) {
    if (positional.size() > mostPositional) {
      throw site.error(
          "has " + positional.size() + " arguments, at most " + mostPositional + " are known");
    }
    for (String name : named.keySet()) {
      if (!List.of(names).contains(name)) {
        throw site.error("the argument " + name + " is not known");
      }
    }
  }
}
