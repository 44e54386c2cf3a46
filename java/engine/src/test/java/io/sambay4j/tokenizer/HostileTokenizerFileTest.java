package io.sambay4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.InvalidModelException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hostile inputs, row "tokenizer.json, chat template": the tokenizer's part. */
class HostileTokenizerFileTest {
  private static final List<List<String>> MERGES = List.of(List.of("t", "h"), List.of("th", "e"));

  private static final String JSON_BYTES = "\"{}[],:0123456789-eabt \\\u0000\u00ff";

  @TempDir Path directory;

  private Path file() {
    return directory.resolve("tokenizer.json");
  }

  private void refused(String expected, Consumer<ObjectNode> change) {
    ObjectNode root = TestFiles.bpe(MERGES);
    change.accept(root);
    refusedFile(expected, TestFiles.write(file(), root));
  }

  private static void refusedFile(String expected, Path file) {
    InvalidModelException e = assertThrows(InvalidModelException.class, () -> Tokenizer.read(file));
    assertTrue(e.toString().contains(expected), e::toString);
    assertTrue(e.toString().contains(file.getFileName().toString()), e::toString);
    assertTrue(e.toString().length() < 1000, e::toString);
  }

  private static ObjectNode model(ObjectNode root) {
    return (ObjectNode) root.get("model");
  }

  private static ObjectNode vocabulary(ObjectNode root) {
    return (ObjectNode) model(root).get("vocab");
  }

  private static ArrayNode merges(ObjectNode root) {
    return (ArrayNode) model(root).get("merges");
  }

  @Test
  void missingFile() {
    refusedFile("no such file", directory.resolve("absent.json"));
    refusedFile("not a regular one", directory);
  }

  @Test
  void malformedJson() throws IOException {
    String good = TestFiles.bpe(MERGES).toString();
    for (String bad :
        List.of(
            "",
            "{",
            "nonsense",
            "[]",
            "null",
            "{\"model\":1e}",
            good.substring(0, good.length() / 2),
            good + "{}",
            "\u0000")) {
      Files.writeString(file(), bad);
      refusedFile("JSON", file());
    }
    Files.write(file(), new byte[] {'{', '"', (byte) 0xC3, '"', ':', '1', '}'});
    refusedFile("not valid UTF-8", file());
  }

  @Test
  void enormousFileIsRefusedBeforeReading() throws IOException {
    try (RandomAccessFile sparse = new RandomAccessFile(file().toFile(), "rw")) {
      sparse.setLength(1L << 40);
    }
    refusedFile("at most", file());
  }

  @Test
  void deepJson() throws IOException {
    Files.writeString(file(), "{\"model\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}");
    refusedFile("JSON", file());
    Files.writeString(file(), "{\"a\":".repeat(50_000) + "1" + "}".repeat(50_000));
    refusedFile("JSON", file());
  }

  @Test
  void duplicateKeys() throws IOException {
    String twice = TestFiles.bpe(MERGES).toString().replace("\"th\":256", "\"th\":256,\"th\":300");
    Files.writeString(file(), twice);
    refusedFile("Duplicate field 'th'", file());
  }

  @Test
  void duplicateIds() {
    refused("gives the id 256 to both", root -> vocabulary(root).put("the", 256));
    refused(
        "added_tokens[1].id is '400', expected one that no token before it has",
        root -> {
          TestFiles.addToken(root, 400, "<|a|>");
          TestFiles.addToken(root, 400, "<|b|>");
        });
    refused("disagrees with model.vocab", root -> TestFiles.addToken(root, 65, "<|a|>"));
    refused(
        "has two ids",
        root -> {
          TestFiles.addToken(root, 400, "<|a|>");
          TestFiles.addToken(root, 401, "<|a|>");
        });
  }

  @Test
  void idsThatAreNone() {
    refused("expected an integer from 0 to 4194303", root -> vocabulary(root).put("the", -1));
    refused(
        "expected an integer from 0 to 4194303",
        root -> vocabulary(root).put("the", Integer.MAX_VALUE));
    refused(
        "expected an integer from 0 to 4194303",
        root -> vocabulary(root).put("the", Long.MAX_VALUE));
    refused("expected an integer from 0 to 4194303", root -> vocabulary(root).put("the", 1.5));
    refused("expected an integer from 0 to 4194303", root -> vocabulary(root).put("the", "1"));
    refused("expected an integer from 0 to 4194303", root -> vocabulary(root).putNull("the"));
    refused("expected an integer from 0 to 4194303", root -> TestFiles.addToken(root, -5, "<|a|>"));
  }

  @Test
  void mergesThatLackAPart() {
    refused("expected two tokens that are in model.vocab", root -> merges(root).add("x yz"));
    refused("expected two tokens that are in model.vocab", root -> merges(root).add("a b"));
    refused("expected two tokens", root -> merges(root).add("ab"));
    refused("expected two tokens", root -> merges(root).add("a "));
    refused("expected two tokens", root -> merges(root).add("a b c"));
    refused("expected two tokens", root -> merges(root).addArray().add("a"));
    refused("merges[2] is '7', expected two tokens", root -> merges(root).add(7));
    refused("expected two tokens", root -> merges(root).addArray().add(1).add(2));
    refused("expected an array", root -> model(root).remove("merges"));
    refused("expected an object", root -> model(root).remove("vocab"));
  }

  @Test
  void mergesOutOfOrder() {
    refused(
        "only a later merge makes",
        root -> {
          ArrayNode merges = model(root).putArray("merges");
          merges.add("th e").add("t h");
        });
  }

  @Test
  void vocabularyWithoutAllBytes() {
    refused("has no entry \"A\" for the byte 65", root -> vocabulary(root).remove("A"));
  }

