package io.sambay4j.json;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.InvalidModelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Typed access to the fields of one JSON object of a model directory. A field that is {@code null}
 * counts as absent; a value of the wrong type or outside its range is an {@link
 * InvalidModelException} with file, field, value and range. Fields of inner objects are named by
 * their path, {@code a.b[3].c}.
 */
public final class JsonFields {
  /** A name, or an element of an array, that needs no quotes in a path. */
  private static final Pattern PLAIN = Pattern.compile("\\w{1,64}(\\[\\d+])*");

  private final ObjectNode object;
  private final String source;
  private final String path; // of the object: empty for a whole file

  /**
   * Wraps an object.
   *
   * @param source names the file in messages
   */
  public JsonFields(ObjectNode object, String source) {
    this(object, source, "");
  }

  private JsonFields(ObjectNode object, String source, String path) {
    this.object = object;
    this.source = source;
    this.path = path;
  }

  /** The fields of a file, read as {@link StrictJson#readObject} does. */
  public static JsonFields read(Path file, int maxBytes) {
    return new JsonFields(StrictJson.readObject(file, maxBytes), file.toString());
  }

  /** The names of all fields, in the order of the file. */
  public Set<String> names() {
    Set<String> names = new LinkedHashSet<>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }

  /** File and path of a field, for messages. */
  public String where(String field) {
    return source + ": " + path(field);
  }

  /** Whether the field is there and not {@code null}. */
  public boolean has(String field) {
    return object.hasNonNull(field);
  }

  /** The field's value as parsed, or null where it is absent. */
  public @Nullable JsonNode node(String field) {
    JsonNode node = object.get(field);
    return node == null || node.isNull() ? null : node;
  }

  /** An object that must be there. */
  public JsonFields object(String field) {
    return fields(field, required(field, "an object"));
  }

  /** An object, or null where it is absent. */
  public @Nullable JsonFields optionalObject(String field) {
    JsonNode node = node(field);
    return node == null ? null : fields(field, node);
  }

  /** An array of anything that must be there. */
  public JsonNode array(String field) {
    JsonNode node = required(field, "an array");
    if (!node.isArray()) {
      throw invalid(field, "an array");
    }
    return node;
  }

  /** An array of objects that must be there. */
  public List<JsonFields> objects(String field) {
    List<JsonFields> objects = new ArrayList<>();
    for (JsonNode element : array(field)) {
      objects.add(fields(field + "[" + objects.size() + "]", element));
    }
    return objects;
  }

  /** A string that must be there. */
  public String string(String field) {
    required(field, "a string");
    return Objects.requireNonNull(optionalString(field));
  }

  /** An integer that must be there. */
  public int integer(String field, int min, int max) {
    return toInt(field, required(field, "an integer from " + min + " to " + max), min, max);
  }

  /** An integer, or {@code absent}. */
  public int integer(String field, int absent, int min, int max) {
    JsonNode node = node(field);
    return node == null ? absent : toInt(field, node, min, max);
  }

  /** An integer, or null where it is absent. */
  public @Nullable Integer optionalInteger(String field, int min, int max) {
    JsonNode node = node(field);
    return node == null ? null : toInt(field, node, min, max);
  }

  /** A finite number, or null where it is absent. */
  public @Nullable Double optionalNumber(String field, double min, double max) {
    JsonNode node = node(field);
    if (node == null) {
      return null;
    }
    double value = node.isNumber() ? node.doubleValue() : Double.NaN;
    if (!(value >= min && value <= max)) { // false for NaN
      throw invalid(
          field,
          "a number "
              + (min == Double.MIN_VALUE ? "over 0, up to " : "from " + min + " to ")
              + max);
    }
    return value;
  }

  /** A finite number, or {@code absent}. */
  public double number(String field, double absent, double min, double max) {
    Double value = optionalNumber(field, min, max);
    return value == null ? absent : value;
  }

  /** True or false, or null where it is absent. */
  public @Nullable Boolean optionalBoolean(String field) {
    JsonNode node = node(field);
    if (node == null) {
      return null;
    }
    if (!node.isBoolean()) {
      throw invalid(field, "true or false");
    }
    return node.booleanValue();
  }

  /** True or false, or {@code absent}. */
  public boolean bool(String field, boolean absent) {
    Boolean value = optionalBoolean(field);
    return value == null ? absent : value;
  }

  /** A string, or null where it is absent. */
  public @Nullable String optionalString(String field) {
    JsonNode node = node(field);
    if (node == null) {
      return null;
    }
    if (!node.isTextual()) {
      throw invalid(field, "a string");
    }
    return node.textValue();
  }

  /** Token ids written as one integer or as a list of them; empty where the field is absent. */
  public List<Integer> tokenIds(String field, int max) {
    JsonNode node = node(field);
    if (node == null) {
      return List.of();
    }
    if (!node.isArray()) {
      return List.of(toInt(field, node, 0, max));
    }
    List<Integer> ids = new ArrayList<>();
    for (JsonNode element : node) {
      ids.add(toInt(field, element, 0, max));
    }
    return List.copyOf(ids);
  }

  /** The complaint about a field: its value and what is allowed. */
  public InvalidModelException invalid(String field, String allowed) {
    return invalid(field, object.get(field), allowed);
  }

  /** The complaint about a part of a field, such as the element {@code a[3]}. */
  public InvalidModelException invalid(String part, @Nullable JsonNode found, String allowed) {
    return new InvalidModelException(
        where(part) + " is " + (found == null ? "missing" : show(found)) + ", expected " + allowed);
  }

  private String path(String field) {
    if (!PLAIN.matcher(field).matches()) {
      return path + "[" + Quote.of(field) + "]";
    }
    return path.isEmpty() ? field : path + "." + field;
  }

  private JsonFields fields(String field, JsonNode node) {
    if (node instanceof ObjectNode inner) {
      return new JsonFields(inner, source, path(field));
    }
    throw invalid(field, node, "an object");
  }

  private JsonNode required(String field, String allowed) {
    JsonNode node = node(field);
    if (node == null) {
      throw invalid(field, allowed);
    }
    return node;
  }

  private int toInt(String field, JsonNode node, int min, int max) {
    if (!node.isIntegralNumber()
        || !node.canConvertToInt()
        || node.intValue() < min
        || node.intValue() > max) {
      throw invalid(field, "an integer from " + min + " to " + max);
    }
    return node.intValue();
  }

  /** The value as JSON; large containers by their kind alone. */
  private static String show(JsonNode node) {
    if (node.isContainerNode()) {
      String text = node.size() <= 64 ? node.toString() : "";
      return node.getNodeType()
          + " of "
          + node.size()
          + (text.isEmpty() ? "" : " " + Quote.of(text));
    }
    return Quote.of(node.toString());
  }
}
