package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.GenerationRequest;
import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.TextModel;
import io.sambay4j.server.http.ApiException;
import io.sambay4j.server.http.Fields;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads what {@code /v1/completions} is to continue: one prompt or several, texts or token ids. */
final class CompletionPromptReader {
  private static final String ALLOWED =
      "a string, an array of token ids, or an array of strings or of such arrays";

  private CompletionPromptReader() {}

  /**
   * The prompts of a request, at least one.
   *
   * @throws ApiException (400) naming the prompt that cannot be served
   */
  static List<CompletionPrompt> read(Fields fields, ServedModel model) {
    JsonNode prompt = fields.node("prompt");
    if (prompt == null) {
      throw fields.missing("prompt");
    }
    if (!prompt.isArray()) {
      return List.of(text("prompt", prompt, model, ALLOWED));
    }
    if (prompt.isEmpty()) {
      throw empty("prompt");
    }
    if (!prompt.get(0).isTextual() && !prompt.get(0).isArray()) {
      return List.of(new CompletionPrompt(null, tokenIds(fields, "prompt", model)));
    }
    List<CompletionPrompt> prompts = new ArrayList<>();
    List<JsonNode> elements = fields.array("prompt", TextModel.MAX_BRANCHES);
    for (int i = 0; i < elements.size(); i++) {
      String path = fields.element("prompt", i);
      prompts.add(
          elements.get(i).isArray()
              ? new CompletionPrompt(null, tokenIds(path, elements.get(i), model))
              : text(path, elements.get(i), model, "a string or an array of token ids"));
    }
    return prompts;
  }

  private static CompletionPrompt text(
      String path, JsonNode value, ServedModel model, String allowed) {
    if (!value.isTextual()) {
      throw Fields.wrongTypeAt(path, value, allowed);
    }
    String text = Fields.text(path, value);
    try {
      int[] ids = model.model().encode(new Prompt.Text(text));
      return new CompletionPrompt(text, Arrays.stream(ids).boxed().toList());
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw Failures.of(e, path);
    }
  }

  /** Ids of the model's vocabulary. */
  static List<Integer> tokenIds(Fields fields, String field, ServedModel model) {
    List<Integer> ids = new ArrayList<>();
    List<JsonNode> elements = fields.array(field, GenerationRequest.MAX_TOKENS);
    for (int i = 0; i < elements.size(); i++) {
      ids.add(tokenId(fields.element(field, i), elements.get(i), model));
    }
    return ids;
  }

  private static List<Integer> tokenIds(String path, JsonNode array, ServedModel model) {
    if (array.isEmpty()) {
      throw empty(path);
    }
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : array) {
      ids.add(tokenId(path + "[" + ids.size() + "]", id, model));
    }
    return ids;
  }

  private static int tokenId(String path, JsonNode id, ServedModel model) {
    return (int) Fields.wholeNumber(path, id, 0, model.model().config().vocabSize() - 1L);
  }

  private static ApiException empty(String path) {
    return ApiException.field(path, "invalid_value", path + " must not be empty");
  }
}
