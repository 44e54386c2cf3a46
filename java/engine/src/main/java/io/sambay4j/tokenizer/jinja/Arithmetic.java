package io.sambay4j.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The operators, with the meaning they have in Python. */
final class Arithmetic {
  private Arithmetic() {}

  static Object sign(Site site, Object value, boolean negative) {
    if (!Values.isNumber(value)) {
      throw site.error("expected a number, found " + Values.typeName(value));
    }
    if (value instanceof Double number) {
      return negative ? -number : number;
    }
    long number = Values.toLong(value);
    return negative ? exact(site, () -> Math.negateExact(number)) : number;
  }

  static Object apply(Site site, String operator, Object left, Object right) {
    if (operator.equals("~")) {
      return concat(site, Values.text(site, left), Values.text(site, right));
    }
    if (Values.isNumber(left) && Values.isNumber(right)) {
      return left instanceof Double || right instanceof Double || operator.equals("/")
          ? floats(site, operator, Values.toDouble(left), Values.toDouble(right))
          : integers(site, operator, Values.toLong(left), Values.toLong(right));
    }
    if (operator.equals("+")) {
      if (left instanceof Text a && right instanceof Text b) {
        return concat(site, a, b);
      }
      if (left instanceof List<?> a && right instanceof List<?> b) {
        site.run().spendElements(site.line(), (long) a.size() + b.size());
        List<Object> both = new ArrayList<>(a);
        both.addAll(b);
        return both;
      }
    }
    if (operator.equals("*") && left instanceof Text text && right instanceof Long times) {
      return repeat(site, text, times);
    }
    if (operator.equals("*") && left instanceof Long times && right instanceof Text text) {
      return repeat(site, text, times);
    }
    throw site.error(
        "does not go with " + Values.typeName(left) + " and " + Values.typeName(right));
  }

  private static Text concat(Site site, Text a, Text b) {
    site.run().spendCharacters(site.line(), (long) a.length() + b.length());
    return a.concat(b);
  }

  private static Text repeat(Site site, Text text, long times) {
    if (times <= 0 || text.isEmpty()) {
      return Text.EMPTY;
    }
    site.run().spendCharacters(site.line(), times > Run.MAX_LENGTH ? times : times * text.length());
    site.run().spend(site.line(), times);
    Text.Builder out = new Text.Builder();
    for (long i = 0; i < times; i++) {
      out.append(text);
    }
    return out.build();
  }

  private static Object floats(Site site, String operator, double a, double b) {
    if (b == 0 && "//%".contains(operator)) {
      throw site.error("division by zero");
    }
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.floor(a / b);
      case "%" -> a - b * Math.floor(a / b);
      default -> Math.pow(a, b);
    };
  }

  private static Object integers(Site site, String operator, long a, long b) {
    if (b == 0 && "//%".contains(operator)) {
      throw site.error("division by zero");
    }
    return switch (operator) {
      case "+" -> exact(site, () -> Math.addExact(a, b));
      case "-" -> exact(site, () -> Math.subtractExact(a, b));
      case "*" -> exact(site, () -> Math.multiplyExact(a, b));
      case "//" -> Math.floorDiv(a, b);
      case "%" -> Math.floorMod(a, b);
      default ->
          b < 0
              ? (Object) Math.pow((double) a, (double) b)
              : (Object) exact(site, () -> power(a, b));
    };
  }

  private static long power(long base, long exponent) {
    if (exponent > 64 && base != 0 && base != 1 && base != -1) {
      throw new ArithmeticException("overflow");
    }
    long result = 1;
    for (long i = exponent > 64 ? exponent % 2 + 2 : exponent; i > 0; i--) {
      result = Math.multiplyExact(result, base);
    }
    return result;
  }

  private interface LongComputation {
    long compute();
  }

  private static long exact(Site site, LongComputation computation) {
    try {
      return computation.compute();
    } catch (ArithmeticException e) {
      throw site.error("the result does not fit into 64 bits");
    }
  }

  /** Whether a comparison holds. */
  static boolean holds(Site site, String operator, Object left, Object right) {
    return switch (operator) {
      case "==" -> Values.equal(site, left, right);
      case "!=" -> !Values.equal(site, left, right);
      case "<" -> Values.compare(site, left, right) < 0;
      case "<=" -> Values.compare(site, left, right) <= 0;
      case ">" -> Values.compare(site, left, right) > 0;
      case ">=" -> Values.compare(site, left, right) >= 0;
      case "in" -> contains(site, right, left);
      default -> !contains(site, right, left);
    };
  }

  static boolean contains(Site site, Object container, Object element) {
    if (container instanceof Text text) {
      Text part = site.text(element);
      site.spendSearch(text, part);
      return text.value().contains(part.value());
    }
    if (container instanceof Map<?, ?> map) {
      return map.containsKey(element);
    }
    for (Object candidate : Values.elements(site, container)) {
      if (Values.equal(site, candidate, element)) {
        return true;
      }
    }
    return false;
  }
}
