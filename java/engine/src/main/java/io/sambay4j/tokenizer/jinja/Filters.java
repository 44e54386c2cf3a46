package io.sambay4j.tokenizer.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The filters of Jinja that chat templates use. */
final class Filters {
  /** What stands after a {@code |}. */
  interface Filter {
    Object apply(Object value, Arguments arguments);
  }

  private static final Map<String, Filter> FILTERS = new HashMap<>();

  static {
    FILTERS.put("trim", Filters::trim);
    FILTERS.put("lower", (value, a) -> Strings.lower(a.site(), Values.text(a.site(), value)));
    FILTERS.put("upper", (value, a) -> Strings.upper(a.site(), Values.text(a.site(), value)));
    FILTERS.put(
        "capitalize", (value, a) -> Strings.capitalize(a.site(), Values.text(a.site(), value)));
    FILTERS.put("title", Filters::title);
    FILTERS.put("replace", Filters::replace);
    FILTERS.put("indent", Filters::indent);
    FILTERS.put("string", (value, a) -> Values.text(a.site(), value));
    FILTERS.put("safe", (value, a) -> value);
    FILTERS.put("tojson", Json::write);
    FILTERS.put("length", Filters::length);
    FILTERS.put("count", Filters::length);
    FILTERS.put("default", Filters::orDefault);
    FILTERS.put("d", Filters::orDefault);
    FILTERS.put("int", Filters::toInteger);
    FILTERS.put("float", Filters::toFloat);
    FILTERS.put(
        "abs",
        (value, a) ->
            Arithmetic.holds(a.site(), "<", value, 0L)
                ? Arithmetic.sign(a.site(), value, true)
                : value);
    FILTERS.put("list", (value, a) -> Values.elements(a.site(), value));
    FILTERS.put("first", (value, a) -> end(value, a, true));
    FILTERS.put("last", (value, a) -> end(value, a, false));
    FILTERS.put("join", Filters::join);
    FILTERS.put("reverse", Filters::reverse);
    FILTERS.put("unique", Filters::unique);
    FILTERS.put("sort", Filters::sort);
    FILTERS.put("min", (value, a) -> extreme(value, a, -1));
    FILTERS.put("max", (value, a) -> extreme(value, a, 1));
    FILTERS.put("sum", Filters::sum);
    FILTERS.put("items", (value, a) -> Methods.items(a.site(), value));
    FILTERS.put("dictsort", Filters::sortMapping);
    FILTERS.put("map", Filters::map);
    FILTERS.put("select", (value, a) -> select(value, a, true));
    FILTERS.put("reject", (value, a) -> select(value, a, false));
    FILTERS.put("selectattr", (value, a) -> selectByAttribute(value, a, true));
    FILTERS.put("rejectattr", (value, a) -> selectByAttribute(value, a, false));
  }

  private Filters() {}

  static @Nullable Filter find(String name) {
    return FILTERS.get(name);
  }

  private static Object trim(Object value, Arguments arguments) {
    arguments.checkNames(1, "chars");
    Site site = arguments.site();
    return Strings.strip(
        site, Values.text(site, value), arguments.get(0, "chars", None.NONE), true, true);
  }

  /** Unlike the method of the same name, takes an apostrophe as part of a word. */
  private static Object title(Object value, Arguments arguments) {
    Site site = arguments.site();
    return Strings.title(
        site,
        Values.text(site, value),
        c -> "-({[<".indexOf(c) >= 0 || (c <= 0xFFFF && Strings.isWhiteSpace((char) c)));
  }

  private static Object replace(Object value, Arguments arguments) {
    arguments.checkNames(3, "old", "new", "count");
    Site site = arguments.site();
    return Strings.replace(
        site,
        Values.text(site, value),
        arguments.text(0, "old"),
        arguments.text(1, "new"),
        arguments.integer(2, "count", -1));
  }

  private static Object indent(Object value, Arguments arguments) {
    arguments.checkNames(3, "width", "first", "blank");
    Site site = arguments.site();
    Object width = arguments.get(0, "width", 4L);
    Text blanks;
    if (width instanceof Text text) {
      blanks = text;
    } else {
      int count = Math.max(0, site.integer(width));
      site.run().spendCharacters(site.line(), count);
      blanks = Text.trusted(" ".repeat(count));
    }
    return Strings.indent(
        site,
        Values.text(site, value),
        blanks,
        arguments.truth(1, "first", false),
        arguments.truth(2, "blank", false));
  }

