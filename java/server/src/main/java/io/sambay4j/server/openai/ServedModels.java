package io.sambay4j.server.openai;

import io.sambay4j.json.Quote;
import io.sambay4j.server.http.ApiException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The models of a server, by name. */
public final class ServedModels {
  private final List<ServedModel> models;
  private final Map<String, ServedModel> byName = new LinkedHashMap<>();

  /**
   * Collects models.
   *
   * @param models at least one; the first is also the one that requests without a name mean
   * @throws IllegalArgumentException if there are none, or two share a name
   */
  public ServedModels(List<ServedModel> models) {
    this.models = List.copyOf(models);
    if (models.isEmpty()) {
      throw new IllegalArgumentException("a server needs at least one model");
    }
    for (ServedModel model : models) {
      add(model.name(), model);
      model.aliases().forEach(alias -> add(alias, model));
    }
  }

  private void add(String name, ServedModel model) {
    if (byName.put(name, model) != null) {
      throw new IllegalArgumentException("two models are to be called " + name);
    }
  }

  /** All of them, in the order given. */
  public List<ServedModel> all() {
    return models;
  }

  /** Names and what they mean, aliases included. */
  public Map<String, ServedModel> byName() {
    return byName;
  }

  /**
   * The model of a name, or the first where none is given.
   *
   * @throws ApiException (404) if there is none
   */
  public ServedModel find(@Nullable String name) {
    if (name == null) {
      return models.get(0);
    }
    ServedModel model = byName.get(name);
    if (model == null) {
      throw ApiException.notFound(
          "model",
          "model_not_found",
          "there is no model %s here; there are %s"
              .formatted(
                  Quote.of(name),
                  byName.keySet().stream().limit(20).collect(Collectors.joining(", "))));
    }
    return model;
  }
}
