package io.sambay4j.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.InvalidModelException;
import io.sambay4j.tokenizer.PreTokenizer.Behavior;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The content of a {@code tokenizer.json}, as far as byte-level BPE goes; everything else is
 * refused by name.
 *
 * @param where the file, for messages
 * @param vocabulary ids of the entries, spelled in the {@link ByteAlphabet}
 * @param addedTokens tokens beside the vocabulary, by id
 * @param nfc whether text is brought into Unicode normal form C first
 * @param ignoreMerges whether a piece that is an entry as a whole takes its id without merging
 */
record TokenizerFile(
    String where,
    Map<String, Integer> vocabulary,
    MergeList merges,
    boolean ignoreMerges,
    Map<Integer, AddedToken> addedTokens,
    boolean nfc,
    PreTokenizer preTokenizer) {
  private static final long MAX_BYTES = 64L << 20;
  private static final long MAX_CONFIG_BYTES = 4L << 20;

  /** Ids below this are accepted: sixteen times the largest published vocabulary. */
  private static final int MAX_ID = 1 << 22;

  private static final int MAX_ADDED_TOKEN_CHARACTERS = 1024;

  /**
   * Reads the files; the second adds tokens that the first lacks and decides on the flags of those
   * in both.
   */
  static TokenizerFile read(Path tokenizerJson, @Nullable Path tokenizerConfigJson) {
    String where = tokenizerJson.toString();
    JsonNode root = JsonFile.readObject(tokenizerJson, MAX_BYTES);
    JsonNode model = JsonFile.object(where + ": model", root.path("model"));
    checkModel(where, model);

    Map<String, Integer> vocabulary = readVocabulary(where, model);
    MergeList merges = readMerges(where, model, vocabulary);
    Map<Integer, AddedToken> added = new LinkedHashMap<>();
    if (!JsonFile.isAbsent(root, "added_tokens")) {
      JsonNode tokens = JsonFile.array(where + ": added_tokens", root.get("added_tokens"));
      for (int i = 0; i < tokens.size(); i++) {
        String field = where + ": added_tokens[" + i + "]";
        JsonNode token = JsonFile.object(field, tokens.get(i));
        int id = JsonFile.id(field + ".id", token.path("id"), MAX_ID);
        if (added.put(id, addedToken(field, id, token)) != null) {
          throw new InvalidModelException(field + ": the id " + id + " is already taken");
        }
      }
    }
    if (tokenizerConfigJson != null) {
      completeAddedTokens(tokenizerConfigJson, added);
    }
    checkIds(where, vocabulary, added);
    return new TokenizerFile(
        where,
        vocabulary,
        merges,
        JsonFile.flag(where + ": model", model, "ignore_merges", false),
        added,
        readNormalizer(where, root),
        readPreTokenizer(where, root));
  }

  private static void checkModel(String where, JsonNode model) {
    String type =
        model.path("type").isMissingNode()
            ? "BPE"
            : JsonFile.text(where + ": model.type", model.path("type"));
    if (!type.equals("BPE")) {
      throw unsupported(where, "model", type, "BPE");
    }
    if (model.path("dropout").asDouble(0) != 0) {
      throw new InvalidModelException(
          where + ": model.dropout is not 0; merging at random is not supported");
    }
    for (String field : new String[] {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!JsonFile.isAbsent(model, field)
          && !JsonFile.text(where + ": model." + field, model.get(field)).isEmpty()) {
        throw new InvalidModelException(
            where + ": model." + field + " is set, which byte-level BPE does not use");
      }
    }
  }

  private static Map<String, Integer> readVocabulary(String where, JsonNode model) {
    JsonNode node = JsonFile.object(where + ": model.vocab", model.path("vocab"));
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      String name = where + ": model.vocab[\"" + shorten(field.getKey()) + "\"]";
      vocabulary.put(field.getKey(), JsonFile.id(name, field.getValue(), MAX_ID));
    }
    return vocabulary;
  }

  private static MergeList readMerges(
      String where, JsonNode model, Map<String, Integer> vocabulary) {
    JsonNode node = JsonFile.array(where + ": model.merges", model.path("merges"));
    MergeList merges = new MergeList();
    for (int i = 0; i < node.size(); i++) {
      JsonNode merge = node.get(i);
      String left;
      String right;
      String field = where + ": model.merges[" + i + "]";
      if (merge.isTextual()) {
        String both = merge.textValue();
        int space = both.indexOf(' ');
        if (space < 1 || space == both.length() - 1 || both.indexOf(' ', space + 1) >= 0) {
          throw new InvalidModelException(
              field + ": expected two tokens with a space between them");
        }
        left = both.substring(0, space);
        right = both.substring(space + 1);
      } else {
        if (JsonFile.array(field, merge).size() != 2) {
          throw new InvalidModelException(field + ": expected two tokens, found " + merge.size());
        }
        left = JsonFile.text(field + "[0]", merge.get(0));
        right = JsonFile.text(field + "[1]", merge.get(1));
      }
      merges.add(
          vocabularyId(field, vocabulary, left),
          vocabularyId(field, vocabulary, right),
          vocabularyId(field, vocabulary, left + right));
    }
    return merges;
  }

  private static int vocabularyId(String field, Map<String, Integer> vocabulary, String entry) {
    Integer id = vocabulary.get(entry);
    if (id == null) {
      throw new InvalidModelException(field + ": \"" + shorten(entry) + "\" is not in model.vocab");
    }
    return id;
  }

  private static AddedToken addedToken(String field, int id, JsonNode token) {
    String content = JsonFile.text(field + ".content", token.path("content"));
    if (content.isEmpty() || content.length() > MAX_ADDED_TOKEN_CHARACTERS) {
      throw new InvalidModelException(
          field
              + ".content: has "
              + content.length()
              + " characters, expected 1 to "
              + MAX_ADDED_TOKEN_CHARACTERS);
    }
    return new AddedToken(
        id,
        content,
        JsonFile.flag(field, token, "single_word", false),
        JsonFile.flag(field, token, "lstrip", false),
        JsonFile.flag(field, token, "rstrip", false),
        JsonFile.flag(field, token, "special", false));
  }

  private static void completeAddedTokens(
      Path tokenizerConfigJson, Map<Integer, AddedToken> added) {
    JsonNode config = JsonFile.readObject(tokenizerConfigJson, MAX_CONFIG_BYTES);
    String where = tokenizerConfigJson + ": added_tokens_decoder";
    if (JsonFile.isAbsent(config, "added_tokens_decoder")) {
      return;
    }
    JsonNode decoder = JsonFile.object(where, config.get("added_tokens_decoder"));
    for (Map.Entry<String, JsonNode> entry : decoder.properties()) {
      String key = entry.getKey();
      int id = key.matches("\\d{1,9}") ? Integer.parseInt(key) : -1;
      if (id < 0 || id >= MAX_ID) {
        throw new InvalidModelException(
            where
                + ": expected token ids from 0 to "
                + (MAX_ID - 1)
                + " as keys, found \""
                + shorten(key)
                + "\"");
      }
      String field = where + "[" + id + "]";
      AddedToken token = addedToken(field, id, JsonFile.object(field, entry.getValue()));
      AddedToken known = added.put(id, token);
      if (known != null && !known.content().equals(token.content())) {
        throw new InvalidModelException(
            field
                + ": is \""
                + shorten(token.content())
                + "\", but \""
                + shorten(known.content())
                + "\" in tokenizer.json");
      }
    }
  }

  private static void checkIds(
      String where, Map<String, Integer> vocabulary, Map<Integer, AddedToken> added) {
    Map<Integer, String> entryOfId = new HashMap<>();
    vocabulary.forEach(
        (entry, id) -> {
          String other = entryOfId.put(id, entry);
          if (other != null) {
            throw new InvalidModelException(
                where
                    + ": model.vocab gives the id "
                    + id
                    + " to both \""
                    + shorten(other)
                    + "\" and \""
                    + shorten(entry)
                    + "\"");
          }
        });
    Set<String> contents = new HashSet<>();
    for (AddedToken token : added.values()) {
      String entry = entryOfId.get(token.id());
      Integer id = vocabulary.get(token.content());
      if ((entry != null && !entry.equals(token.content())) || (id != null && id != token.id())) {
        throw new InvalidModelException(
            where
                + ": the added token \""
                + shorten(token.content())
                + "\" has the id "
                + token.id()
                + ", which disagrees with model.vocab");
      }
      if (!contents.add(token.content())) {
        throw new InvalidModelException(
            where + ": the added token \"" + shorten(token.content()) + "\" has two ids");
      }
    }
  }

  private static boolean readNormalizer(String where, JsonNode root) {
    if (JsonFile.isAbsent(root, "normalizer")) {
      return false;
    }
    JsonNode node = JsonFile.object(where + ": normalizer", root.get("normalizer"));
    String type = JsonFile.text(where + ": normalizer.type", node.path("type"));
    if (!type.equals("NFC")) {
      throw unsupported(where, "normalizer", type, "none, NFC");
    }
    return true;
  }

  private static PreTokenizer readPreTokenizer(String where, JsonNode root) {
    if (JsonFile.isAbsent(root, "pre_tokenizer")) {
      return new PreTokenizer.Sequence(List.of());
    }
    return preTokenizer(where + ": pre_tokenizer", root.get("pre_tokenizer"));
  }

  private static PreTokenizer preTokenizer(String field, JsonNode node) {
    String type = JsonFile.text(field + ".type", JsonFile.object(field, node).path("type"));
    return switch (type) {
      case "Sequence" -> {
        JsonNode steps = JsonFile.array(field + ".pretokenizers", node.path("pretokenizers"));
        List<PreTokenizer> sequence = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
          sequence.add(preTokenizer(field + ".pretokenizers[" + i + "]", steps.get(i)));
        }
        yield new PreTokenizer.Sequence(sequence);
      }
      case "ByteLevel" -> {
        List<PreTokenizer> sequence = new ArrayList<>();
        if (JsonFile.flag(field, node, "add_prefix_space", true)) {
          sequence.add(new PreTokenizer.PrefixSpace());
        }
        if (JsonFile.flag(field, node, "use_regex", true)) {
          SafePattern pattern = SafePattern.regex(field, PreTokenizer.GPT2_PATTERN);
          sequence.add(new PreTokenizer.Split(pattern, Behavior.ISOLATED, false));
        }
        yield new PreTokenizer.Sequence(sequence);
      }
      case "Digits" ->
          new PreTokenizer.Digits(JsonFile.flag(field, node, "individual_digits", false));
      case "Split" ->
          new PreTokenizer.Split(
              pattern(field + ".pattern", node.path("pattern")),
              behavior(field + ".behavior", node.path("behavior")),
              JsonFile.flag(field, node, "invert", false));
      default ->
          throw new InvalidModelException(
              field
                  + ": the type \""
                  + shorten(type)
                  + "\" is not supported; supported are ByteLevel, Split, Digits, Sequence");
    };
  }

  private static SafePattern pattern(String field, JsonNode node) {
    JsonFile.object(field, node);
    if (node.has("Regex")) {
      return SafePattern.regex(
          field + ".Regex", JsonFile.text(field + ".Regex", node.get("Regex")));
    }
    return SafePattern.literal(
        field + ".String", JsonFile.text(field + ".String", node.path("String")));
  }

  private static Behavior behavior(String field, JsonNode node) {
    String name = JsonFile.text(field, node);
    for (Behavior behavior : Behavior.values()) {
      if (behavior.name().replace("_", "").equals(name.toUpperCase(Locale.ROOT))) {
        return behavior;
      }
    }
    throw new InvalidModelException(
        field
            + ": is \""
            + shorten(name)
            + "\", expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
  }

  private static InvalidModelException unsupported(
      String where, String what, String type, String supported) {
    return new InvalidModelException(
        where
            + ": the "
            + what
            + " \""
            + shorten(type)
            + "\" is not supported; supported: "
            + supported);
  }

  private static String shorten(String text) {
    return text.length() > 40 ? text.substring(0, 40) + "..." : text;
  }
}
