package io.sambay4j.tokenizer.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The tests of Jinja that chat templates use. */
final class Tests {
  /** What stands after {@code is}. */
  interface Test {
    boolean holds(Object value, Arguments arguments);
  }

  private static final Map<String, Test> TESTS = new HashMap<>();

  static {
    TESTS.put("defined", (value, a) -> !(value instanceof Undefined));
    TESTS.put("undefined", (value, a) -> value instanceof Undefined);
    TESTS.put("none", (value, a) -> value instanceof None);
    TESTS.put("string", (value, a) -> value instanceof Text);
    TESTS.put("mapping", (value, a) -> value instanceof Map);
    TESTS.put("sequence", (value, a) -> isIterable(value));
    TESTS.put("iterable", (value, a) -> isIterable(value) || value instanceof Undefined);
    TESTS.put("number", (value, a) -> Values.isNumber(value));
    TESTS.put("integer", (value, a) -> value instanceof Long);
    TESTS.put("float", (value, a) -> value instanceof Double);
    TESTS.put("boolean", (value, a) -> value instanceof Boolean);
    TESTS.put("true", (value, a) -> value.equals(true));
    TESTS.put("false", (value, a) -> value.equals(false));
    TESTS.put("callable", (value, a) -> value instanceof Callable);
    TESTS.put("odd", (value, a) -> Math.floorMod(integer(value, a), 2L) == 1);
    TESTS.put("even", (value, a) -> Math.floorMod(integer(value, a), 2L) == 0);
    TESTS.put(
        "divisibleby",
        (value, a) ->
            Arithmetic.apply(a.site(), "%", integer(value, a), a.get(0, "num")).equals(0L));
    TESTS.put("lower", (value, a) -> isCase(value, a, true));
    TESTS.put("upper", (value, a) -> isCase(value, a, false));
    TESTS.put("in", (value, a) -> Arithmetic.contains(a.site(), a.get(0, "seq"), value));
    TESTS.put(
        "sameas",
        (value, a) ->
            value.getClass() == a.get(0, "other").getClass()
                && Values.equal(a.site(), value, a.get(0, "other")));
    compare("==", "eq", "equalto", "==");
    compare("!=", "ne", "!=");
    compare("<", "lt", "lessthan", "<");
    compare("<=", "le", "<=");
    compare(">", "gt", "greaterthan", ">");
    compare(">=", "ge", ">=");
  }

  private Tests() {}

  static @Nullable Test find(String name) {
    return TESTS.get(name);
  }

  private static void compare(String operator, String... names) {
    for (String name : names) {
      TESTS.put(name, (value, a) -> Arithmetic.holds(a.site(), operator, value, a.get(0, "other")));
    }
  }

  private static boolean isIterable(Object value) {
    return value instanceof List || value instanceof Map || value instanceof Text;
  }

  private static long integer(Object value, Arguments arguments) {
    if (value instanceof Long number) {
      return number;
    }
    throw arguments.site().error("expected an integer, found " + Values.typeName(value));
  }

  private static boolean isCase(Object value, Arguments arguments, boolean lower) {
    String text = Values.text(arguments.site(), value).value();
    return text.equals(lower ? text.toLowerCase(Locale.ROOT) : text.toUpperCase(Locale.ROOT))
        && text.codePoints().anyMatch(Character::isLetter);
  }
}
