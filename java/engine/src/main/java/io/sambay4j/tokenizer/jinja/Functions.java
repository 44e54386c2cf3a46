package io.sambay4j.tokenizer.jinja;

import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The functions that every template can call. */
final class Functions {
  /** What a directive of Python's {@code strftime} is in {@link DateTimeFormatter}. */
  private static final Map<Character, String> DATE_PATTERNS =
      Map.ofEntries(
          Map.entry('Y', "yyyy"),
          Map.entry('y', "yy"),
          Map.entry('m', "MM"),
          Map.entry('d', "dd"),
          Map.entry('B', "MMMM"),
          Map.entry('b', "MMM"),
          Map.entry('A', "EEEE"),
          Map.entry('a', "EEE"),
          Map.entry('H', "HH"),
          Map.entry('I', "hh"),
          Map.entry('M', "mm"),
          Map.entry('S', "ss"),
          Map.entry('p', "a"),
          Map.entry('j', "DDD"),
          Map.entry('z', "xx"),
          Map.entry('Z', "zzz"));

  static final Map<String, Callable> ALL =
      Map.of(
          "range", Functions::range,
          "namespace", Functions::namespace,
          "dict", Functions::dict,
          "raise_exception", Functions::raiseException,
          "strftime_now", Functions::strftimeNow);

  private Functions() {}

  private static Object range(Arguments arguments) {
    Site site = arguments.site();
    boolean onlyEnd = arguments.positional().size() < 2;
    long from = onlyEnd ? 0 : site.integer(arguments.get(0, "start"));
    long to = site.integer(arguments.get(onlyEnd ? 0 : 1, "stop"));
    long step = arguments.integer(2, "step", 1);
    if (step == 0) {
      throw site.error("the step is 0");
    }
    site.run().spendElements(site.line(), Math.max(0, (to - from) / step));
    List<Object> numbers = new ArrayList<>();
    for (long i = from; step > 0 ? i < to : i > to; i += step) {
      numbers.add(i);
    }
    return numbers;
  }

  private static Object namespace(Arguments arguments) {
    Namespace namespace = new Namespace();
    if (!arguments.positional().isEmpty()) {
      throw arguments.site().error("arguments without a name are not supported");
    }
    arguments.named().forEach(namespace::set);
    return namespace;
  }

  private static Object dict(Arguments arguments) {
    if (!arguments.positional().isEmpty()) {
      throw arguments.site().error("arguments without a name are not supported");
    }
    Map<Object, Object> map = new LinkedHashMap<>();
    arguments.named().forEach((name, value) -> map.put(Text.trusted(name), value));
    return map;
  }

  /** The template's own way of refusing what it was given. */
  private static Object raiseException(Arguments arguments) {
    String message = arguments.text(0, "message").value();
    throw new IllegalArgumentException(
        "the chat template refuses these messages: "
            + (message.length() > 500 ? message.substring(0, 500) : message));
  }

  private static Object strftimeNow(Arguments arguments) {
    Site site = arguments.site();
    String format = arguments.text(0, "format").value();
    site.run().spendCharacters(site.line(), 16L * format.length());
    ZonedDateTime now = site.run().now();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%') {
        text.append(c);
        continue;
      }
      boolean unpadded = format.startsWith("-", i + 1);
      i += unpadded ? 2 : 1;
      char directive = i < format.length() ? format.charAt(i) : ' ';
      String pattern = DATE_PATTERNS.get(directive);
      if (pattern != null) {
        String field = DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(now);
        text.append(unpadded ? field.replaceFirst("^0+(?=\\d)", "") : field);
      } else if (directive == '%') {
        text.append('%');
      } else {
        throw site.error("the directive %" + directive + " is not supported");
      }
    }
    return Text.trusted(text.toString());
  }
}
