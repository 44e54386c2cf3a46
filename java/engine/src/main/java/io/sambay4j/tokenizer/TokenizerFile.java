package io.sambay4j.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import io.sambay4j.InvalidModelException;
import io.sambay4j.json.JsonFields;
import io.sambay4j.json.Quote;
import io.sambay4j.tokenizer.PreTokenizer.Behavior;
import java.nio.file.Path;
import java.util.ArrayList;
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
  private static final int MAX_BYTES = 64 << 20;

  /** The largest id accepted: sixteen times the largest published vocabulary. */
  private static final int MAX_ID = (1 << 22) - 1;

  static final int MAX_ADDED_TOKEN_CHARACTERS = 1024;

  /**
   * Reads the files; the second adds tokens that the first lacks and decides on the flags of those
   * in both.
   */
  static TokenizerFile read(Path tokenizerJson, @Nullable JsonFields tokenizerConfig) {
    String where = tokenizerJson.toString();
    JsonFields root = JsonFields.read(tokenizerJson, MAX_BYTES);
    JsonFields model = root.object("model");
    checkModel(model);

    Map<String, Integer> vocabulary = readVocabulary(model.object("vocab"));
    MergeList merges = readMerges(model, vocabulary);
    Map<Integer, AddedToken> added = new LinkedHashMap<>();
    boolean hasAdded = root.has("added_tokens");
    for (JsonFields fields : hasAdded ? root.objects("added_tokens") : List.<JsonFields>of()) {
      AddedToken token = addedToken(fields.integer("id", 0, MAX_ID), fields);
      if (added.put(token.id(), token) != null) {
        throw fields.invalid("id", "one that no token before it has");
      }
    }
    if (tokenizerConfig != null) {
      completeAddedTokens(tokenizerConfig, added);
    }
    checkIds(where, vocabulary, added);
    return new TokenizerFile(
        where,
        vocabulary,
        merges,
        model.bool("ignore_merges", false),
        added,
        readNormalizer(root),
        readPreTokenizer(root));
  }

  /**
   * A tokenizer that is not described by such a file.
   *
   * @param merges "left right", in order
   */
  static TokenizerFile of(
      String where,
      Map<String, Integer> vocabulary,
      List<String> merges,
      Map<Integer, AddedToken> added,
      PreTokenizer preTokenizer) {
    MergeList list = new MergeList();
    for (String merge : merges) {
      int space = merge.indexOf(' ');
      Integer left = space < 1 ? null : vocabulary.get(merge.substring(0, space));
      Integer right = space < 1 ? null : vocabulary.get(merge.substring(space + 1));
      Integer result =
          space < 1
              ? null
              : vocabulary.get(merge.substring(0, space).concat(merge.substring(space + 1)));
      if (left == null || right == null || result == null) {
        throw new InvalidModelException(
            "%s: the merge %s, expected two tokens of the vocabulary, also joined, with a space between"
                .formatted(where, Quote.of(merge)));
      }
      list.add(left, right, result);
    }
    checkIds(where, vocabulary, added);
    return new TokenizerFile(where, vocabulary, list, false, added, false, preTokenizer);
  }

  private static void checkModel(JsonFields model) {
    String type = model.optionalString("type");
    if (type != null && !type.equals("BPE")) {
      throw model.invalid("type", "BPE, the only type supported");
    }
    if (model.number("dropout", 0, 0, 1) != 0) {
      throw model.invalid("dropout", "0, because merging at random is not supported");
    }
    for (String field : new String[] {"continuing_subword_prefix", "end_of_word_suffix"}) {
      String affix = model.optionalString(field);
      if (affix != null && !affix.isEmpty()) {
        throw model.invalid(field, "an empty string, because byte-level BPE does not use it");
      }
    }
  }

  private static Map<String, Integer> readVocabulary(JsonFields vocab) {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (String entry : vocab.names()) {
      vocabulary.put(entry, vocab.integer(entry, 0, MAX_ID));
    }
    return vocabulary;
  }

  private static MergeList readMerges(JsonFields model, Map<String, Integer> vocabulary) {
    JsonNode node = model.array("merges");
    MergeList merges = new MergeList();
    for (int i = 0; i < node.size(); i++) {
      String[] parts = mergeParts(node.get(i));
      if (parts == null) {
        throw model.invalid(
            "merges[" + i + "]",
            node.get(i),
            "two tokens, in a string with a space between them or in an array");
      }
      Integer left = vocabulary.get(parts[0]);
      Integer right = vocabulary.get(parts[1]);
      Integer result = vocabulary.get(parts[0] + parts[1]);
      if (left == null || right == null || result == null) {
        throw model.invalid(
            "merges[" + i + "]", node.get(i), "two tokens that are in model.vocab, also joined");
      }
      merges.add(left, right, result);
    }
    return merges;
  }

  /** The two sides of a merge, or null if it has not two. */
  private static String @Nullable [] mergeParts(JsonNode merge) {
    if (merge.isTextual()) {
      String both = merge.textValue();
      int space = both.indexOf(' ');
      boolean two = space > 0 && space < both.length() - 1 && both.indexOf(' ', space + 1) < 0;
      return two ? new String[] {both.substring(0, space), both.substring(space + 1)} : null;
    }
    boolean two =
        merge.isArray()
            && merge.size() == 2
            && merge.get(0).isTextual()
            && merge.get(1).isTextual();
    return two ? new String[] {merge.get(0).textValue(), merge.get(1).textValue()} : null;
  }

  private static AddedToken addedToken(int id, JsonFields token) {
    String content = token.string("content");
    if (content.isEmpty() || content.length() > MAX_ADDED_TOKEN_CHARACTERS) {
      throw token.invalid("content", "1 to " + MAX_ADDED_TOKEN_CHARACTERS + " characters");
    }
    return new AddedToken(
        id,
        content,
        token.bool("single_word", false),
        token.bool("lstrip", false),
        token.bool("rstrip", false),
        token.bool("special", false));
  }

  private static void completeAddedTokens(JsonFields config, Map<Integer, AddedToken> added) {
    JsonFields decoder = config.optionalObject("added_tokens_decoder");
    if (decoder == null) {
      return;
    }
    for (String name : decoder.names()) {
      int id = name.matches("\\d{1,9}") ? Integer.parseInt(name) : -1;
      if (id < 0 || id > MAX_ID) {
        throw new InvalidModelException(
            config.where("added_tokens_decoder")
                + " has the name "
                + Quote.of(name)
                + ", expected token ids from 0 to "
                + MAX_ID);
      }
      JsonFields fields = decoder.object(name);
      AddedToken token = addedToken(id, fields);
      AddedToken known = added.put(id, token);
      if (known != null && !known.content().equals(token.content())) {
        throw fields.invalid("content", Quote.of(known.content()) + " as in tokenizer.json");
      }
    }
  }

  private static void checkIds(
      String where, Map<String, Integer> vocabulary, Map<Integer, AddedToken> added) {
    int largest = vocabulary.values().stream().mapToInt(id -> id).max().orElse(-1);
    @Nullable String[] entryOfId = new String[largest + 1];
    vocabulary.forEach(
        (entry, id) -> {
          String other = entryOfId[id];
          entryOfId[id] = entry;
          if (other != null) {
            throw new InvalidModelException(
                where
                    + ": model.vocab gives the id "
                    + id
                    + " to both "
                    + Quote.of(other)
                    + " and "
                    + Quote.of(entry));
          }
        });
    Set<String> contents = new HashSet<>();
    for (AddedToken token : added.values()) {
      String entry = token.id() > largest ? null : entryOfId[token.id()];
      Integer id = vocabulary.get(token.content());
      if ((entry != null && !entry.equals(token.content())) || (id != null && id != token.id())) {
        throw new InvalidModelException(
            where
                + ": the added token "
                + Quote.of(token.content())
                + " has the id "
                + token.id()
                + ", which disagrees with model.vocab");
      }
      if (!contents.add(token.content())) {
        throw new InvalidModelException(
            where + ": the added token " + Quote.of(token.content()) + " has two ids");
      }
    }
  }

  private static boolean readNormalizer(JsonFields root) {
    JsonFields normalizer = root.optionalObject("normalizer");
    if (normalizer == null) {
      return false;
    }
    if (!normalizer.string("type").equals("NFC")) {
      throw normalizer.invalid("type", "NFC, the only normalizer supported");
    }
    return true;
  }

  private static PreTokenizer readPreTokenizer(JsonFields root) {
    JsonFields fields = root.optionalObject("pre_tokenizer");
    return fields == null ? new PreTokenizer.Sequence(List.of()) : preTokenizer(fields);
  }

  private static PreTokenizer preTokenizer(JsonFields fields) {
    return switch (fields.string("type")) {
      case "Sequence" -> {
        List<PreTokenizer> sequence = new ArrayList<>();
        for (JsonFields step : fields.objects("pretokenizers")) {
          sequence.add(preTokenizer(step));
        }
        yield new PreTokenizer.Sequence(sequence);
      }
      case "ByteLevel" -> {
        List<PreTokenizer> sequence = new ArrayList<>();
        if (fields.bool("add_prefix_space", true)) {
          sequence.add(new PreTokenizer.PrefixSpace());
        }
        if (fields.bool("use_regex", true)) {
          SafePattern pattern =
              SafePattern.regex(fields.where("use_regex"), PreTokenizer.GPT2_PATTERN);
          sequence.add(new PreTokenizer.Split(pattern, Behavior.ISOLATED, false));
        }
        yield new PreTokenizer.Sequence(sequence);
      }
      case "Digits" -> new PreTokenizer.Digits(fields.bool("individual_digits", false));
      case "Split" ->
          new PreTokenizer.Split(
              pattern(fields.object("pattern")), behavior(fields), fields.bool("invert", false));
      default -> throw fields.invalid("type", "ByteLevel, Split, Digits or Sequence");
    };
  }

  private static SafePattern pattern(JsonFields pattern) {
    String regex = pattern.optionalString("Regex");
    return regex != null
        ? SafePattern.regex(pattern.where("Regex"), regex)
        : SafePattern.literal(pattern.where("String"), pattern.string("String"));
  }

  private static Behavior behavior(JsonFields split) {
    String name = split.string("behavior");
    for (Behavior behavior : Behavior.values()) {
      if (behavior.name().replace("_", "").equals(name.toUpperCase(Locale.ROOT))) {
        return behavior;
      }
    }
    throw split.invalid(
        "behavior", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
  }
}
