package io.sambay4j.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.GeneratedToken;
import io.sambay4j.PromptToken;
import io.sambay4j.sampling.TokenLogProbability;
import io.sambay4j.server.http.Json;
import io.sambay4j.tokenizer.IncrementalDecoder;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.List;

/** The object {@code logprobs} of a completion: one list for each kind of figure. */
final class CompletionLogProbabilities {
  private final Tokenizer tokenizer;
  private final ObjectNode object = Json.object();
  private final ArrayNode tokens = object.putArray("tokens");
  private final ArrayNode values = object.putArray("token_logprobs");
  private final ArrayNode tops = object.putArray("top_logprobs");
  private final ArrayNode offsets = object.putArray("text_offset");

  CompletionLogProbabilities(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * Adds a prompt. Nothing stands before its first token, so there is no figure for it, nor for
   * tokens that were not read before the request's time was over.
   *
   * @param ids all its tokens
   * @param read those after the first, with their figures
   */
  void addPrompt(List<Integer> ids, List<PromptToken> read) {
    IncrementalDecoder decoder = new IncrementalDecoder(tokenizer);
    int at = 0;
    for (int i = 0; i < ids.size(); i++) {
      tokens.add(AnswerJson.text(tokenizer, ids.get(i)));
      offsets.add(at);
      at += decoder.append(ids.get(i)).length();
      if (i == 0 || i > read.size()) {
        values.addNull();
        tops.addNull();
      } else {
        PromptToken token = read.get(i - 1);
        addFigures(token.logProbability(), token.alternatives());
      }
    }
  }

  /**
   * Adds tokens of an answer.
   *
   * @param offset where their text begins
   * @return the whole object
   */
  ObjectNode add(List<GeneratedToken> generated, int offset) {
    int at = offset;
    for (GeneratedToken token : generated) {
      tokens.add(AnswerJson.text(tokenizer, token.id()));
      offsets.add(at);
      at += token.text().length();
      addFigures(token.logProbability(), token.alternatives());
    }
    return object;
  }

  private void addFigures(double logProbability, List<TokenLogProbability> alternatives) {
    values.add(AnswerJson.finite(logProbability));
    ObjectNode top = tops.addObject();
    for (TokenLogProbability other : alternatives) {
      String text = AnswerJson.text(tokenizer, other.token());
      if (!top.has(text)) { // bytes of different halves of characters look alike; the best stays
        top.put(text, AnswerJson.finite(other.logProbability()));
      }
    }
  }
}
