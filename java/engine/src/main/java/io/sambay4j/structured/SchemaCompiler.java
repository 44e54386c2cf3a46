package io.sambay4j.structured;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.json.Quote;
import java.math.BigDecimal;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Turns a JSON schema into rules. What is supported, and what each keyword does, is said in
 * docs/structured-output.md; anything else is refused by name.
 */
final class SchemaCompiler {
  private static final Set<String> ANNOTATIONS =
      Set.of(
          "title",
          "description",
          "default",
          "examples",
          "example",
          "deprecated",
          "readOnly",
          "writeOnly",
          "$comment",
          "$schema",
          "$id",
          "$defs",
          "definitions",
          "$anchor");
  private static final Set<String> ANY_TYPE =
      Set.of("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref");
  private static final Map<String, List<String>> OF_TYPE =
      Map.of(
          "string", List.of("minLength", "maxLength", "pattern", "format"),
          "number", List.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
          "array", List.of("items", "prefixItems", "minItems", "maxItems"),
          "object", List.of("properties", "required", "additionalProperties"));
  private static final List<String> TYPES =
      List.of("object", "array", "string", "number", "integer", "boolean", "null");

  /** A bound with more digits than this is refused. */
  private static final BigDecimal LARGEST_BOUND = BigDecimal.TEN.pow(18);

  private static final Set<String> NUMBER_FORMATS = Set.of("int32", "int64", "float", "double");

  /** A rule whose schema is still to be read. */
  private record Pending(int rule, JsonNode schema, String path) {}

  private final JsonNode root;
  private final Rules rules;
  private final JsonText json;
  private final Deque<Pending> pending = new ArrayDeque<>();

  private SchemaCompiler(JsonNode root, Rules rules) {
    this.root = root;
    this.rules = rules;
    this.json = new JsonText(rules);
  }

  /** Adds the rules of a schema; returns the number of the first. */
  static int add(JsonNode schema, Rules rules) {
    SchemaCompiler compiler = new SchemaCompiler(schema, rules);
    int rule = compiler.rule(schema, "#");
    while (!compiler.pending.isEmpty()) {
      Pending next = compiler.pending.remove();
      rules.define(next.rule, compiler.body(next.schema, next.path));
    }
    return rule;
  }

  JsonText json() {
    return json;
  }

  /** A value of a schema, as a rule of its own; equal schemas share one. */
  Part value(JsonNode schema, String path) {
    return Part.call(rule(schema, path));
  }

  private int rule(JsonNode schema, String path) {
    // Schemas of two documents may be equal and yet refer to different definitions.
    List<Object> key = List.of(this, schema);
    return rules.sharedLater(
        key, "the schema at " + path, rule -> pending.add(new Pending(rule, schema, path)));
  }

  private Part body(JsonNode schema, String path) {
    if (schema.isBoolean()) {
      if (!schema.booleanValue()) {
        throw error(path, "the schema false allows no value");
      }
      return json.value();
    }
    if (!(schema instanceof ObjectNode object)) {
      throw error(path, "a schema is an object, true or false, but here is " + show(schema));
    }
    checkKeywords(object, path);
    if (object.has("$ref")) {
      return reference(object, path);
    }
    if (object.has("allOf")) {
      return value(SchemaMerge.allOf(object, path, this), path);
    }
    if (object.has("anyOf") || object.has("oneOf")) {
      return alternatives(object, path);
    }
    if (object.has("const") || object.has("enum")) {
      return constants(object, path);
    }
    if (SchemaMerge.without(object, "").isEmpty()) {
      return json.value();
    }
    List<Part> parts = new ArrayList<>();
    Set<String> types = types(object, path);
    for (String type : types) {
      if (!(type.equals("integer") && types.contains("number"))) {
        parts.add(typed(type, object, path));
      }
    }
    return Part.anyOf(parts);
  }

  // Keywords.

  private static void checkKeywords(ObjectNode schema, String path) {
    schema
        .fieldNames()
        .forEachRemaining(
            keyword -> {
              boolean known =
                  ANNOTATIONS.contains(keyword)
                      || keyword.startsWith("x-")
                      || ANY_TYPE.contains(keyword)
                      || OF_TYPE.values().stream().anyMatch(list -> list.contains(keyword))
                      || (keyword.equals("uniqueItems")
                          && schema
                              .path(keyword)
                              .equals(JsonNodeFactory.instance.booleanNode(false)));
              if (!known) {
                throw error(path, "the keyword %s is not supported".formatted(Quote.of(keyword)));
              }
            });
  }

