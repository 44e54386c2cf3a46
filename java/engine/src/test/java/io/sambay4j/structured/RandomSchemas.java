package io.sambay4j.structured;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Random schemas of the supported kind, and random values that they allow. */
final class RandomSchemas {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String[] NAMES = {"a", "ab", "abc", "name", "é", "x y", "\"q\"", ""};
  private final Random random;

  RandomSchemas(Random random) {
    this.random = random;
  }

  String schema() {
    ObjectNode root = schema(0);
    ObjectNode definition = JSON.createObjectNode().put("type", "object");
    ObjectNode properties = definition.putObject("properties");
    properties.putObject("value").put("type", "integer");
    properties.putObject("next").put("$ref", "#/$defs/chain");
    definition.putArray("required").add("value");
    definition.put("additionalProperties", false);
    root.putObject("$defs").set("chain", definition);
    return root.toString();
  }

  private ObjectNode schema(int depth) {
    ObjectNode schema = JSON.createObjectNode();
    switch (random.nextInt(depth > 3 ? 6 : 10)) {
      case 0 -> {
        schema.put("type", "integer");
        int low = random.nextInt(200) - 100;
        if (random.nextBoolean()) {
          schema.put("minimum", low);
        }
        if (random.nextBoolean()) {
          schema.put("maximum", low + random.nextInt(300));
        }
      }
      case 1 -> schema.put("type", "number");
      case 2 -> {
        schema.put("type", "string");
        if (random.nextBoolean()) {
          int least = random.nextInt(3);
          schema.put("minLength", least).put("maxLength", least + random.nextInt(4));
        }
      }
      case 3 -> schema.put("type", random.nextBoolean() ? "boolean" : "null");
      case 4 -> {
        ArrayNode values = schema.putArray("enum");
        values.add("a").add("b\n").add(3).addNull();
        values.addArray().add(1).add("x");
      }
      case 5 -> {
        if (depth == 0) {
          schema.putArray("type").add("string").add("integer");
        } else {
          schema.put("$ref", "#/$defs/chain");
        }
      }
      case 6, 7 -> object(schema, depth);
      case 8 -> {
        schema.put("type", "array").set("items", schema(depth + 1));
        int least = random.nextInt(3);
        schema.put("minItems", least).put("maxItems", least + random.nextInt(3));
      }
      default -> schema.putArray("anyOf").add(schema(depth + 1)).add(schema(depth + 1));
    }
    return schema;
  }

  private void object(ObjectNode schema, int depth) {
    schema.put("type", "object");
    ObjectNode properties = schema.putObject("properties");
    ArrayNode required = schema.putArray("required");
    for (String name : NAMES) {
      if (random.nextInt(3) == 0) {
        properties.set(name, schema(depth + 1));
        if (random.nextBoolean()) {
          required.add(name);
        }
      }
    }
    if (random.nextBoolean()) {
      schema.put("additionalProperties", false);
    } else if (random.nextBoolean()) {
      schema.set("additionalProperties", schema(depth + 2));
    }
  }

  /** A value of a schema that {@link #schema} made, with some white space. */
  String instance(JsonNode schema) {
    return instance(schema, schema);
  }

  private String instance(JsonNode schema, JsonNode root) {
    if (schema.has("$ref")) {
      return instance(root.at(schema.get("$ref").textValue().substring(1)), root);
    }
    if (schema.has("anyOf")) {
      return instance(schema.get("anyOf").get(random.nextInt(2)), root);
    }
    if (schema.has("enum")) {
      return schema.get("enum").get(random.nextInt(schema.get("enum").size())).toString();
    }
    JsonNode type = schema.get("type");
    String name =
        type.isArray() ? type.get(random.nextInt(type.size())).textValue() : type.textValue();
    return switch (name) {
      case "integer" -> integer(schema);
      case "number" -> random.nextBoolean() ? "-12.5e3" : "0." + random.nextInt(1000);
      case "string" -> string(schema);
      case "boolean" -> random.nextBoolean() ? "true" : "false";
      case "null" -> "null";
      case "array" -> array(schema, root);
      default -> object(schema, root);
    };
  }

  private String integer(JsonNode schema) {
    int low = schema.has("minimum") ? schema.get("minimum").intValue() : -500;
    int high = schema.has("maximum") ? schema.get("maximum").intValue() : Math.max(low, 500);
    low = schema.has("minimum") ? low : Math.min(low, high);
    return "" + (low + random.nextInt(high - low + 1));
  }

  private String string(JsonNode schema) {
    int least = schema.path("minLength").asInt(0);
    int most = schema.path("maxLength").asInt(6);
    StringBuilder text = new StringBuilder("\"");
    String[] characters = {"a", "é", "漢", "😀", "\\\"", "\\n", " ", "/"};
    for (int i = least + random.nextInt(most - least + 1); i > 0; i--) {
      text.append(characters[random.nextInt(characters.length)]);
    }
    return text.append('"').toString();
  }

  private String array(JsonNode schema, JsonNode root) {
    int least = schema.path("minItems").asInt();
    int count = least + random.nextInt(schema.path("maxItems").asInt() - least + 1);
    List<String> elements = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      elements.add(instance(schema.get("items"), root));
    }
    return list("[", elements, "]");
  }

  private String object(JsonNode schema, JsonNode root) {
    List<String> members = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : schema.path("properties").properties()) {
      boolean required = false;
      for (JsonNode name : schema.path("required")) {
        required |= name.textValue().equals(entry.getKey());
      }
      if (required || random.nextInt(3) == 0) {
        members.add(member(entry.getKey(), instance(entry.getValue(), root)));
      }
    }
    if (schema.path("additionalProperties").isObject() && random.nextBoolean()) {
      members.add(member("other", instance(schema.get("additionalProperties"), root)));
    }
    return list("{", members, "}");
  }

  private String member(String name, String value) {
    return JSON.getNodeFactory().textNode(name) + ":" + space() + value;
  }

  private String list(String opening, List<String> elements, String closing) {
    String text = String.join("," + space(), elements);
    return opening + space() + text + (elements.isEmpty() ? "" : space()) + closing;
  }

  private String space() {
    return new String[] {"", " ", "\n", "\n  \t"}[random.nextInt(4)];
  }
}
