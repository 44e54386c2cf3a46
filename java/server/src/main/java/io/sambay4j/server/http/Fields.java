package io.sambay4j.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.json.Quote;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Typed access to the fields of one JSON object of a request. A field that is {@code null} counts
 * as absent. Whatever is wrong is an {@link ApiException} (400) that names the field by its path,
 * what was found and what is allowed. {@link #finish} refuses fields that nobody asked for.
 */
public final class Fields {
  private final ObjectNode object;
  private final String path; // of the object: empty for the body
  private final Set<String> known = new HashSet<>();

  /** The fields of a body. */
  public Fields(ObjectNode object) {
    this(object, "");
  }

  private Fields(ObjectNode object, String path) {
    this.object = object;
    this.path = path;
  }

  /** Path of a field, for messages. */
  public String path(String field) {
    return path.isEmpty() ? field : path + "." + field;
  }

  /** The value of a field, or null where it is absent or null. */
  public @Nullable JsonNode node(String field) {
    known.add(field);
    JsonNode value = object.get(field);
    return value == null || value.isNull() ? null : value;
  }

  /** Whether a field is there and not null. */
  public boolean has(String field) {
    return node(field) != null;
  }

  /** A text, or null. */
  public @Nullable String string(String field) {
    JsonNode value = node(field);
    if (value == null) {
      return null;
    }
    if (!value.isTextual()) {
      throw wrongType(field, value, "a string");
    }
    return checked(path(field), value.textValue());
  }

  /** A text of at most so many characters, or null. */
  public @Nullable String string(String field, int maxLength) {
    String value = string(field);
    if (value != null && value.length() > maxLength) {
      throw ApiException.field(
          path(field),
          "string_above_max_length",
          "%s must have at most %d characters but has %d"
              .formatted(path(field), maxLength, value.length()));
    }
    return value;
  }

  /** A text that must be there. */
  public String requiredString(String field) {
    String value = string(field);
    if (value == null) {
      throw missing(field);
    }
    return value;
  }

  /** One of a few words, or what counts where the field is absent. */
  public String oneOf(String field, String absent, String... allowed) {
    String value = string(field);
    if (value == null) {
      return absent;
    }
    if (!Arrays.asList(allowed).contains(value)) {
      throw invalid(field, Quote.of(value), "one of " + String.join(", ", allowed));
    }
    return value;
  }

  /** A truth value. */
  public boolean bool(String field, boolean absent) {
    Boolean value = optionalBool(field);
    return value == null ? absent : value;
  }

  /** A truth value, or null. */
  public @Nullable Boolean optionalBool(String field) {
    JsonNode value = node(field);
    if (value == null) {
      return null;
    }
    if (!value.isBoolean()) {
      throw wrongType(field, value, "true or false");
    }
    return value.booleanValue();
  }

  /** A number in [min, max], or null. */
  public @Nullable Double number(String field, double min, double max) {
    JsonNode value = node(field);
    return value == null ? null : number(path(field), value, min, max);
  }

  /** A whole number in [min, max], or null. */
  public @Nullable Integer integer(String field, int min, int max) {
    Long value = longInteger(field, min, max);
    return value == null ? null : value.intValue();
  }

  /** A whole number in [min, max], or what counts where the field is absent. */
  public int integer(String field, int absent, int min, int max) {
    Integer value = integer(field, min, max);
    return value == null ? absent : value;
  }

  /** A whole number in [min, max], or null. */
  public @Nullable Long longInteger(String field, long min, long max) {
    JsonNode value = node(field);
    return value == null ? null : wholeNumber(path(field), value, min, max);
  }

  /** The fields of an inner object, or null. */
  public @Nullable Fields object(String field) {
    JsonNode value = node(field);
    return value == null ? null : objectAt(path(field), value);
  }

  /** The fields of an inner object that must be there. */
  public Fields requiredObject(String field) {
    Fields value = object(field);
    if (value == null) {
      throw missing(field);
    }
    return value;
  }

  /** The elements of an array, none where the field is absent. */
  public List<JsonNode> array(String field, int maxSize) {
    JsonNode value = node(field);
    if (value == null) {
      return List.of();
    }
    if (!value.isArray()) {
      throw wrongType(field, value, "an array");
    }
    if (value.size() > maxSize) {
      throw ApiException.field(
          path(field),
          "array_above_max_length",
          "%s must have at most %d elements but has %d"
              .formatted(path(field), maxSize, value.size()));
    }
    List<JsonNode> elements = new ArrayList<>(value.size());
    value.forEach(elements::add);
    return elements;
  }

  /** The fields of each object of an array, none where the field is absent. */
  public List<Fields> objects(String field, int maxSize) {
    List<Fields> objects = new ArrayList<>();
    List<JsonNode> elements = array(field, maxSize);
    for (int i = 0; i < elements.size(); i++) {
      objects.add(objectAt(element(field, i), elements.get(i)));
    }
    return objects;
  }

  /** A text or an array of texts; none where the field is absent. */
  public List<String> strings(String field, int maxSize) {
    JsonNode value = node(field);
    if (value == null) {
      return List.of();
    }
    if (value.isTextual()) {
      return List.of(checked(path(field), value.textValue()));
    }
    if (!value.isArray()) {
      throw wrongType(field, value, "a string or an array of strings");
    }
    List<String> texts = new ArrayList<>();
    List<JsonNode> elements = array(field, maxSize);
    for (int i = 0; i < elements.size(); i++) {
      texts.add(text(element(field, i), elements.get(i)));
    }
    return texts;
  }

  /** A text at a path. */
  public static String text(String path, JsonNode value) {
    if (!value.isTextual()) {
      throw wrongTypeAt(path, value, "a string");
    }
    return checked(path, value.textValue());
  }

  /** Fields of an object at a path. */
  public static Fields objectAt(String path, JsonNode value) {
    if (value instanceof ObjectNode inner) {
      return new Fields(inner, path);
    }
    throw wrongTypeAt(path, value, "an object");
  }

  /** Names and values of an inner object whose names are data; empty where the field is absent. */
  public Map<String, JsonNode> map(String field, int maxSize) {
    JsonNode value = node(field);
    if (value == null) {
      return Map.of();
    }
    if (!value.isObject()) {
      throw wrongType(field, value, "an object");
    }
    if (value.size() > maxSize) {
      throw ApiException.field(
          path(field),
          "object_above_max_properties",
          "%s must have at most %d entries but has %d"
              .formatted(path(field), maxSize, value.size()));
    }
    Map<String, JsonNode> entries = new LinkedHashMap<>();
    value.properties().forEach(entry -> entries.put(entry.getKey(), entry.getValue()));
    return entries;
  }

  /** A number at a path, in [min, max]. */
  public static double number(String path, JsonNode value, double min, double max) {
    if (!value.isNumber()) {
      throw wrongTypeAt(path, value, range(min, max));
    }
    double number = value.doubleValue();
    if (!(number >= min && number <= max)) {
      throw outside(path, value, range(min, max));
    }
    return number;
  }

  /** A whole number at a path, in [min, max]. */
  public static long wholeNumber(String path, JsonNode value, long min, long max) {
    String allowed = "a whole number in [%d, %d]".formatted(min, max);
    if (!value.isNumber()) {
      throw wrongTypeAt(path, value, allowed);
    }
    if (!value.canConvertToExactIntegral()) {
      throw outside(path, value, allowed);
    }
    if (!value.canConvertToLong() || value.longValue() < min || value.longValue() > max) {
      throw outside(path, value, allowed);
    }
    return value.longValue();
  }

  /** Path of an element of an array. */
  public String element(String field, int index) {
    return path(field) + "[" + index + "]";
  }

  /** Says that these fields are known and change nothing here. */
  public void ignore(String... fields) {
    known.addAll(Arrays.asList(fields));
  }

  /** Refuses a field that, if it is there, would have to change the answer and cannot. */
  public void unsupported(String field, String why) {
    if (has(field)) {
      throw ApiException.field(
          path(field), "unsupported_parameter", path(field) + " is not supported: " + why);
    }
  }

  /** Refuses whatever is there that nobody has asked for. */
  public void finish() {
    object
        .fieldNames()
        .forEachRemaining(
            name -> {
              if (!known.contains(name)) {
                throw ApiException.field(
                    path(shown(name)),
                    "unknown_parameter",
                    "%s is not a field that is known here; known are %s"
                        .formatted(Quote.of(path(name)), String.join(", ", new TreeSet<>(known))));
              }
            });
  }

  /** A field that must be there and is not. */
  public ApiException missing(String field) {
    return ApiException.field(
        path(field), "missing_required_parameter", path(field) + " is missing");
  }

  /** A value that is not among those allowed. */
  public ApiException invalid(String field, String found, String allowed) {
    return ApiException.field(
        path(field),
        "invalid_value",
        "%s must be %s but is %s".formatted(path(field), allowed, found));
  }

  /** A value of the wrong type. */
  public ApiException wrongType(String field, JsonNode found, String allowed) {
    return wrongTypeAt(path(field), found, allowed);
  }

  /** A value of the wrong type at a path. */
  public static ApiException wrongTypeAt(String path, JsonNode found, String allowed) {
    return ApiException.field(
        path, "invalid_type", "%s must be %s but is %s".formatted(path, allowed, kind(found)));
  }

  private static ApiException outside(String path, JsonNode found, String allowed) {
    return ApiException.field(
        path,
        "invalid_value",
        "%s must be %s but is %s".formatted(path, allowed, shown(found.asText())));
  }

  /** What a value is, in words. */
  static String kind(JsonNode value) {
    return switch (value.getNodeType()) {
      case ARRAY -> "an array";
      case OBJECT -> "an object";
      case STRING -> "the string " + Quote.of(value.textValue());
      case NUMBER -> "the number " + shown(value.asText());
      case BOOLEAN -> value.asText();
      case NULL -> "null";
      default -> "nothing";
    };
  }

  /** Half a surrogate pair is no character; an encoder would silently put another in its place. */
  private static String checked(String path, String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        throw ApiException.field(
            path,
            "invalid_value",
            "%s has half a surrogate pair (\\u%04x) at character %d, which is no Unicode text"
                .formatted(path, (int) c, i));
      }
    }
    return text;
  }

  private static String shown(String text) {
    return text.length() > 60 ? text.substring(0, 60) + "..." : text;
  }

  private static String range(double min, double max) {
    return "a number in [%s, %s]".formatted(shownNumber(min), shownNumber(max));
  }

  private static String shownNumber(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