  private static Object length(Object value, Arguments arguments) {
    if (value instanceof Text text) {
      return (long) Access.codePoints(arguments.site(), text);
    }
    return (long) Values.elements(arguments.site(), value).size();
  }

  private static Object orDefault(Object value, Arguments arguments) {
    arguments.checkNames(2, "default_value", "boolean");
    boolean missing =
        value instanceof Undefined
            || (arguments.truth(1, "boolean", false) && !Values.isTrue(value));
    return missing ? arguments.get(0, "default_value", Text.EMPTY) : value;
  }

  private static Object toInteger(Object value, Arguments arguments) {
    Object otherwise = arguments.get(0, "default", 0L);
    try {
      if (value instanceof Text text) {
        return Long.parseLong(text.value().strip());
      }
    } catch (NumberFormatException e) {
      return otherwise;
    }
    return Values.isNumber(value) ? (Object) (long) Values.toDouble(value) : otherwise;
  }

  private static Object toFloat(Object value, Arguments arguments) {
    Object otherwise = arguments.get(0, "default", 0.0);
    if (value instanceof Text text) {
      String number = text.value().strip();
      // Not every number that Java reads is one to Python, such as 1f.
      return number.matches("[-+]?(\\d{1,40}(\\.\\d{0,40})?|\\.\\d{1,40})([eE][-+]?\\d{1,3})?")
          ? (Object) Double.parseDouble(number)
          : otherwise;
    }
    return Values.isNumber(value) ? (Object) Values.toDouble(value) : otherwise;
  }

  private static Object end(Object value, Arguments arguments, boolean first) {
    List<Object> elements = Values.elements(arguments.site(), value);
    if (elements.isEmpty()) {
      return new Undefined(first ? "first" : "last");
    }
    return elements.get(first ? 0 : elements.size() - 1);
  }

  private static Object join(Object value, Arguments arguments) {
    arguments.checkNames(2, "d", "attribute");
    Site site = arguments.site();
    List<Object> elements = Values.elements(site, value);
    Object attribute = arguments.get(1, "attribute", None.NONE);
    if (attribute != None.NONE) {
      elements.replaceAll(element -> byPath(site, element, attribute));
    }
    return Strings.join(site, elements, Values.text(site, arguments.get(0, "d", Text.EMPTY)));
  }

  private static Object reverse(Object value, Arguments arguments) {
    List<Object> elements = Values.elements(arguments.site(), value);
    Collections.reverse(elements);
    return value instanceof Text ? Strings.join(arguments.site(), elements, Text.EMPTY) : elements;
  }

  private static Object unique(Object value, Arguments arguments) {
    List<Object> unique = new ArrayList<>();
    for (Object element : Values.elements(arguments.site(), value)) {
      if (!Arithmetic.contains(arguments.site(), unique, element)) {
        unique.add(element);
      }
    }
    return unique;
  }

  private static Object sort(Object value, Arguments arguments) {
    arguments.checkNames(3, "reverse", "case_sensitive", "attribute");
    Site site = arguments.site();
    Object attribute = arguments.get(2, "attribute", None.NONE);
    Comparator<Object> order = order(arguments, attribute);
    List<Object> elements = Values.elements(site, value);
    elements.sort(arguments.truth(0, "reverse", false) ? Collections.reverseOrder(order) : order);
    return elements;
  }

  private static Comparator<Object> order(Arguments arguments, Object attribute) {
    Site site = arguments.site();
    boolean sensitive = arguments.truth(1, "case_sensitive", false);
    return (a, b) -> {
      Object left = attribute == None.NONE ? a : byPath(site, a, attribute);
      Object right = attribute == None.NONE ? b : byPath(site, b, attribute);
      site.run().spend(site.line(), 1);
      return Values.compare(site, fold(site, left, sensitive), fold(site, right, sensitive));
    };
  }

  private static Object fold(Site site, Object value, boolean sensitive) {
    return value instanceof Text text && !sensitive ? Strings.lower(site, text) : value;
  }