  static boolean isAnnotation(String keyword) {
    return ANNOTATIONS.contains(keyword) || keyword.startsWith("x-");
  }

  /** Refuses keywords beside one that says all there is to say. */
  private static void checkAlone(ObjectNode schema, String path, String... keywords) {
    List<String> expected = Arrays.asList(keywords);
    schema
        .fieldNames()
        .forEachRemaining(
            name -> {
              if (!expected.contains(name) && !isAnnotation(name)) {
                throw error(
                    path,
                    "the keyword %s is not supported beside %s".formatted(name, expected.get(0)));
              }
            });
  }

  private static Set<String> types(ObjectNode schema, String path) {
    Set<String> types = new LinkedHashSet<>();
    JsonNode type = schema.get("type");
    if (type == null) {
      OF_TYPE.forEach(
          (name, keywords) -> {
            if (keywords.stream().anyMatch(schema::has)) {
              types.add(name);
            }
          });
      return types.isEmpty() ? new LinkedHashSet<>(TYPES) : types;
    }
    for (JsonNode name : type.isArray() ? type : List.of(type)) {
      if (!name.isTextual() || !TYPES.contains(name.textValue())) {
        throw error(path, "type must be one of %s but is %s".formatted(TYPES, show(name)));
      }
      types.add(name.textValue());
    }
    if (types.isEmpty()) {
      throw error(path, "type is an empty list, so no value is allowed");
    }
    return types;
  }

  // References and combinations.

  private Part reference(ObjectNode schema, String path) {
    checkAlone(schema, path, "$ref");
    String reference = schema.path("$ref").asText();
    return value(resolve(schema, path), reference);
  }

  /** The schema that {@code $ref} names. */
  JsonNode resolve(ObjectNode schema, String path) {
    JsonNode name = schema.path("$ref");
    String reference = name.isTextual() ? name.textValue() : "";
    if (!reference.equals("#") && !reference.startsWith("#/")) {
      throw error(
          path, "$ref must point into the same schema, as #/$defs/name does, but is " + show(name));
    }
    JsonNode target = root;
    for (String step :
        reference.equals("#") ? new String[0] : reference.substring(2).split("/", -1)) {
      String key = percentDecoded(step).replace("~1", "/").replace("~0", "~");
      target = target.isArray() ? element(target, key) : target.path(key);
    }
    if (target.isMissingNode()) {
      throw error(path, "$ref %s points to nothing".formatted(Quote.of(reference)));
    }
    return target;
  }

  private static JsonNode element(JsonNode array, String index) {
    return index.matches("\\d{1,6}")
        ? array.path(Integer.parseInt(index))
        : JsonNodeFactory.instance.missingNode();
  }

  private static String percentDecoded(String step) {
    return step.contains("%25") || step.contains("%24") || step.contains("%20")
        ? step.replace("%24", "$").replace("%20", " ").replace("%25", "%")
        : step;
  }

  private Part alternatives(ObjectNode schema, String path) {
    if (schema.has("anyOf") && schema.has("oneOf")) {
      throw error(path, "anyOf beside oneOf is not supported");
    }
    String keyword = schema.has("anyOf") ? "anyOf" : "oneOf";
    JsonNode branches = nonEmptyArray(schema, keyword, path);
    ObjectNode base = SchemaMerge.without(schema, keyword);
    List<Part> parts = new ArrayList<>();
    for (int i = 0; i < branches.size(); i++) {
      String place = path + "/" + keyword + "/" + i;
      JsonNode branch =
          base.isEmpty() ? branches.get(i) : SchemaMerge.merge(base, branches.get(i), place, this);
      parts.add(value(branch, place));
    }
    return Part.anyOf(parts);
  }

  private Part constants(ObjectNode schema, String path) {
    checkAlone(schema, path, schema.has("const") ? "const" : "enum", "type");
    Set<String> types = types(schema, path);
    List<Part> parts = new ArrayList<>();
    JsonNode values =
        schema.has("const")
            ? JsonNodeFactory.instance.arrayNode().add(schema.get("const"))
            : nonEmptyArray(schema, "enum", path);
    for (JsonNode value : values) {
      if (types.stream().anyMatch(type -> isOfType(value, type))) {
        parts.add(inPlace(path, () -> json.constant(value)));
      }
    }
    if (parts.isEmpty()) {
      throw error(path, "no value of enum or const is of the type " + types);
    }
    return Part.anyOf(parts);
  }

