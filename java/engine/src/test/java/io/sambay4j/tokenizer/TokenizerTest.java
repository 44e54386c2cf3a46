package io.sambay4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import io.sambay4j.ChatMessage;
import io.sambay4j.InvalidModelException;
import io.sambay4j.tokenizer.TestFiles.O200k;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Ids and texts, compared with the Hugging Face library and with jtokkit's own o200k. {@code
 * -Dsambay.fuzz.factor} makes the random texts more.
 */
class TokenizerTest {
  private static final int FACTOR = Integer.getInteger("sambay.fuzz.factor", 1);

  private static final List<List<String>> MERGES =
      List.of(
          List.of("t", "h"),
          List.of("th", "e"),
          List.of("Ġ", "the"),
          List.of("T", "h"),
          List.of("Th", "e"),
          List.of("i", "n"),
          List.of("in", "g"),
          List.of("Ġ", "Ġ"),
          List.of("ĠĠ", "ĠĠ"),
          List.of("3", "3"),
          List.of("'", "s"),
          List.of("u", "n"),
          List.of("Ã", "©"),
          List.of("ä", "¸"),
          List.of("ä¸", "Ń"),
          List.of("ð", "Ł"),
          List.of("ðŁ", "ĺ"),
          List.of("<", "|"),
          List.of("|", ">"),
          List.of("Ċ", "Ċ"));

  @TempDir Path directory;

  @Test
  void tinyReasonerQuestionsGiveTheIdsOfTheHuggingFaceLibraryAndComeBack() throws IOException {
    Path model = TestFiles.tinyReasoner();
    Tokenizer tokenizer = Tokenizer.read(model.resolve("tokenizer.json"));
    ChatTemplate template = TestFiles.chatTemplate(model);
    int compared = 0;
    try (HuggingFaceOracle oracle = new HuggingFaceOracle(model.resolve("tokenizer.json"))) {
      for (String line : Files.readAllLines(model.resolve("heldout.jsonl"))) {
        JsonNode problem = TestFiles.JSON.readTree(line);
        String question = problem.get("question").textValue();
        List<ChatMessage> messages = List.of(ChatMessage.user(question));
        int[] ids = template.encode(tokenizer, messages);
        String rendered = template.render(messages, true, Map.of());
        assertArrayEquals(oracle.encode(rendered), ids, rendered);
        assertEquals(rendered, tokenizer.decode(ids, true));
        assertEquals(question, tokenizer.decode(ids));
        String answer = problem.get("greedy").textValue();
        assertArrayEquals(oracle.encode(answer), tokenizer.encode(answer), answer);
        assertEquals(answer, tokenizer.decode(tokenizer.encode(answer)));
        compared++;
      }
    }
    assertTrue(compared >= 1000, "only " + compared + " questions");
  }

