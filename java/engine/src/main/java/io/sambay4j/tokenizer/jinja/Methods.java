package io.sambay4j.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The methods of Python's strings, dicts and lists that chat templates use; none of them changes
 * its object.
 */
final class Methods {
  private Methods() {}

  static Object call(Object object, String name, Arguments arguments) {
    if (object instanceof Text text) {
      return ofString(text, name, arguments);
    }
    if (object instanceof Map<?, ?> map) {
      return ofMapping(map, name, arguments);
    }
    return ofList((List<?>) object, name, arguments);
  }

  private static Object ofString(Text text, String name, Arguments arguments) {
    Site site = arguments.site();
    Object first = arguments.get(0, "sep", None.NONE);
    return switch (name) {
      case "startswith" -> startsOrEnds(site, text, arguments.get(0, "prefix"), true);
      case "endswith" -> startsOrEnds(site, text, arguments.get(0, "suffix"), false);
      case "strip" -> Strings.strip(site, text, first, true, true);
      case "lstrip" -> Strings.strip(site, text, first, true, false);
      case "rstrip" -> Strings.strip(site, text, first, false, true);
      case "lower" -> Strings.lower(site, text);
      case "upper" -> Strings.upper(site, text);
      case "capitalize" -> Strings.capitalize(site, text);
      case "title" -> Strings.title(site, text, c -> !Character.isLetter(c));
      case "split" -> Strings.split(site, text, first, arguments.integer(1, "maxsplit", -1));
      case "rsplit" ->
          Strings.splitFromRight(
              site, text, arguments.text(0, "sep"), arguments.integer(1, "maxsplit", -1));
      case "splitlines" -> Strings.lines(site, text);
      case "replace" ->
          Strings.replace(
              site,
              text,
              arguments.text(0, "old"),
              arguments.text(1, "new"),
              arguments.integer(2, "count", -1));
      case "join" -> Strings.join(site, Values.elements(site, arguments.get(0, "iterable")), text);
      case "find" -> find(site, text, arguments.text(0, "sub"), false);
      case "rfind" -> find(site, text, arguments.text(0, "sub"), true);
      case "count" -> (long) Strings.split(site, text, arguments.get(0, "sub"), -1).size() - 1;
      case "removeprefix" -> {
        Text prefix = arguments.text(0, "prefix");
        yield text.value().startsWith(prefix.value())
            ? text.substring(prefix.length(), text.length())
            : text;
      }
      case "removesuffix" -> {
        Text suffix = arguments.text(0, "suffix");
        yield text.value().endsWith(suffix.value())
            ? text.substring(0, text.length() - suffix.length())
            : text;
      }
      case "isdigit" -> !text.isEmpty() && text.value().codePoints().allMatch(Character::isDigit);
      case "isalpha" -> !text.isEmpty() && text.value().codePoints().allMatch(Character::isLetter);
      case "isalnum" ->
          !text.isEmpty() && text.value().codePoints().allMatch(Character::isLetterOrDigit);
      case "isspace" ->
          !text.isEmpty() && Strings.strip(site, text, None.NONE, true, false).isEmpty();
      default -> throw site.error("strings have no such method here");
    };
  }

  private static boolean startsOrEnds(Site site, Text text, Object affixes, boolean start) {
    List<?> candidates = affixes instanceof List<?> list ? list : List.of(affixes);
    for (Object candidate : candidates) {
      String affix = site.text(candidate).value();
      if (start ? text.value().startsWith(affix) : text.value().endsWith(affix)) {
        return true;
      }
    }
    return false;
  }

  private static long find(Site site, Text text, Text part, boolean last) {
    site.spendSearch(text, part);
    int at = last ? text.value().lastIndexOf(part.value()) : text.value().indexOf(part.value());
    return at < 0 ? -1 : text.value().codePointCount(0, at);
  }

  private static Object ofMapping(Map<?, ?> map, String name, Arguments arguments) {
    Site site = arguments.site();
    return switch (name) {
      case "get" -> {
        Object value = map.get(arguments.get(0, "key"));
        yield value == null ? arguments.get(1, "default", None.NONE) : value;
      }
      case "items" -> items(site, map);
      case "keys" -> Values.elements(site, map);
      case "values" -> {
        site.run().spendElements(site.line(), map.size());
        yield new ArrayList<Object>(map.values());
      }
      default -> throw site.error("mappings have no such method here");
    };
  }

  /** The pairs of key and value. */
  static List<Object> items(Site site, Object value) {
    if (value instanceof Undefined) {
      return new ArrayList<>();
    }
    if (!(value instanceof Map<?, ?> map)) {
      throw site.error("expected a mapping, found " + Values.typeName(value));
    }
    site.run().spendElements(site.line(), map.size());
    List<Object> items = new ArrayList<>();
    map.forEach((key, element) -> items.add(List.of(key, element)));
    return items;
  }

  private static Object ofList(List<?> list, String name, Arguments arguments) {
    Site site = arguments.site();
    Object wanted = arguments.get(0, "value", None.NONE);
    long count = 0;
    for (int i = 0; i < list.size(); i++) {
      if (Values.equal(site, list.get(i), wanted)) {
        if (name.equals("index")) {
          return (long) i;
        }
        count++;
      }
    }
    if (name.equals("count")) {
      return count;
    }
    throw site.error(
        name.equals("index") ? "there is no such element" : "lists have no such method here");
  }
}
