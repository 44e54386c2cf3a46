package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Typed access to the key-value pairs of a GGUF header. A value of the wrong type or outside its
 * range is an {@link InvalidModelException} with file, key, value and range.
 */
public final class GgufMetadata {
  private final String source;
  // Long, Double, Boolean, String, long[], double[] or List<String>
  private final Map<String, Object> values;

  GgufMetadata(String source, Map<String, Object> values) {
    this.source = source;
    this.values = new LinkedHashMap<>(values);
  }

  /** All keys, in the order of the file. */
  public Set<String> keys() {
    return Collections.unmodifiableSet(values.keySet());
  }

  /** Whether the file has the key. */
  public boolean has(String key) {
    return values.containsKey(key);
  }

  /** A string that must be there. */
  public String string(String key) {
    String value = optionalString(key);
    if (value == null) {
      throw invalid(key, "a string");
    }
    return value;
  }

  /** A string, or null where it is absent. */
  public @Nullable String optionalString(String key) {
    return typed(key, String.class, "a string");
  }

  /** An integer that must be there. */
  public int integer(String key, int min, int max) {
    Integer value = optionalInteger(key, min, max);
    if (value == null) {
      throw invalid(key, "an integer from " + min + " to " + max);
    }
    return value;
  }

  /** An integer, or null where it is absent. */
  public @Nullable Integer optionalInteger(String key, int min, int max) {
    String expected = "an integer from " + min + " to " + max;
    Long value = typed(key, Long.class, expected);
    if (value == null) {
      return null;
    }
    if (value < min || value > max) {
      throw invalid(key, expected);
    }
    return value.intValue();
  }

  /** A finite number, whole or not, or {@code absent}. */
  public double number(String key, double absent, double min, double max) {
    Double value = optionalNumber(key, min, max);
    return value == null ? absent : value;
  }

  /** A finite number, whole or not, or null where it is absent. */
  public @Nullable Double optionalNumber(String key, double min, double max) {
    Object found = values.get(key);
    if (found == null) {
      return null;
    }
    double value = found instanceof Number number ? number.doubleValue() : Double.NaN;
    if (!(value >= min && value <= max)) { // false for NaN
      throw invalid(
          key,
          "a number "
              + (min == Double.MIN_VALUE ? "over 0, up to " : "from " + min + " to ")
              + max);
    }
    return value;
  }

  /** True or false, or {@code absent}. */
  public boolean bool(String key, boolean absent) {
    Boolean value = typed(key, Boolean.class, "true or false");
    return value == null ? absent : value;
  }

  /** A list of strings, or null where it is absent. */
  @SuppressWarnings("unchecked") // the only lists the reader makes
  public @Nullable List<String> optionalStrings(String key) {
    return (List<String>) typed(key, List.class, "a list of strings");
  }

  /** A list of integers, or null where it is absent. */
  public long @Nullable [] optionalIntegers(String key) {
    long[] value = typed(key, long[].class, "a list of integers");
    return value == null ? null : value.clone();
  }

  /** The complaint about a value: what it is and what is allowed. */
  public InvalidModelException invalid(String key, String expected) {
    return new InvalidModelException(
        "%s: %s is %s, expected %s".formatted(source, Quote.of(key), show(key), expected));
  }

  private <T> @Nullable T typed(String key, Class<T> type, String expected) {
    Object value = values.get(key);
    if (value == null) {
      return null;
    }
    if (!type.isInstance(value)) {
      throw invalid(key, expected);
    }
    return type.cast(value);
  }

  private String show(String key) {
    Object value = values.get(key);
    if (value == null) {
      return "missing";
    }
    if (value instanceof List<?> list) {
      return "a list of " + list.size() + " strings";
    }
    if (value instanceof long[] list) {
      return "a list of " + list.length + " integers";
    }
    if (value instanceof double[] list) {
      return "a list of " + list.length + " numbers";
    }
    return Quote.of(String.valueOf(value));
  }
}
