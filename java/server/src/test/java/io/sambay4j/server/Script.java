package io.sambay4j.server;

import io.sambay4j.ChatMessage;
import io.sambay4j.GenerationRequest;
import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.TextModel;
import io.sambay4j.sampling.LogitsProcessor;
import io.sambay4j.sampling.TokenHistory;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * Makes a model say what the user's last message says, byte by byte: the model in the box neither
 * thinks nor calls tools by itself. It only wants to: what an answer is held to still holds, so
 * that a budget closes the thought and a schema decides what may come. {@link #OR} stands between
 * texts that are equally probable.
 *
 * <p>Where a thought was closed for it, it goes on with what its text says after the thought. What
 * it is kept from saying otherwise, it gives up, and ends.
 */
final class Script implements UnaryOperator<GenerationRequest> {
  static final String OR = "||";

  private static final String CLOSE = "</think>";
  private static final float WANTED = 1e4f;

  private final int[] tokensOfBytes = new int[256];
  private final TextModel model;

  Script(TextModel model) {
    this.model = model;
    for (int id = 0; id < model.tokenizer().vocabularySize(); id++) {
      byte[] bytes = model.tokenizer().tokenBytes(id);
      if (bytes.length == 1) {
        tokensOfBytes[bytes[0] & 0xff] = id;
      }
    }
  }

  @Override
  public GenerationRequest apply(GenerationRequest request) {
    if (!(request.prompt() instanceof Prompt.Chat chat)) {
      return request;
    }
    List<byte[]> texts = new ArrayList<>();
    for (String text : lastOfUser(chat).split(Pattern.quote(OR), -1)) {
      texts.add(text.getBytes(StandardCharsets.UTF_8));
    }
    LogitsProcessor script = (history, logits) -> want(texts, history, logits);
    return new GenerationRequest(
        request.prompt(),
        request.sampling(),
        request.maxTokens(),
        request.stop(),
        request.stopTokens(),
        request.ignoreEndTokens(),
        request.promptLogProbabilities(),
        List.of(script),
        request.stopWhen(),
        request.priority(),
        request.timeLimit(),
        request.prefixCache(),
        request.constraint());
  }

  private static String lastOfUser(Prompt.Chat chat) {
    return chat.messages().stream()
        .filter(message -> message.role().equals("user"))
        .map(ChatMessage::content)
        .reduce("", (before, last) -> last);
  }

  private void want(List<byte[]> texts, TokenHistory history, float[] logits) {
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    for (int i = history.promptLength(); i < history.length(); i++) {
      said.writeBytes(model.tokenizer().tokenBytes(history.token(i)));
    }
    List<Integer> wanted = new ArrayList<>();
    for (byte[] text : texts) {
      addNext(latin1(text), latin1(said.toByteArray()), wanted);
    }
    if (wanted.isEmpty()) {
      for (byte[] text : texts) {
        addNext(afterThought(latin1(text)), afterThought(latin1(said.toByteArray())), wanted);
      }
    }
    if (wanted.isEmpty()) {
      wanted.add(model.endTokens().get(0));
    }
    wanted.forEach(token -> logits[token] = WANTED);
  }

  /** What follows in a text of which something has been said. */
  private void addNext(String text, String said, List<Integer> wanted) {
    if (text.startsWith(said)) {
      wanted.add(
          text.length() == said.length()
              ? model.endTokens().get(0)
              : tokensOfBytes[text.charAt(said.length())]);
    }
  }

  private static String afterThought(String text) {
    int close = text.indexOf(CLOSE);
    return close < 0 ? text : text.substring(close + CLOSE.length());
  }

  private static String latin1(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }
}