  private static boolean isOfType(JsonNode value, String type) {
    return switch (type) {
      case "object" -> value.isObject();
      case "array" -> value.isArray();
      case "string" -> value.isTextual();
      case "boolean" -> value.isBoolean();
      case "null" -> value.isNull();
      case "number" -> value.isNumber();
      default -> value.isNumber() && (value.isIntegralNumber() || value.doubleValue() % 1 == 0);
    };
  }

  // Types.

  private Part typed(String type, ObjectNode schema, String path) {
    return switch (type) {
      case "object" -> new SchemaObject(this, schema, path).body();
      case "array" -> array(schema, path);
      case "string" -> string(schema, path);
      case "number" -> number(schema, path);
      case "integer" -> {
        checkNumberFormat(schema, path);
        yield Numbers.integers(
            bound(schema, "minimum", "exclusiveMinimum", path),
            bound(schema, "maximum", "exclusiveMaximum", path));
      }
      case "boolean" -> Part.anyOf(Part.literal("true"), Part.literal("false"));
      default -> Part.literal("null");
    };
  }

  private Part number(ObjectNode schema, String path) {
    checkNumberFormat(schema, path);
    Numbers.Bound min = bound(schema, "minimum", "exclusiveMinimum", path);
    Numbers.Bound max = bound(schema, "maximum", "exclusiveMaximum", path);
    return min == null && max == null ? Numbers.number() : Numbers.between(min, max);
  }

  private static void checkNumberFormat(ObjectNode schema, String path) {
    JsonNode format = schema.path("format");
    if (!format.isMissingNode()
        && !NUMBER_FORMATS.contains(format.asText())
        && Formats.expression(format.asText()) == null) {
      throw error(path, "format %s of a number is not supported".formatted(show(format)));
    }
  }

  /** The stricter of two bounds; null where there is none. */
  private static Numbers.@Nullable Bound bound(
      ObjectNode schema, String including, String excluding, String path) {
    BigDecimal closed = boundValue(schema, including, path);
    BigDecimal open = boundValue(schema, excluding, path);
    if (open == null) {
      return closed == null ? null : new Numbers.Bound(closed, false);
    }
    int sign = including.equals("minimum") ? 1 : -1;
    return closed != null && closed.compareTo(open) * sign > 0
        ? new Numbers.Bound(closed, false)
        : new Numbers.Bound(open, true);
  }

  private static @Nullable BigDecimal boundValue(ObjectNode schema, String keyword, String path) {
    JsonNode node = schema.get(keyword);
    if (node == null) {
      return null;
    }
    boolean usable =
        node.isNumber()
            && Double.isFinite(node.doubleValue())
            && Math.abs(node.doubleValue()) <= 2e18;
    BigDecimal value = usable ? node.decimalValue().stripTrailingZeros() : BigDecimal.ZERO;
    if (!usable || value.abs().compareTo(LARGEST_BOUND) > 0 || value.scale() > Numbers.MAX_DIGITS) {
      throw error(
          path,
          "%s must be a number from -1e18 to 1e18 with at most %d digits after the point but is %s"
              .formatted(keyword, Numbers.MAX_DIGITS, show(node)));
    }
    return value;
  }

  private Part string(ObjectNode schema, String path) {
    boolean counted = schema.has("minLength") || schema.has("maxLength");
    JsonNode pattern = schema.path("pattern");
    JsonNode format = schema.path("format");
    int kinds =
        (counted ? 1 : 0) + (pattern.isMissingNode() ? 0 : 1) + (format.isMissingNode() ? 0 : 1);
    if (kinds > 1) {
      throw error(path, "minLength or maxLength, pattern and format cannot be combined");
    }
    if (counted) {
      int min = count(schema, "minLength", 0, path);
      int max = count(schema, "maxLength", Part.UNLIMITED, path);
      checkOrder(min, max, "minLength", "maxLength", path);
      return JsonText.quoted(Part.repeat(JsonText.character(CodePoints.ALL), min, max));
    }
    if (!pattern.isMissingNode()) {
      checkText(pattern, "pattern", path);
      return JsonText.quoted(
          RegexParser.anywhere(path + "/pattern", pattern.textValue(), JsonText::character));
    }
    if (!format.isMissingNode()) {
      String expression = Formats.expression(format.asText());
      if (expression == null) {
        throw error(
            path, "format %s is not supported, only %s".formatted(show(format), Formats.names()));
      }
      return JsonText.quoted(RegexParser.whole(path + "/format", expression, JsonText::character));
    }
    return json.string();
  }