  @Test
  void o200kGivesTheIdsOfBothLibraries() {
    Encoding jtokkit = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.O200K_BASE);
    Tokenizer tokenizer = O200k.TOKENIZER;
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<String> texts = new ArrayList<>(SampleTexts.ALL);
    texts.add("word ".repeat(2000) + "x".repeat(3000) + " ".repeat(1000) + "中".repeat(700));
    for (int i = 0; i < 150 * FACTOR; i++) {
      texts.add(SampleTexts.random(random, 60));
    }
    try (HuggingFaceOracle oracle = new HuggingFaceOracle(O200k.FILE)) {
      for (String text : texts) {
        int[] ids = tokenizer.encode(text);
        assertArrayEquals(
            jtokkit.encodeOrdinary(text).toArray(), ids, () -> "seed " + seed + ": " + text);
        assertEquals(text, tokenizer.decode(ids), () -> "seed " + seed);
        if (!text.contains("<|")) {
          assertArrayEquals(oracle.encode(text), ids, () -> "seed " + seed + ": " + text);
        }
      }
    }
  }

  @Test
  void idsNeedNotFollowTheOrderOfTheMerges() {
    ObjectNode root = TestFiles.bpe(MERGES);
    ObjectNode vocabulary = (ObjectNode) root.get("model").get("vocab");
    List<String> entries = new ArrayList<>();
    vocabulary.fieldNames().forEachRemaining(entries::add);
    long seed = System.nanoTime();
    Collections.shuffle(entries, new Random(seed));
    vocabulary.removeAll();
    for (String entry : entries) {
      vocabulary.put(entry, 7 + 3 * vocabulary.size());
    }
    compareWithHuggingFace(root, seed);
  }

  @Test
  void mergesAsPairs() {
    ObjectNode root = TestFiles.bpe(MERGES);
    ArrayNode merges = ((ObjectNode) root.get("model")).putArray("merges");
    MERGES.forEach(merge -> merges.addArray().add(merge.get(0)).add(merge.get(1)));
    compareWithHuggingFace(root, System.nanoTime());
  }

  @Test
  void severalMergesOfOneTokenCountOnlyWhereTheyCanHappen() {
    // "a bc" comes first in the list of those that make abc, but by then a and b are already one.
    List<List<String>> merges =
        List.of(
            List.of("a", "b"),
            List.of("b", "c"),
            List.of("a", "bc"),
            List.of("ab", "c"),
            List.of("c", "c"),
            List.of("abc", "c"),
            List.of("ab", "cc"));
    ObjectNode root = TestFiles.bpe(merges);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Tokenizer tokenizer =
        Tokenizer.read(TestFiles.write(directory.resolve("tokenizer.json"), root));
    try (HuggingFaceOracle oracle = new HuggingFaceOracle(directory.resolve("tokenizer.json"))) {
      for (int i = 0; i < 500 * FACTOR; i++) {
        StringBuilder text = new StringBuilder();
        for (int j = random.nextInt(12); j >= 0; j--) {
          text.append((char) ('a' + random.nextInt(3)));
        }
        assertArrayEquals(
            oracle.encode(text.toString()),
            tokenizer.encode(text),
            () -> "seed " + seed + ": " + text);
      }
    }
  }

  @Test
  void randomMergeListsGiveTheIdsOfTheHuggingFaceLibraryOrAreRefused() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int compared = 0;
    for (int round = 0; round < 60; round++) {
      List<List<String>> merges = new ArrayList<>();
      List<String> entries = new ArrayList<>(List.of("a", "b", "c"));
      for (int i = 0; i < 12; i++) {
        String left = entries.get(random.nextInt(entries.size()));
        String right = entries.get(random.nextInt(entries.size()));
        merges.add(List.of(left, right));
        if (!entries.contains(left + right)) {
          entries.add(left + right);
        }
      }
      Path file = TestFiles.write(directory.resolve("tokenizer.json"), TestFiles.bpe(merges));
      Tokenizer tokenizer;
      try {
        tokenizer = Tokenizer.read(file);
      } catch (InvalidModelException e) {
        assertTrue(e.toString().contains("only a later merge makes"), e::toString);
        continue;
      }
      compared++;
      try (HuggingFaceOracle oracle = new HuggingFaceOracle(file)) {
        for (int i = 0; i < 25 * FACTOR; i++) {
          StringBuilder text = new StringBuilder();
          int length =
              i == 0 ? 900 : 1 + random.nextInt(20); // jtokkit takes long pieces another way
          for (int j = 0; j < length; j++) {
            text.append((char) ('a' + random.nextInt(3)));
          }
          assertArrayEquals(
              oracle.encode(text.toString()),
              tokenizer.encode(text),
              () -> "seed " + seed + ": " + merges + text);
        }
      }
    }
    assertTrue(compared > 10, "seed " + seed + ": only " + compared + " lists were taken");
  }

  @Test
  void aPieceThatIsAnEntryNeedsNoMergesWhereTheFileSaysSo() {
    ObjectNode root = TestFiles.bpe(MERGES);
    ((ObjectNode) root.get("model")).put("ignore_merges", true);
    ((ObjectNode) root.get("model").get("vocab")).put("Ġwonderful", 900).put("wonder", 901);
    compareWithHuggingFace(root, System.nanoTime());
    Tokenizer tokenizer = Tokenizer.read(directory.resolve("tokenizer.json"));
    assertEquals(900, tokenizer.encode("the wonderful")[1]);
    assertEquals(1, tokenizer.encode("wonder").length);
  }

  @Test
  void preTokenizersGiveTheIdsOfTheHuggingFaceLibrary() throws IOException {
    List<String> preTokenizers = new ArrayList<>();
    String bytes =
        "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':false}";
    preTokenizers.add(bytes);
    preTokenizers.add(
        "{'type':'ByteLevel','add_prefix_space':true,'trim_offsets':true,'use_regex':true}");
    preTokenizers.add(
        "{'type':'ByteLevel','add_prefix_space':true,'trim_offsets':true,'use_regex':false}");
    preTokenizers.add(sequence("{'type':'Digits','individual_digits':false}", bytes));
    preTokenizers.add(
        sequence(
            "{'type':'Digits','individual_digits':true}", bytes.replace("false,'t", "true,'t")));
    for (String behavior :
        List.of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")) {
      for (boolean invert : new boolean[] {false, true}) {
        for (String pattern :
            List.of(
                "{'Regex':'[aeiou\\\\s]|th'}",
                "{'String':'e'}",
                "{'Regex':'\\\\s+$|^t|\\\\p{Han}+'}")) {
          preTokenizers.add(
              sequence(
                  "{'type':'Split','pattern':"
                      + pattern
                      + ",'behavior':'"
                      + behavior
                      + "','invert':"
                      + invert
                      + "}",
                  bytes));
        }
      }
    }
    for (String preTokenizer : preTokenizers) {
      ObjectNode root = TestFiles.bpe(MERGES);
      root.set("pre_tokenizer", TestFiles.JSON.readTree(preTokenizer.replace('\'', '"')));
      compareWithHuggingFace(root, System.nanoTime());
    }
  }

  @Test
  void splitPatternOfCl100k() throws IOException {
    ObjectNode root = TestFiles.bpe(MERGES);
    JsonNode steps =
        TestFiles.JSON.readTree(
            sequence(
                    "{'type':'Split','pattern':{},'behavior':'Isolated','invert':false}",
                    "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':false}")
                .replace('\'', '"'));
    ((ObjectNode) steps.get("pretokenizers").get(0).get("pattern"))
        .put(
            "Regex",
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
                + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");
    root.set("pre_tokenizer", steps);
    compareWithHuggingFace(root, System.nanoTime());
  }

  private static String sequence(String... steps) {
    return "{'type':'Sequence','pretokenizers':[" + String.join(",", steps) + "]}";
  }

  @Test
  void normalFormC() {
    ObjectNode root = TestFiles.bpe(MERGES);
    root.putObject("normalizer").put("type", "NFC");
    compareWithHuggingFace(root, System.nanoTime());
    Tokenizer tokenizer = Tokenizer.read(directory.resolve("tokenizer.json"));
    assertArrayEquals(tokenizer.encode("\u00e9"), tokenizer.encode("e\u0301"));
  }

  @Test
  void withoutPreTokenizerTheTextIsOnePiece() {
    ObjectNode root =
        TestFiles.bpe(List.of(List.of("e", "Ġ"), List.of("eĠ", "t"), List.of("Ã", "©")));
    root.putNull("pre_tokenizer");
    Tokenizer tokenizer =
        Tokenizer.read(TestFiles.write(directory.resolve("tokenizer.json"), root));
    assertArrayEquals(new int[] {'a', 257, 258}, tokenizer.encode("ae t\u00e9"));
  }

  private void compareWithHuggingFace(ObjectNode root, long seed) {
    Path file = TestFiles.write(directory.resolve("tokenizer.json"), root);
    Tokenizer tokenizer = Tokenizer.read(file);
    Random random = new Random(seed);
    List<String> texts = new ArrayList<>(SampleTexts.ALL);
    for (int i = 0; i < 30 * FACTOR; i++) {
      texts.add(SampleTexts.random(random, 30));
    }
    try (HuggingFaceOracle oracle = new HuggingFaceOracle(file)) {
      for (String text : texts) {
        assertArrayEquals(
            oracle.encode(text),
            tokenizer.encode(text),
            () -> "seed " + seed + ", " + root.get("pre_tokenizer") + ": " + text);
      }
    }
  }

  @Test
  void addedTokensAreCompletedFromTheConfiguration() {
    ObjectNode root =
        (ObjectNode) TestFiles.read(TestFiles.tinyReasoner().resolve("tokenizer.json"));
    for (JsonNode token : root.get("added_tokens")) {
      ((ObjectNode) root.get("model").get("vocab")).remove(token.get("content").textValue());
    }
    root.putArray("added_tokens");
    Path bare = TestFiles.write(directory.resolve("tokenizer.json"), root);
    Tokenizer without = Tokenizer.read(bare);
    assertEquals(OptionalInt.empty(), without.id("<|end|>"));
    assertEquals(449, without.vocabularySize());
    Tokenizer completed =
        Tokenizer.read(bare, TestFiles.tinyReasoner().resolve("tokenizer_config.json"));
    assertEquals(OptionalInt.of(452), completed.id("<|end|>"));
    assertEquals(454, completed.vocabularySize());
    assertTrue(completed.isSpecial(452));
    assertFalse(completed.isSpecial(65));
  }

  @Test
  void realModelHasItsControlTokens() {
    Tokenizer tokenizer = O200k.TOKENIZER;
    assertEquals(OptionalInt.of(200020), tokenizer.id("<|end|>"));
    assertEquals(OptionalInt.of(199999), tokenizer.id("<|endoftext|>"));
    assertEquals(OptionalInt.of(200026), tokenizer.id("<|/tool_call|>"));
    assertTrue(tokenizer.isSpecial(200020));
    assertFalse(tokenizer.isSpecial(200026), "tool tokens are shown");
    assertEquals(200029, tokenizer.vocabularySize());
    assertEquals("a", tokenizer.decode(new int[] {64, 200020}));
    assertEquals("a<|end|>", tokenizer.decode(new int[] {64, 200020}, true));
  }

  @Test
  void idsThatOnlyTheModelHasAreNothing() {
    Tokenizer tokenizer = O200k.TOKENIZER;
    for (int id = 200029; id < 200064; id++) {
      assertEquals(0, tokenizer.tokenBytes(id).length);
      assertFalse(tokenizer.isSpecial(id));
      assertEquals("aa", tokenizer.decode(new int[] {64, id, 64}));
    }
    assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(new int[] {-1}));
    assertThrows(IllegalArgumentException.class, () -> tokenizer.tokenBytes(-1));
    assertThrows(IllegalArgumentException.class, () -> tokenizer.isSpecial(Integer.MIN_VALUE));
  }

  @Test
  void tokenBytesJoinToTheTextAndCannotBeChangedFromOutside() {
    Tokenizer tokenizer = O200k.TOKENIZER;
    String text = String.join(" ", SampleTexts.ALL);
    int[] ids = tokenizer.encode(text);
    java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
    for (int id : ids) {
      byte[] token = tokenizer.tokenBytes(id);
      bytes.writeBytes(token);
      Arrays.fill(token, (byte) 0);
    }
    assertEquals(text, bytes.toString(StandardCharsets.UTF_8));
    assertEquals(text, tokenizer.decode(ids));
    assertEquals(ids.length, tokenizer.count(text));
  }

  @Test
  void severalThreadsShareOneTokenizer() {
    Tokenizer tokenizer = O200k.TOKENIZER;
    String text = String.join(" ", SampleTexts.ALL);
    int[] expected = tokenizer.encode(text);
    long equal =
        java.util.stream.IntStream.range(0, 64)
            .parallel()
            .filter(i -> Arrays.equals(expected, tokenizer.encode(text)))
            .count();
    assertEquals(64, equal);
  }
}