  private static Object extreme(Object value, Arguments arguments, int sign) {
    Comparator<Object> order = order(arguments, None.NONE);
    Object best = new Undefined(sign < 0 ? "min" : "max");
    for (Object element : Values.elements(arguments.site(), value)) {
      if (best instanceof Undefined || order.compare(element, best) * sign > 0) {
        best = element;
      }
    }
    return best;
  }

  private static Object sum(Object value, Arguments arguments) {
    arguments.checkNames(2, "attribute", "start");
    Object attribute = arguments.get(0, "attribute", None.NONE);
    Object sum = arguments.get(1, "start", 0L);
    for (Object element : Values.elements(arguments.site(), value)) {
      Object term = attribute == None.NONE ? element : byPath(arguments.site(), element, attribute);
      sum = Arithmetic.apply(arguments.site(), "+", sum, term);
    }
    return sum;
  }

  private static Object sortMapping(Object value, Arguments arguments) {
    arguments.checkNames(3, "case_sensitive", "by", "reverse");
    Site site = arguments.site();
    boolean sensitive = arguments.truth(0, "case_sensitive", false);
    int by = arguments.get(1, "by", Text.trusted("key")).equals(Text.trusted("value")) ? 1 : 0;
    Comparator<Object> order =
        (a, b) ->
            Values.compare(
                site,
                fold(site, ((List<?>) a).get(by), sensitive),
                fold(site, ((List<?>) b).get(by), sensitive));
    List<Object> items = Methods.items(site, value);
    items.sort(arguments.truth(2, "reverse", false) ? Collections.reverseOrder(order) : order);
    return items;
  }

  /** {@code map(attribute='name')} or {@code map('filter', arguments)}. */
  private static Object map(Object value, Arguments arguments) {
    Site site = arguments.site();
    List<Object> mapped = new ArrayList<>();
    Object attribute = arguments.named().get("attribute");
    if (attribute != null) {
      arguments.checkNames(0, "attribute", "default");
      Object otherwise = arguments.named().get("default");
      for (Object element : Values.elements(site, value)) {
        Object found = byPath(site, element, attribute);
        mapped.add(found instanceof Undefined && otherwise != null ? otherwise : found);
      }
      return mapped;
    }
    String name = arguments.text(0, "filter").value();
    Filter filter = find(name);
    if (filter == null) {
      throw site.error("the filter " + name + " is not supported");
    }
    Arguments rest = new Arguments(site, dropFirst(arguments.positional(), 1), arguments.named());
    for (Object element : Values.elements(site, value)) {
      mapped.add(filter.apply(element, rest));
    }
    return mapped;
  }

  private static Object select(Object value, Arguments arguments, boolean keep) {
    List<Object> selected = new ArrayList<>();
    for (Object element : Values.elements(arguments.site(), value)) {
      if (holds(element, arguments, 0) == keep) {
        selected.add(element);
      }
    }
    return selected;
  }

  private static Object selectByAttribute(Object value, Arguments arguments, boolean keep) {
    Site site = arguments.site();
    Object attribute = arguments.get(0, "attribute");
    List<Object> selected = new ArrayList<>();
    for (Object element : Values.elements(site, value)) {
      if (holds(byPath(site, element, attribute), arguments, 1) == keep) {
        selected.add(element);
      }
    }
    return selected;
  }

  /** Whether the test named by an argument holds; with none named, whether the value is true. */
  private static boolean holds(Object value, Arguments arguments, int nameIndex) {
    Site site = arguments.site();
    if (arguments.positional().size() <= nameIndex) {
      return Values.isTrue(value);
    }
    String name = arguments.text(nameIndex, "test").value();
    Tests.Test test = Tests.find(name);
    if (test == null) {
      throw site.error("the test " + name + " is not supported");
    }
    return test.holds(
        value,
        new Arguments(site, dropFirst(arguments.positional(), nameIndex + 1), arguments.named()));
  }

  private static List<Object> dropFirst(List<Object> values, int count) {
    return values.subList(count, values.size());
  }

  /** An attribute, or with dots in its name an attribute's attribute. */
  private static Object byPath(Site site, Object value, Object path) {
    if (path instanceof Long) {
      return Access.item(site, value, path);
    }
    Object found = value;
    for (Object name : Strings.split(site, site.text(path), Text.trusted("."), -1)) {
      found = Access.attribute(site, found, ((Text) name).value());
    }
    return found;
  }
}