  private Part array(ObjectNode schema, String path) {
    int min = count(schema, "minItems", 0, path);
    int max = count(schema, "maxItems", Part.UNLIMITED, path);
    checkOrder(min, max, "minItems", "maxItems", path);
    JsonNode items = schema.path("items");
    if (items.isArray()) {
      throw error(path, "items as a list is the older form of prefixItems, which is supported");
    }
    boolean closed = items.isBoolean() && !items.booleanValue();
    Part element = items.isMissingNode() || closed ? json.value() : value(items, path + "/items");
    if (!schema.has("prefixItems")) {
      if (closed && min > 0) {
        throw error(path, "items is false, but minItems asks for elements");
      }
      return json.list("[", element, min, closed ? 0 : max, "]");
    }
    JsonNode prefix = nonEmptyArray(schema, "prefixItems", path);
    int least = Math.max(min, Math.min(prefix.size(), max < 0 ? prefix.size() : max));
    return tuple(prefix, element, least, closed ? prefix.size() : max, path);
  }

  /** The prefix as far as the maximum lets it, then further elements. */
  private Part tuple(JsonNode prefix, Part element, int min, int max, String path) {
    List<Part> parts = new ArrayList<>(List.of(Part.literal("["), json.space()));
    int fixed = max == Part.UNLIMITED ? prefix.size() : Math.min(prefix.size(), max);
    for (int i = 0; i < fixed; i++) {
      parts.add(i == 0 ? Part.NOTHING : json.comma());
      parts.add(value(prefix.get(i), path + "/prefixItems/" + i));
    }
    if (min > fixed && max != Part.UNLIMITED && max <= fixed) {
      throw error(path, "minItems asks for more elements than there may be");
    }
    parts.add(
        Part.repeat(
            Part.sequence(json.comma(), element),
            Math.max(0, min - fixed),
            max == Part.UNLIMITED ? max : max - fixed));
    parts.add(fixed == 0 ? Part.NOTHING : json.space());
    parts.add(Part.literal("]"));
    return Part.sequence(parts);
  }

  // Checks.

  private static int count(ObjectNode schema, String keyword, int absent, String path) {
    JsonNode node = schema.get(keyword);
    if (node == null) {
      return absent;
    }
    if (!node.isIntegralNumber()
        || !node.canConvertToInt()
        || node.intValue() < 0
        || node.intValue() > Budget.MAX_REPETITIONS) {
      throw error(
          path,
          "%s must be an integer from 0 to %d but is %s"
              .formatted(keyword, Budget.MAX_REPETITIONS, show(node)));
    }
    return node.intValue();
  }

  private static void checkOrder(int min, int max, String minName, String maxName, String path) {
    if (max != Part.UNLIMITED && max < min) {
      throw error(path, "%s is %d but %s is %d".formatted(minName, min, maxName, max));
    }
  }

  private static JsonNode nonEmptyArray(ObjectNode schema, String keyword, String path) {
    JsonNode node = schema.path(keyword);
    if (!node.isArray() || node.isEmpty()) {
      throw error(path, "%s must be a list with at least one element".formatted(keyword));
    }
    return node;
  }

  static void checkText(JsonNode node, String keyword, String path) {
    if (!node.isTextual()) {
      throw error(path, "%s must be a string but is %s".formatted(keyword, show(node)));
    }
  }

  /** Runs what may complain without knowing the place. */
  static Part inPlace(String path, Supplier<Part> part) {
    try {
      return part.get();
    } catch (GrammarException e) {
      throw error(path, String.valueOf(e.getMessage()));
    }
  }

  static String show(JsonNode node) {
    return node.isContainerNode() ? "an " + node.getNodeType() : Quote.of(node.toString());
  }

  static GrammarException error(String path, String what) {
    return new GrammarException("the schema at %s: %s".formatted(Quote.of(path), what));
  }
}
