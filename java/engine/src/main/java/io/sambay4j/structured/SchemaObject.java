package io.sambay4j.structured;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.json.Quote;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Objects of a schema. Properties come in the order of the schema, optional ones may be left out,
 * and others come after them, where the schema asks for some.
 */
final class SchemaObject {
  private final SchemaCompiler compiler;
  private final JsonText json;
  private final String path;
  private final Map<String, Part> members = new LinkedHashMap<>();
  private final Set<String> required = new LinkedHashSet<>();

  /** What properties without a name of their own hold; null where there are none. */
  private final @Nullable JsonNode additional;

  SchemaObject(SchemaCompiler compiler, ObjectNode schema, String path) {
    this.compiler = compiler;
    this.json = compiler.json();
    this.path = path;
    JsonNode properties = schema.path("properties");
    if (!properties.isMissingNode() && !properties.isObject()) {
      throw SchemaCompiler.error(path, "properties must be an object");
    }
    additional = additional(schema, properties.isMissingNode());
    readRequired(schema.path("required"));
    properties
        .properties()
        .forEach(entry -> addMember(entry.getKey(), entry.getValue(), "/properties/"));
    for (String name : required) {
      if (!members.containsKey(name)) {
        addUnlisted(name, schema);
      }
    }
  }

  private static @Nullable JsonNode additional(ObjectNode schema, boolean withoutProperties) {
    JsonNode node = schema.get("additionalProperties");
    if (node == null) {
      return withoutProperties && !schema.has("required") ? BooleanNode.TRUE : null;
    }
    return node.isBoolean() && !node.booleanValue() ? null : node;
  }

  private void readRequired(JsonNode names) {
    if (!names.isMissingNode() && !names.isArray()) {
      throw SchemaCompiler.error(path, "required must be a list of names");
    }
    for (JsonNode name : names) {
      SchemaCompiler.checkText(name, "each name in required", path);
      required.add(name.textValue());
    }
  }

  /** A property that is required and has no schema but that of additional ones. */
  private void addUnlisted(String name, ObjectNode schema) {
    if (schema.has("additionalProperties") && additional == null) {
      throw SchemaCompiler.error(
          path,
          "required names %s, which is not in properties and not allowed besides"
              .formatted(Quote.of(name)));
    }
    addMember(name, additional == null ? BooleanNode.TRUE : additional, "/required/");
  }

  private void addMember(String name, JsonNode schema, String where) {
    Part quoted = SchemaCompiler.inPlace(path, () -> JsonText.quote(name));
    members.put(name, json.member(quoted, compiler.value(schema, path + where + name)));
  }

  /** The whole object. */
  Part body() {
    return Part.sequence(Part.literal("{"), json.space(), this::appendMembers, Part.literal("}"));
  }

  /**
   * Two rows of states side by side: {@code first} while no member has been written, {@code later}
   * after one, where a comma comes before the next.
   */
  private int appendMembers(Nfa nfa, int from) {
    int first = from;
    int later = nfa.newState();
    for (Map.Entry<String, Part> entry : members.entrySet()) {
      int written = nfa.newState();
      nfa.nothing(entry.getValue().append(nfa, first), written);
      nfa.nothing(Part.sequence(json.comma(), entry.getValue()).append(nfa, later), written);
      if (required.contains(entry.getKey())) {
        first = nfa.newState(); // never reached
      } else {
        int firstNext = nfa.newState();
        nfa.nothing(first, firstNext);
        nfa.nothing(later, written);
        first = firstNext;
      }
      later = written;
    }
    if (additional != null) {
      Part member =
          json.member(otherName(), compiler.value(additional, path + "/additionalProperties"));
      int written = nfa.newState();
      nfa.nothing(member.append(nfa, first), written);
      nfa.nothing(later, written);
      nfa.nothing(Part.sequence(json.comma(), member).append(nfa, written), written);
      later = written;
    }
    int end = nfa.newState();
    nfa.nothing(json.space().append(nfa, later), end);
    nfa.nothing(first, end);
    return end;
  }

  /** A name that is none of the members', written without escapes so that it cannot be one. */
  private Part otherName() {
    return members.isEmpty() ? json.string() : (nfa, from) -> appendOtherName(nfa, from);
  }

  private int appendOtherName(Nfa nfa, int from) {
    int free = nfa.newState(); // no name begins like this any more
    int end = nfa.newState();
    nfa.character(free, JsonText.PLAIN, free);
    nfa.bytes(free, '"', '"', end);
    int start = nfa.newState();
    nfa.bytes(from, '"', '"', start);
    appendOtherNames(nfa, start, new ArrayList<>(members.keySet()), free, end);
    return end;
  }

  /** Names that do not go on like any of these. */
  private void appendOtherNames(Nfa nfa, int from, List<String> names, int free, int end) {
    // Names are long at times, so no recursion.
    List<Branch> open = new ArrayList<>(List.of(new Branch(from, names)));
    while (!open.isEmpty()) {
      Branch branch = open.remove(open.size() - 1);
      Map<Integer, List<String>> rests = new TreeMap<>();
      boolean isName = false;
      for (String name : branch.names) {
        if (name.isEmpty()) {
          isName = true;
        } else {
          int c = name.codePointAt(0);
          rests
              .computeIfAbsent(c, key -> new ArrayList<>())
              .add(name.substring(Character.charCount(c)));
        }
      }
      CodePoints others = JsonText.PLAIN;
      for (Map.Entry<Integer, List<String>> rest : rests.entrySet()) {
        CodePoints c = CodePoints.of(rest.getKey());
        others = others.minus(c);
        if (!JsonText.PLAIN.intersect(c).isEmpty()) {
          int next = nfa.newState();
          nfa.character(branch.state, c, next);
          open.add(new Branch(next, rest.getValue()));
        }
      }
      nfa.character(branch.state, others, free);
      if (!isName) {
        nfa.bytes(branch.state, '"', '"', end);
      }
    }
  }

  private record Branch(int state, List<String> names) {}
}
