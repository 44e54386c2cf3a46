package io.sambay4j.tokenizer.jinja;

import java.util.List;

/** The variable {@code loop} of one round. */
final class Loop {
  private final List<Object> elements;
  private final int index;

  Loop(List<Object> elements, int index) {
    this.elements = elements;
    this.index = index;
  }

  Object get(Site site, String name) {
    return switch (name) {
      case "index" -> (long) index + 1;
      case "index0" -> (long) index;
      case "revindex" -> (long) elements.size() - index;
      case "revindex0" -> (long) elements.size() - index - 1;
      case "first" -> index == 0;
      case "last" -> index == elements.size() - 1;
      case "length" -> (long) elements.size();
      case "previtem" -> index == 0 ? new Undefined("loop.previtem") : elements.get(index - 1);
      case "nextitem" ->
          index == elements.size() - 1 ? new Undefined("loop.nextitem") : elements.get(index + 1);
      case "cycle" -> (Callable) this::cycle;
      default -> throw site.error("loop." + name + " is not supported");
    };
  }

  private Object cycle(Arguments arguments) {
    List<Object> values = arguments.positional();
    if (values.isEmpty()) {
      throw arguments.site().error("loop.cycle needs a value");
    }
    return values.get(index % values.size());
  }
}
