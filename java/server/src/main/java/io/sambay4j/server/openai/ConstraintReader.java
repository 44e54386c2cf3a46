package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import io.sambay4j.structured.Grammar;
import io.sambay4j.structured.GrammarException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads what an answer must look like: OpenAI's {@code response_format}, and vLLM's {@code
 * guided_*} and {@code structured_outputs}. At most one of them may be given.
 */
final class ConstraintReader {
  private static final int MAX_CHOICES = 10_000;
  private static final int MAX_NAME = 64;

  private @Nullable String chosen; // path of the field that was found
  private @Nullable Grammar grammar;

  private ConstraintReader() {}

  /** The grammar of a request's fields; null: anything may be said. */
  static @Nullable Grammar read(Fields fields) {
    ConstraintReader reader = new ConstraintReader();
    reader.readFormat(fields, "response_format");
    reader.readGuided(fields, "guided_json", "guided_regex", "guided_choice", "guided_grammar");
    Fields structured = fields.object("structured_outputs");
    if (structured != null) {
      reader.readGuided(structured, "json", "regex", "choice", "grammar");
      structured.finish();
    }
    return reader.grammar;
  }

  /** The grammar of the field {@code format} of {@code text} in {@code /v1/responses}. */
  static @Nullable Grammar readText(Fields text) {
    ConstraintReader reader = new ConstraintReader();
    reader.readFormat(text, "format");
    return reader.grammar;
  }

  private void readFormat(Fields parent, String field) {
    Fields format = parent.object(field);
    if (format == null) {
      return;
    }
    format.requiredString("type");
    String type = format.oneOf("type", "", "text", "json_object", "json_schema");
    if (type.equals("json_object")) {
      set(format.path("type"), Grammar::json);
    } else if (type.equals("json_schema")) {
      // /v1/responses has the schema's fields beside the type, chat completions one level below
      Fields schema = format.has("json_schema") ? format.requiredObject("json_schema") : format;
      schema.string("name", MAX_NAME);
      schema.string("description");
      schema.optionalBool("strict");
      JsonNode source = schema.node("schema");
      if (source == null) {
        throw schema.missing("schema");
      }
      set(schema.path("schema"), () -> Grammar.jsonSchema(source.toString()));
      schema.finish();
    }
    format.finish();
  }

  private void readGuided(
      Fields parent, String json, String regex, String choice, String grammarField) {
    JsonNode schema = parent.node(json);
    if (schema != null) {
      String source = schema.isTextual() ? schema.textValue() : schema.toString();
      set(parent.path(json), () -> Grammar.jsonSchema(source));
    }
    String expression = parent.string(regex);
    if (expression != null) {
      set(parent.path(regex), () -> Grammar.regex(expression));
    }
    if (parent.has(choice)) {
      set(parent.path(choice), () -> Grammar.choices(parent.strings(choice, MAX_CHOICES)));
    }
    String rules = parent.string(grammarField);
    if (rules != null) {
      set(parent.path(grammarField), () -> Grammar.ebnf(rules));
    }
  }

  private void set(String path, Supplier<Grammar> source) {
    if (chosen != null) {
      throw ApiException.field(
          path, "invalid_value", "only one of %s and %s may be given".formatted(chosen, path));
    }
    chosen = path;
    try {
      grammar = source.get();
    } catch (GrammarException e) {
      throw ApiException.field(
          path, "invalid_grammar", "%s cannot be followed: %s".formatted(path, e.getMessage()));
    }
  }
}
