package io.sambay4j.server.openai;

import io.sambay4j.TextModel;
import io.sambay4j.answer.AnswerFormat;
import java.time.Instant;
import java.util.List;
import java.util.Objects;

/**
 * A model and the names it answers to.
 *
 * @param name what answers call it; 1 to 200 visible characters
 * @param aliases other names requests may use
 * @param model the model; whoever opened it closes it, after the server
 * @param since when it was opened
 * @param format how it marks thoughts and calls of tools
 */
public record ServedModel(
    String name, List<String> aliases, TextModel model, Instant since, AnswerFormat format) {
  /** No thoughts are marked; calls of tools as many models write them. */
  public static final AnswerFormat DEFAULT_FORMAT =
      new AnswerFormat(null, AnswerFormat.TAGGED_CALLS);

  private static final int MAX_NAME = 200;

  /**
   * Checks names and model.
   *
   * @throws IllegalArgumentException if a name is not as above
   * @throws IllegalStateException if the model has no tokenizer: the server speaks text
   */
  public ServedModel {
    aliases = List.copyOf(aliases);
    Objects.requireNonNull(model.tokenizer());
    check(name);
    aliases.forEach(ServedModel::check);
  }

  /** A model of {@link #DEFAULT_FORMAT}. */
  public ServedModel(String name, List<String> aliases, TextModel model, Instant since) {
    this(name, aliases, model, since, DEFAULT_FORMAT);
  }

  private static void check(String name) {
    if (name.isEmpty()
        || name.length() > MAX_NAME
        || !name.chars().allMatch(c -> c > ' ' && c < 127)) {
      throw new IllegalArgumentException(
          "a model's name must have 1 to %d visible ASCII characters and no space, but is \"%s\""
              .formatted(MAX_NAME, name));
    }
  }
}
