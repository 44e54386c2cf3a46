package io.sambay4j.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The {@code tojson} filter as Hugging Face defines it: Python's {@code json.dumps} without
 * escaping HTML or, unless asked, non-ASCII characters.
 */
final class Json {
  private final Site site;
  private final Text.Builder out = new Text.Builder();
  private final boolean ascii;
  private final boolean sorted;
  private final int indent;
  private final String itemSeparator;
  private final String keySeparator;

  private Json(Arguments arguments) {
    arguments.checkNames(2, "ensure_ascii", "indent", "separators", "sort_keys");
    site = arguments.site();
    ascii = arguments.truth(0, "ensure_ascii", false);
    sorted = arguments.truth(3, "sort_keys", false);
    Object indentation = arguments.get(1, "indent", None.NONE);
    indent = indentation == None.NONE ? -1 : Math.max(0, Math.min(32, site.integer(indentation)));
    Object separators = arguments.get(2, "separators", None.NONE);
    if (separators instanceof List<?> pair && pair.size() == 2) {
      itemSeparator = site.text(pair.get(0)).value();
      keySeparator = site.text(pair.get(1)).value();
    } else {
      itemSeparator = indent < 0 ? ", " : ",";
      keySeparator = ": ";
    }
  }

  static Text write(Object value, Arguments arguments) {
    Json json = new Json(arguments);
    json.write(value, 0);
    return json.out.build();
  }

  private void write(Object value, int depth) {
    Values.checkDepth(site, depth);
    if (value instanceof Text text) {
      string(text);
    } else if (value instanceof Boolean || value instanceof Long) {
      out.append(value.toString(), false);
    } else if (value instanceof Double number) {
      if (Double.isNaN(number) || Double.isInfinite(number)) {
        throw site.error("cannot write " + number + " as JSON");
      }
      out.append(Values.ofDouble(number), false);
    } else if (value instanceof None) {
      out.append("null", false);
    } else if (value instanceof List<?> list) {
      String opening = "[";
      for (Object element : list) {
        open(opening, depth + 1);
        write(element, depth + 1);
        opening = itemSeparator;
      }
      close("[", "]", list.isEmpty(), depth);
    } else if (value instanceof Map<?, ?> map) {
      String opening = "{";
      for (Map.Entry<?, ?> entry : entries(map)) {
        open(opening, depth + 1);
        string(Values.text(site, entry.getKey()));
        out.append(keySeparator, false);
        write(entry.getValue(), depth + 1);
        opening = itemSeparator;
      }
      close("{", "}", map.isEmpty(), depth);
    } else {
      throw site.error("cannot write " + Values.typeName(value) + " as JSON");
    }
  }

  private List<Map.Entry<?, ?>> entries(Map<?, ?> map) {
    List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
    if (sorted) {
      entries.sort((a, b) -> Values.compare(site, a.getKey(), b.getKey()));
    }
    return entries;
  }

  private void open(String opening, int depth) {
    out.append(opening, false);
    newLine(depth);
  }

  private void close(String opening, String closing, boolean empty, int depth) {
    if (empty) {
      out.append(opening, false);
    } else {
      newLine(depth);
    }
    out.append(closing, false);
  }

  private void newLine(int depth) {
    if (indent >= 0) {
      site.run().spendCharacters(site.line(), (long) indent * depth);
      out.append("\n" + " ".repeat(indent * depth), false);
    }
  }

  private void string(Text text) {
    site.run().spendCharacters(site.line(), text.length());
    out.append("\"", false).append(text.map(this::escape)).append("\"", false);
  }

  private String escape(String text) {
    StringBuilder escaped = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> escaped.append("\\\"");
        case '\\' -> escaped.append("\\\\");
        case '\n' -> escaped.append("\\n");
        case '\r' -> escaped.append("\\r");
        case '\t' -> escaped.append("\\t");
        case '\b' -> escaped.append("\\b");
        case '\f' -> escaped.append("\\f");
        default -> {
          if (c < 0x20 || (ascii && c > 0x7E)) {
            escaped.append(String.format("\\u%04x", (int) c));
          } else {
            escaped.append(c);
          }
        }
      }
    }
    return escaped.toString();
  }
}
