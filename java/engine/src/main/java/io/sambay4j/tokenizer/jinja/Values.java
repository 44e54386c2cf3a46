package io.sambay4j.tokenizer.jinja;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The values of a template and what holds for all of them.
 *
 * <p>A value is one of {@link Text}, {@link Long}, {@link Double}, {@link Boolean}, {@link None},
 * {@link Undefined}, {@link List}, {@link Map}, {@link Namespace}, {@link Loop} and {@link
 * Callable}. Nothing else can appear, and none of them is reached by reflection.
 */
final class Values {
  /** Lists within lists; deeper ones cannot be printed or compared. */
  private static final int MAX_DEPTH = 64;

  private Values() {}

  static boolean isTrue(Object value) {
    if (value instanceof Boolean truth) {
      return truth;
    }
    if (value instanceof Text text) {
      return !text.isEmpty();
    }
    if (value instanceof Number number) {
      return number.doubleValue() != 0;
    }
    if (value instanceof List<?> list) {
      return !list.isEmpty();
    }
    if (value instanceof Map<?, ?> map) {
      return !map.isEmpty();
    }
    return !(value instanceof None || value instanceof Undefined);
  }

  static String typeName(Object value) {
    if (value instanceof Undefined undefined) {
      return "the undefined " + undefined.name();
    }
    if (value instanceof Text) {
      return "a string";
    }
    if (value instanceof Long) {
      return "an integer";
    }
    if (value instanceof Double) {
      return "a float";
    }
    if (value instanceof Boolean) {
      return "a boolean";
    }
    if (value instanceof None) {
      return "none";
    }
    if (value instanceof List) {
      return "a list";
    }
    if (value instanceof Map) {
      return "a mapping";
    }
    return value instanceof Callable ? "a function" : "an object";
  }

  /**
   * Equality as in Python: 1 and 1.0 are equal, strings by their characters, lists by their
   * elements.
   */
  static boolean equal(Site site, Object a, Object b) {
    return equal(site, a, b, 0);
  }

  private static boolean equal(Site site, Object a, Object b, int depth) {
    checkDepth(site, depth);
    if (isNumber(a) && isNumber(b)) {
      return compareNumbers(a, b) == 0;
    }
    if (a instanceof List<?> left && b instanceof List<?> right) {
      if (left.size() != right.size()) {
        return false;
      }
      for (int i = 0; i < left.size(); i++) {
        if (!equal(site, left.get(i), right.get(i), depth + 1)) {
          return false;
        }
      }
      return true;
    }
    if (a instanceof Map<?, ?> left && b instanceof Map<?, ?> right) {
      if (left.size() != right.size()) {
        return false;
      }
      for (Map.Entry<?, ?> entry : left.entrySet()) {
        Object other = right.get(entry.getKey());
        if (other == null || !equal(site, entry.getValue(), other, depth + 1)) {
          return false;
        }
      }
      return true;
    }
    if (a instanceof Undefined && b instanceof Undefined) {
      return true;
    }
    if (a instanceof Text left && b instanceof Text right) {
      site.run().spendCharacters(site.line(), Math.min(left.length(), right.length()));
    }
    return a.equals(b);
  }

  /** Order of two numbers or two strings. */
  static int compare(Site site, Object a, Object b) {
    if (isNumber(a) && isNumber(b)) {
      return compareNumbers(a, b);
    }
    if (a instanceof Text left && b instanceof Text right) {
      return left.value().compareTo(right.value());
    }
    throw site.error("cannot order " + typeName(a) + " and " + typeName(b));
  }

  private static int compareNumbers(Object a, Object b) {
    if (a instanceof Double || b instanceof Double) {
      return Double.compare(toDouble(a), toDouble(b));
    }
    return Long.compare(toLong(a), toLong(b));
  }

  static boolean isNumber(Object value) {
    return value instanceof Number || value instanceof Boolean;
  }

  static double toDouble(Object number) {
    return number instanceof Double d ? d : toLong(number);
  }

  static long toLong(Object number) {
    return number instanceof Boolean truth ? (truth ? 1 : 0) : ((Number) number).longValue();
  }

