package io.sambay4j.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.weights.ModelDirectory;
import io.sambay4j.weights.TokenizerConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Tokenizer files that several tests read. */
public final class TestFiles {
  static final ObjectMapper JSON = new ObjectMapper();

  private TestFiles() {}

  public static Path tinyReasoner() {
    return Path.of(System.getProperty("sambay.root", "../..")).resolve("models/tiny-reasoner");
  }

  /** The directory with the real model's configuration files. */
  public static Path phi() {
    return Path.of("src/test/resources/phi-4-mini-flash-reasoning");
  }

  /** The chat template of a model directory, read as the engine does. */
  public static ChatTemplate chatTemplate(Path modelDirectory) {
    TokenizerConfig config = TokenizerConfig.read(ModelDirectory.open(modelDirectory));
    return ChatTemplate.of(
        config.chatTemplate().orElseThrow(),
        Objects.requireNonNullElse(config.bosToken(), ""),
        Objects.requireNonNullElse(config.eosToken(), ""));
  }

  static Path write(Path file, JsonNode content) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      JSON.writeValue(file.toFile(), content);
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static JsonNode read(Path file) {
    try {
      return JSON.readTree(file.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A tokenizer.json with all bytes, then the results of the merges.
   *
   * @param merges pairs of entries in the byte alphabet
   */
  static ObjectNode bpe(List<List<String>> merges) {
    ObjectNode root = JSON.createObjectNode();
    root.put("version", "1.0");
    root.putArray("added_tokens");
    root.putNull("normalizer");
    root.putObject("pre_tokenizer")
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", true);
    root.putNull("post_processor");
    root.putObject("decoder")
        .put("type", "ByteLevel")
        .put("add_prefix_space", true)
        .put("trim_offsets", true)
        .put("use_regex", true);
    ObjectNode model = root.putObject("model").put("type", "BPE");
    model.putNull("dropout").putNull("unk_token");
    model.put("fuse_unk", false).put("byte_fallback", false).put("ignore_merges", false);
    ObjectNode vocabulary = model.putObject("vocab");
    for (int b = 0; b < 256; b++) {
      vocabulary.put(String.valueOf(ByteAlphabet.character(b)), b);
    }
    ArrayNode list = model.putArray("merges");
    for (List<String> merge : merges) {
      list.add(merge.get(0) + " " + merge.get(1));
      String result = merge.get(0) + merge.get(1);
      if (!vocabulary.has(result)) {
        vocabulary.put(result, vocabulary.size());
      }
    }
    return root;
  }

  static ObjectNode addToken(ObjectNode root, int id, String content) {
    return ((ArrayNode) root.get("added_tokens"))
        .addObject()
        .put("id", id)
        .put("content", content)
        .put("single_word", false)
        .put("lstrip", false)
        .put("rstrip", false)
        .put("normalized", false)
        .put("special", true);
  }

  /**
   * o200k with the added tokens of Phi-4-mini, as a tokenizer.json: merges rebuilt from the ranks
   * jtokkit ships.
   */
  public static final class O200k {
    static final String PATTERN =
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
            + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
            + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    static final Path FILE = build();
    public static final Tokenizer TOKENIZER =
        Tokenizer.read(FILE, phi().resolve("tokenizer_config.json"));

    private O200k() {}

    private static Path build() {
      Map<String, Integer> ranks = readRanks();
      List<List<String>> merges = new ArrayList<>();
      for (Map.Entry<String, Integer> entry : ranks.entrySet()) {
        if (entry.getKey().length() > 1) {
          merges.add(lastMerge(entry.getKey(), entry.getValue(), ranks));
        }
      }
      ObjectNode root = bpe(merges);
      ObjectNode vocabulary = (ObjectNode) root.get("model").get("vocab");
      vocabulary.removeAll();
      ranks.forEach(vocabulary::put);
      root.set("pre_tokenizer", preTokenizer());
      JsonNode added = read(phi().resolve("tokenizer_config.json")).get("added_tokens_decoder");
      for (Map.Entry<String, JsonNode> entry : added.properties()) {
        ObjectNode token = addToken(root, Integer.parseInt(entry.getKey()), "");
        token.setAll((ObjectNode) entry.getValue());
        // The Hugging Face library numbers added tokens anew unless the vocabulary has them too.
        vocabulary.put(token.get("content").textValue(), Integer.parseInt(entry.getKey()));
      }
      return write(Path.of("target/o200k/tokenizer.json"), root);
    }

    private static ObjectNode preTokenizer() {
      ObjectNode sequence = JSON.createObjectNode().put("type", "Sequence");
      ArrayNode steps = sequence.putArray("pretokenizers");
      ObjectNode split = steps.addObject().put("type", "Split");
      split.putObject("pattern").put("Regex", PATTERN);
      split.put("behavior", "Removed").put("invert", true);
      steps
          .addObject()
          .put("type", "ByteLevel")
          .put("add_prefix_space", false)
          .put("trim_offsets", true)
          .put("use_regex", false);
      return sequence;
    }

    private static Map<String, Integer> readRanks() {
      Map<String, Integer> ranks = new LinkedHashMap<>();
      try (InputStream in =
              com.knuddels.jtokkit.Encodings.class.getResourceAsStream("o200k_base.tiktoken");
          BufferedReader lines =
              new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          int space = line.indexOf(' ');
          StringBuilder entry = new StringBuilder();
          for (byte b : Base64.getDecoder().decode(line.substring(0, space))) {
            entry.append(ByteAlphabet.character(b & 0xFF));
          }
          ranks.put(entry.toString(), Integer.parseInt(line.substring(space + 1)));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return ranks;
    }

    /** The two parts that merging by rank leaves just before an entry is complete. */
    private static List<String> lastMerge(String entry, int rank, Map<String, Integer> ranks) {
      List<String> parts = new ArrayList<>();
      for (int i = 0; i < entry.length(); i++) {
        parts.add(entry.substring(i, i + 1));
      }
      while (parts.size() > 2) {
        int best = Integer.MAX_VALUE;
        int at = -1;
        for (int i = 0; i + 1 < parts.size(); i++) {
          int candidate = ranks.getOrDefault(parts.get(i) + parts.get(i + 1), Integer.MAX_VALUE);
          if (candidate < best && candidate < rank) {
            best = candidate;
            at = i;
          }
        }
        if (at < 0) {
          throw new IllegalStateException("no merges lead to " + entry);
        }
        String right = parts.remove(at + 1);
        parts.set(at, parts.get(at) + right);
      }
      return parts;
    }
  }
}
