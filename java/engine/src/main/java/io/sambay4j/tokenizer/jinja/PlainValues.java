package io.sambay4j.tokenizer.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes over a caller's values: strings, numbers, booleans, nulls, lists and maps of these, copied
 * and tainted.
 */
final class PlainValues {
  private static final int MAX_DEPTH = 32;
  private static final int MAX_VALUES = 1 << 20;

  private final String name;
  private int values;

  private PlainValues(String name) {
    this.name = name;
  }

  /**
   * The template's value for a Java value.
   *
   * @param name what the caller calls it, for messages
   * @throws IllegalArgumentException if it is, or holds, anything but plain values
   */
  static Object copy(@Nullable Object value, String name) {
    return new PlainValues(name).copy(value, 0);
  }

  private Object copy(@Nullable Object value, int depth) {
    if (depth > MAX_DEPTH) {
      throw new IllegalArgumentException(
          name + " is nested more than " + MAX_DEPTH + " levels deep");
    }
    if (++values > MAX_VALUES) {
      throw new IllegalArgumentException(name + " holds more than " + MAX_VALUES + " values");
    }
    if (value == null) {
      return None.NONE;
    }
    if (value instanceof String string) {
      return Text.tainted(string);
    }
    if (value instanceof Boolean) {
      return value;
    }
    if (value instanceof Long
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte) {
      return ((Number) value).longValue();
    }
    if (value instanceof Double || value instanceof Float) {
      double number = ((Number) value).doubleValue();
      if (Double.isNaN(number) || Double.isInfinite(number)) {
        throw new IllegalArgumentException(
            name + " holds " + number + ", expected a finite number");
      }
      return number;
    }
    if (value instanceof List<?> list) {
      List<Object> copy = new ArrayList<>();
      for (Object element : list) {
        copy.add(copy(element, depth + 1));
      }
      return copy;
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> copy = new LinkedHashMap<>();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        if (!(entry.getKey() instanceof String key)) {
          throw new IllegalArgumentException(name + " has a map with a key that is not a string");
        }
        copy.put(Text.tainted(key), copy(entry.getValue(), depth + 1));
      }
      return copy;
    }
    throw new IllegalArgumentException(
        name
            + " holds a "
            + value.getClass().getName()
            + "; strings, numbers, booleans, nulls, lists and maps are accepted");
  }
}