  @Test
  void addedTokenThatTextCouldSpell() {
    refused(
        "text could not be told from control tokens", root -> TestFiles.addToken(root, 257, "the"));
    refused("expected 1 to 1024 characters", root -> TestFiles.addToken(root, 400, ""));
  }

  @Test
  void unsupportedTypesAreNamed() {
    refused(
        "model.type is '\"Unigram\"', expected BPE", root -> model(root).put("type", "Unigram"));
    refused(
        "model.type is '\"WordPiece\"', expected BPE",
        root -> model(root).put("type", "WordPiece"));
    refused(
        "normalizer.type is '\"NFKC\"'", root -> root.putObject("normalizer").put("type", "NFKC"));
    refused(
        "pre_tokenizer.type is '\"Metaspace\"'",
        root -> root.putObject("pre_tokenizer").put("type", "Metaspace"));
    refused("model.dropout is '0.1', expected 0", root -> model(root).put("dropout", 0.1));
    refused("end_of_word_suffix", root -> model(root).put("end_of_word_suffix", "</w>"));
    refused("expected a string", root -> root.putObject("pre_tokenizer"));
    refused(
        "pretokenizers is missing, expected an array",
        root -> root.putObject("pre_tokenizer").put("type", "Sequence"));
    refused("expected Removed, Isolated", root -> split(root, "a").put("behavior", "Whatever"));
  }

  private static ObjectNode split(ObjectNode root, String regex) {
    ObjectNode split =
        root.putObject("pre_tokenizer")
            .put("type", "Split")
            .put("behavior", "Isolated")
            .put("invert", false);
    split.putObject("pattern").put("Regex", regex);
    return split;
  }

  @Test
  void catastrophicRegularExpressionsAreRefused() {
    for (String regex :
        List.of(
            "(a+)+$",
            "(a|a)*b",
            "(?:a*)*b",
            "(a*)*",
            "((a?){1,1000}){1,1000}",
            "(?:){2000000000}",
            "(?:$|$)(?:$|$)",
            "(?:^)?(?:^)?",
            "(a)\\1",
            "a{1,100000}",
            "(?<name>a)",
            "(".repeat(10_000) + ")".repeat(10_000),
            "[[:alpha:]]",
            "[a&&b]",
            "\\h",
            "\\p{NoSuchScript}",
            "[z-a]",
            "[a",
            "(a",
            "a)",
            "*a",
            "\\",
            "a".repeat(5000))) {
      refused("regular expression", root -> split(root, regex));
    }
  }

  @Test
  void slowRegularExpressionsAreStopped() {
    for (String regex : List.of("a*a*a*a*a*b", "(?=a*a*a*b)a", "a*?a*?a*?a*?b", "a*a*a*(?!)")) {
      ObjectNode root = TestFiles.bpe(MERGES);
      split(root, regex);
      Tokenizer tokenizer = Tokenizer.read(TestFiles.write(file(), root));
      assertEquals(4, tokenizer.encode("xyzb").length);
      InvalidModelException e =
          assertThrows(InvalidModelException.class, () -> tokenizer.encode("a".repeat(20_000)));
      assertTrue(e.toString().contains("steps per character"), e::toString);
    }
  }

  @Test
  void entriesTooLongForTheirCheckAreRefused() {
    refused("too many long entries", root -> vocabulary(root).put("a".repeat(40_000), 300));
  }

  @Test
  void addedTokensOfTheConfigurationAreCheckedAlike() {
    ObjectNode root = TestFiles.bpe(MERGES);
    TestFiles.addToken(root, 300, "<|a|>");
    TestFiles.write(file(), root);
    for (String config :
        List.of(
            "{\"added_tokens_decoder\":[]}",
            "{\"added_tokens_decoder\":{\"-1\":{\"content\":\"x\"}}}",
            "{\"added_tokens_decoder\":{\"99999999999\":{\"content\":\"x\"}}}",
            "{\"added_tokens_decoder\":{\"x\":{\"content\":\"x\"}}}",
            "{\"added_tokens_decoder\":{\"301\":{\"content\":\"\"}}}",
            "{\"added_tokens_decoder\":{\"301\":{}}}",
            "{\"added_tokens_decoder\":{\"300\":{\"content\":\"<|b|>\"}}}",
            "{\"added_tokens_decoder\":{\"301\":{\"content\":\"<|a|>\"}}}",
            "{\"added_tokens_decoder\":{\"301\":{\"content\":\"<|b|>\",\"special\":\"yes\"}}}")) {
      Path configFile = directory.resolve("tokenizer_config.json");
      writeString(configFile, config);
      assertThrows(InvalidModelException.class, () -> Tokenizer.read(file(), configFile), config);
    }
  }

  private static void writeString(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /**
   * Whatever is changed in a good file: it is read, or refused with a sentence, and nothing else
   * happens.
   */
  @Test
  void mutatedFilesAreReadOrRefused() throws IOException {
    byte[] good = Files.readAllBytes(TestFiles.tinyReasoner().resolve("tokenizer.json"));
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int refused = 0;
    for (int round = 0; round < 500; round++) {
      byte[] bytes = good.clone();
      for (int i = random.nextInt(3); i >= 0; i--) {
        bytes[random.nextInt(bytes.length)] =
            (byte) JSON_BYTES.charAt(random.nextInt(JSON_BYTES.length()));
      }
      Files.write(file(), bytes);
      try {
        Tokenizer.read(file()).encode("Uma has 90 apples");
      } catch (InvalidModelException e) {
        refused++;
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed, e);
      }
    }
    assertTrue(refused > 50, "seed " + seed);
  }
}
