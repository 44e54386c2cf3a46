package io.sambay4j.structured;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Makes one schema of several that hold at once, where that is simple. */
final class SchemaMerge {
  private static final Set<String> LOWER_BOUNDS =
      Set.of("minLength", "minItems", "minimum", "exclusiveMinimum");
  private static final Set<String> UPPER_BOUNDS =
      Set.of("maxLength", "maxItems", "maximum", "exclusiveMaximum");
  private static final int MAX_REFERENCES = 64;

  private SchemaMerge() {}

  /** One schema that says what all of {@code allOf} and the keywords beside it say. */
  static ObjectNode allOf(ObjectNode schema, String path, SchemaCompiler compiler) {
    JsonNode parts = schema.path("allOf");
    if (!parts.isArray() || parts.isEmpty()) {
      throw SchemaCompiler.error(path, "allOf must be a list with at least one element");
    }
    ObjectNode merged = without(schema, "allOf");
    for (int i = 0; i < parts.size(); i++) {
      merged = merge(merged, parts.get(i), path + "/allOf/" + i, compiler);
    }
    return merged;
  }

  /** A schema without one keyword and without annotations. */
  static ObjectNode without(ObjectNode schema, String keyword) {
    ObjectNode rest = JsonNodeFactory.instance.objectNode();
    for (Map.Entry<String, JsonNode> entry : schema.properties()) {
      if (!entry.getKey().equals(keyword) && !SchemaCompiler.isAnnotation(entry.getKey())) {
        rest.set(entry.getKey(), entry.getValue());
      }
    }
    return rest;
  }

  /**
   * One schema that says what both say.
   *
   * @throws GrammarException if a keyword of both cannot be made one
   */
  static ObjectNode merge(ObjectNode a, JsonNode other, String path, SchemaCompiler compiler) {
    ObjectNode b = followed(other, path, compiler);
    ObjectNode merged = JsonNodeFactory.instance.objectNode();
    merged.setAll(a);
    for (Map.Entry<String, JsonNode> entry : b.properties()) {
      JsonNode mine = merged.get(entry.getKey());
      merged.set(
          entry.getKey(),
          mine == null || mine.equals(entry.getValue())
              ? entry.getValue()
              : mergeKeyword(entry.getKey(), mine, entry.getValue(), path));
    }
    boolean closed = a.has("additionalProperties") || b.has("additionalProperties");
    if (closed && a.has("properties") && b.has("properties")) {
      throw SchemaCompiler.error(
          path,
          "schemas that hold at once cannot both have properties where one has additionalProperties");
    }
    return merged;
  }

  /** The keywords of a schema, references replaced by what they name. */
  private static ObjectNode followed(JsonNode schema, String path, SchemaCompiler compiler) {
    JsonNode found = schema;
    for (int i = 0; found.has("$ref"); i++) {
      ObjectNode reference = without((ObjectNode) found, "");
      if (reference.size() > 1) {
        throw SchemaCompiler.error(path, "$ref beside other keywords is not supported here");
      }
      if (i == MAX_REFERENCES) {
        throw SchemaCompiler.error(path, "$ref leads on too many times");
      }
      found = compiler.resolve(reference, path);
    }
    if (found.isBoolean() && found.booleanValue()) {
      return JsonNodeFactory.instance.objectNode();
    }
    if (!(found instanceof ObjectNode object)) {
      throw SchemaCompiler.error(
          path, "a schema is an object, but here is " + SchemaCompiler.show(found));
    }
    return without(object, "");
  }

  private static JsonNode mergeKeyword(String keyword, JsonNode a, JsonNode b, String path) {
    if (keyword.equals("type")) {
      return types(a, b, path);
    }
    if (keyword.equals("required") && a.isArray() && b.isArray()) {
      Set<JsonNode> names = new LinkedHashSet<>();
      a.forEach(names::add);
      b.forEach(names::add);
      return JsonNodeFactory.instance.arrayNode().addAll(names);
    }
    if (keyword.equals("properties") && a.isObject() && b.isObject()) {
      ObjectNode both = JsonNodeFactory.instance.objectNode();
      both.setAll((ObjectNode) a);
      b.properties()
          .forEach(
              entry -> both.set(entry.getKey(), both(a.get(entry.getKey()), entry.getValue())));
      return both;
    }
    if (a.isNumber() && b.isNumber() && LOWER_BOUNDS.contains(keyword)) {
      return a.decimalValue().compareTo(b.decimalValue()) >= 0 ? a : b;
    }
    if (a.isNumber() && b.isNumber() && UPPER_BOUNDS.contains(keyword)) {
      return a.decimalValue().compareTo(b.decimalValue()) <= 0 ? a : b;
    }
    throw SchemaCompiler.error(
        path,
        "two schemas that hold at once both have %s, which is not supported".formatted(keyword));
  }

  /** A property that two schemas describe. */
  private static JsonNode both(@Nullable JsonNode a, JsonNode b) {
    if (a == null || a.equals(b)) {
      return b;
    }
    ObjectNode schema = JsonNodeFactory.instance.objectNode();
    schema.putArray("allOf").add(a).add(b);
    return schema;
  }

  private static JsonNode types(JsonNode a, JsonNode b, String path) {
    ArrayNode common = JsonNodeFactory.instance.arrayNode();
    for (JsonNode type : a.isArray() ? a : JsonNodeFactory.instance.arrayNode().add(a)) {
      for (JsonNode other : b.isArray() ? b : JsonNodeFactory.instance.arrayNode().add(b)) {
        if (type.equals(other) || (isInteger(type) && isNumber(other))) {
          common.add(type);
        } else if (isNumber(type) && isInteger(other)) {
          common.add(other);
        }
      }
    }
    if (common.isEmpty()) {
      throw SchemaCompiler.error(path, "two schemas that hold at once have no type in common");
    }
    return common;
  }

  private static boolean isInteger(JsonNode type) {
    return type.asText().equals("integer");
  }

  private static boolean isNumber(JsonNode type) {
    return type.asText().equals("number");
  }
}