  /**
   * The elements that a loop goes through: of a list, of a string its characters, of a mapping its
   * keys.
   */
  static List<Object> elements(Site site, Object value) {
    if (value instanceof List<?> list) {
      site.run().spendElements(site.line(), list.size());
      return new ArrayList<>(list);
    }
    if (value instanceof Map<?, ?> map) {
      site.run().spendElements(site.line(), map.size());
      return new ArrayList<>(map.keySet());
    }
    if (value instanceof Text text) {
      site.run().spendElements(site.line(), text.length());
      List<Object> characters = new ArrayList<>();
      for (int i = 0; i < text.length(); ) {
        int next = i + Character.charCount(text.value().codePointAt(i));
        characters.add(text.substring(i, next));
        i = next;
      }
      return characters;
    }
    if (value instanceof Undefined) {
      return List.of();
    }
    throw site.error("cannot go through " + typeName(value));
  }

  /** What printing a value gives: Python's {@code str}. */
  static Text text(Site site, Object value) {
    if (value instanceof Text text) {
      return text;
    }
    if (value instanceof Undefined) {
      return Text.EMPTY;
    }
    Text.Builder out = new Text.Builder();
    represent(site, value, out, 0);
    return out.build();
  }

  /** Python's {@code repr}. */
  private static void represent(Site site, Object value, Text.Builder out, int depth) {
    checkDepth(site, depth);
    if (value instanceof Text text) {
      site.run().spendCharacters(site.line(), text.length());
      String quote = text.value().contains("'") && !text.value().contains("\"") ? "\"" : "'";
      out.append(quote, false).append(text.map(part -> escape(part, quote))).append(quote, false);
    } else if (value instanceof Boolean truth) {
      out.append(truth ? "True" : "False", false);
    } else if (value instanceof Double number) {
      out.append(ofDouble(number), false);
    } else if (value instanceof Long) {
      out.append(value.toString(), false);
    } else if (value instanceof None) {
      out.append("None", false);
    } else if (value instanceof Undefined) {
      out.append("Undefined", false);
    } else if (value instanceof List<?> list) {
      String separator = "[";
      for (Object element : list) {
        out.append(separator, false);
        represent(site, element, out, depth + 1);
        separator = ", ";
      }
      out.append(list.isEmpty() ? "[]" : "]", false);
    } else if (value instanceof Map<?, ?> map) {
      String separator = "{";
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.append(separator, false);
        represent(site, entry.getKey(), out, depth + 1);
        out.append(": ", false);
        represent(site, entry.getValue(), out, depth + 1);
        separator = ", ";
      }
      out.append(map.isEmpty() ? "{}" : "}", false);
    } else {
      throw site.error("cannot print " + typeName(value));
    }
  }

  private static String escape(String text, String quote) {
    return text.replace("\\", "\\\\")
        .replace("\n", "\\n")
        .replace("\r", "\\r")
        .replace("\t", "\\t")
        .replace(quote, "\\" + quote);
  }

  /** A float as Python writes it: shortest digits, an exponent only below 1e-4 and from 1e16 on. */
  static String ofDouble(double number) {
    if (Double.isNaN(number) || Double.isInfinite(number)) {
      return Double.isNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
    }
    if (number == 0 || (Math.abs(number) >= 1e-4 && Math.abs(number) < 1e16)) {
      String plain = new BigDecimal(Double.toString(number)).toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    BigDecimal decimal = new BigDecimal(Double.toString(number)).stripTrailingZeros();
    String digits = decimal.unscaledValue().abs().toString();
    int exponent = decimal.precision() - decimal.scale() - 1;
    String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
    String padding = Math.abs(exponent) < 10 ? "0" : "";
    return (number < 0 ? "-" : "")
        + mantissa
        + "e"
        + (exponent < 0 ? "-" : "+")
        + padding
        + Math.abs(exponent);
  }

  static void checkDepth(Site site, int depth) {
    if (depth > MAX_DEPTH) {
      throw site.error("a value nested more than " + MAX_DEPTH + " levels deep");
    }
    site.run().spend(site.line(), 1);
  }
}
