package io.sambay4j.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Attributes, items and slices. Strings are indexed by code point, as in Python. */
final class Access {
  private Access() {}

  static Object attribute(Site site, Object object, String name) {
    if (object instanceof Namespace namespace) {
      return namespace.get(name);
    }
    if (object instanceof Loop loop) {
      return loop.get(site, name);
    }
    if (object instanceof Map<?, ?> map) {
      Object value = map.get(Text.trusted(name));
      return value == null ? new Undefined(name) : value;
    }
    if (object instanceof Undefined) {
      throw site.error("has no meaning on " + Values.typeName(object));
    }
    return new Undefined(name);
  }

  static Object item(Site site, Object object, Object key) {
    if (key instanceof Text name && !(object instanceof Text || object instanceof List)) {
      return attribute(site, object, name.value());
    }
    if (object instanceof Map<?, ?> map) {
      Object value = map.get(key);
      return value == null ? new Undefined("item") : value;
    }
    if (object instanceof List<?> list && key instanceof Long index) {
      long at = index < 0 ? index + list.size() : index;
      return at >= 0 && at < list.size() ? list.get((int) at) : new Undefined("item " + index);
    }
    if (object instanceof Text text && key instanceof Long index) {
      int length = codePoints(site, text);
      long at = index < 0 ? index + length : index;
      return at >= 0 && at < length
          ? between(text, (int) at, (int) at + 1)
          : new Undefined("item " + index);
    }
    throw site.error(
        "cannot take an item of " + Values.typeName(object) + " by " + Values.typeName(key));
  }

  static Object slice(Site site, Object object, Object from, Object to, Object step) {
    int stride = step == None.NONE ? 1 : site.integer(step);
    if (stride == 0) {
      throw site.error("the step is 0");
    }
    if (object instanceof Text text) {
      Bounds bounds = Bounds.of(site, from, to, stride, codePoints(site, text));
      if (stride == 1) {
        return between(text, bounds.from, Math.max(bounds.from, bounds.to));
      }
      List<Object> characters = Values.elements(site, text);
      Text.Builder out = new Text.Builder();
      for (int i = bounds.from; stride > 0 ? i < bounds.to : i > bounds.to; i += stride) {
        out.append((Text) characters.get(i));
      }
      return out.build();
    }
    if (object instanceof List<?> list) {
      Bounds bounds = Bounds.of(site, from, to, stride, list.size());
      List<Object> elements = new ArrayList<>();
      for (int i = bounds.from; stride > 0 ? i < bounds.to : i > bounds.to; i += stride) {
        elements.add(list.get(i));
      }
      site.run().spendElements(site.line(), elements.size());
      return elements;
    }
    throw site.error("cannot take a slice of " + Values.typeName(object));
  }

  /** Length in code points. */
  static int codePoints(Site site, Text text) {
    site.run().spendCharacters(site.line(), text.length());
    return text.value().codePointCount(0, text.length());
  }

  /** A part of a text by code points. */
  private static Text between(Text text, int from, int to) {
    int start = text.value().offsetByCodePoints(0, from);
    return text.substring(start, text.value().offsetByCodePoints(start, to - from));
  }

  /** Where a slice begins and ends, worked out as Python does. */
  private record Bounds(int from, int to) {
    static Bounds of(Site site, Object from, Object to, int stride, int length) {
      int first = stride > 0 ? 0 : -1;
      int last = stride > 0 ? length : length - 1;
      return new Bounds(
          from == None.NONE
              ? (stride > 0 ? first : last)
              : clamp(site.integer(from), first, last, length),
          to == None.NONE
              ? (stride > 0 ? last : first)
              : clamp(site.integer(to), first, last, length));
    }

    private static int clamp(int index, int first, int last, int length) {
      int absolute = index < 0 ? index + length : index;
      return Math.max(first, Math.min(last, absolute));
    }
  }
}
