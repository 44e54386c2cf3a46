package io.sambay4j.tokenizer.jinja;

import io.sambay4j.InvalidModelException;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A parsed template. It can reach its variables, the functions in this package and the time of day,
 * and nothing else; its work, its output and their depth are limited.
 *
 * <p>Immutable; any number of threads may use one.
 */
public final class Template {
  private static final int MAX_SOURCE_LENGTH = 1 << 18;

  private final String where;
  private final List<Statement> statements;

  private Template(String where, List<Statement> statements) {
    this.where = where;
    this.statements = statements;
  }

  /**
   * Parses a template.
   *
   * @param where what messages call it
   * @throws InvalidModelException if it is malformed, too long, or uses what is not supported; says
   *     which line
   */
  public static Template parse(String where, String source) {
    if (source.length() > MAX_SOURCE_LENGTH) {
      throw new InvalidModelException(
          where
              + ": has "
              + source.length()
              + " characters, at most "
              + MAX_SOURCE_LENGTH
              + " are accepted");
    }
    return new Template(where, Parser.parse(where, source));
  }

  /** Whether a name means a function to every template, so that no variable may have it. */
  public static boolean isReserved(String name) {
    return Functions.ALL.containsKey(name) || name.equals("loop");
  }

  /**
   * Renders the template.
   *
   * @param trusted variables whose strings count as the template's own
   * @param messages the variable {@code messages}: a list of mappings with plain values, all of
   *     them a caller's but those named {@code role}
   * @param arguments a caller's variables, plain values
   * @param now what {@code strftime_now} tells
   * @throws InvalidModelException if the template asks for what is not supported, or for too much
   * @throws IllegalArgumentException if an argument is not a plain value, or the template itself
   *     refuses the messages
   */
  public Text render(
      Map<String, ?> trusted,
      List<? extends Map<String, ?>> messages,
      Map<String, ? extends @Nullable Object> arguments,
      ZonedDateTime now) {
    Scope functions = new Scope(null);
    Functions.ALL.forEach(functions::set);
    Scope scope = functions;
    arguments.forEach(
        (name, value) -> scope.set(name, PlainValues.copy(value, "the argument " + name)));
    trusted.forEach(
        (name, value) ->
            scope.set(
                name,
                value instanceof String string
                    ? Text.trusted(string)
                    : PlainValues.copy(value, name)));
    List<Object> messageValues = new ArrayList<>();
    for (Map<String, ?> message : messages) {
      messageValues.add(messageValue(message));
    }
    scope.set("messages", messageValues);
    Text.Builder out = new Text.Builder();
    Statement.executeAll(statements, scope, new Run(where, now), out);
    return out.build();
  }

  private static Map<Object, Object> messageValue(Map<String, ?> message) {
    Map<Object, Object> value = new LinkedHashMap<>();
    message.forEach(
        (key, element) -> {
          boolean role = key.equals("role") && element instanceof String;
          value.put(
              Text.trusted(key),
              role
                  ? Text.trusted((String) element)
                  : element instanceof Text text
                      ? text
                      : PlainValues.copy(element, "the message's " + key));
        });
    return value;
  }
}
