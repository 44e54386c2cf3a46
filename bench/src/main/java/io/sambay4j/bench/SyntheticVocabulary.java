package io.sambay4j.bench;

import io.sambay4j.weights.GgufWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * A vocabulary of any size that every GGUF engine accepts: the 256 bytes, pairs of small letters
 * with the merges that make them, the control tokens of Phi-4-mini where its vocabulary is large
 * enough for their ids, and unused tokens in between. Texts become ids and ids texts; no text
 * becomes as few ids as with a real one.
 *
 * @param tokens by id
 * @param kinds GGUF's token types: 1 ordinary, 3 control, 5 unused
 * @param merges "left right"
 */
@SuppressWarnings("ArrayRecordComponent") // made here, used once
record SyntheticVocabulary(List<String> tokens, int[] kinds, List<String> merges) {
  private static final int ORDINARY = 1;
  private static final int CONTROL = 3;
  private static final int UNUSED = 5;
  private static final int BYTES = 256;

  private static final List<String> CONTROL_TOKENS =
      List.of("<|endoftext|>", "<|assistant|>", "<|end|>", "<|user|>", "<|system|>");

  /** Phi-4-mini's, without its tools. */
  private static final String TEMPLATE =
      "{% for message in messages %}"
          + "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
          + "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

  /** Where they are in Phi-4-mini. */
  private static final List<Integer> CONTROL_IDS =
      List.of(199_999, 200_019, 200_020, 200_021, 200_022);

  /**
   * A vocabulary of a size.
   *
   * @param size at least 261: the bytes and the control tokens
   */
  static SyntheticVocabulary of(int size) {
    if (size < BYTES + CONTROL_TOKENS.size()) {
      throw new IllegalArgumentException(
          "a vocabulary needs %d tokens, not %d".formatted(BYTES + CONTROL_TOKENS.size(), size));
    }
    boolean real = size > CONTROL_IDS.get(CONTROL_IDS.size() - 1);
    List<String> tokens = new ArrayList<>(byteTokens());
    List<String> merges = new ArrayList<>();
    int room = size - CONTROL_TOKENS.size();
    for (char left = 'a'; left <= 'z'; left++) {
      for (char right = 'a'; right <= 'z' && tokens.size() < room; right++) {
        tokens.add("" + left + right);
        merges.add(left + " " + right);
      }
    }
    int ordinary = tokens.size();
    while (tokens.size() < size) {
      tokens.add("[unused" + tokens.size() + "]");
    }
    int[] kinds = new int[size];
    for (int id = 0; id < size; id++) {
      kinds[id] = id < ordinary ? ORDINARY : UNUSED;
    }
    for (int i = 0; i < CONTROL_TOKENS.size(); i++) {
      int id = real ? CONTROL_IDS.get(i) : room + i;
      tokens.set(id, CONTROL_TOKENS.get(i));
      kinds[id] = CONTROL;
    }
    return new SyntheticVocabulary(tokens, kinds, merges);
  }

  /** Bytes as byte-level BPE spells them: visible ones as themselves, others from U+0100 on. */
  private static List<String> byteTokens() {
    List<String> tokens = new ArrayList<>(BYTES);
    int others = 0;
    for (int b = 0; b < BYTES; b++) {
      boolean visible = (b > 32 && b < 127) || (b > 160 && b != 173);
      tokens.add(String.valueOf((char) (visible ? b : BYTES + others++)));
    }
    return tokens;
  }

  void putInto(GgufWriter.Metadata metadata) {
    metadata
        .put("tokenizer.ggml.model", "gpt2")
        .put("tokenizer.ggml.pre", "gpt-4o")
        .put("tokenizer.ggml.tokens", tokens)
        .put("tokenizer.ggml.token_type", kinds)
        .put("tokenizer.ggml.merges", merges)
        .put("tokenizer.ggml.add_bos_token", false)
        .put("tokenizer.chat_template", TEMPLATE);
  }
}
