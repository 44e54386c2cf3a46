package io.sambay4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.tokenizer.TestFiles.O200k;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Text from ids one at a time: whole characters, nothing lost. */
class IncrementalDecoderTest {
  @TempDir Path directory;

  /** A tokenizer whose ids are bytes. */
  private Tokenizer bytes() {
    return Tokenizer.read(
        TestFiles.write(directory.resolve("tokenizer.json"), TestFiles.bpe(List.of())));
  }

  private static List<String> pieces(IncrementalDecoder decoder, byte[] bytes) {
    List<String> pieces = new ArrayList<>();
    for (byte b : bytes) {
      pieces.add(decoder.append(b & 0xFF));
    }
    pieces.add(decoder.finish());
    return pieces;
  }

  @Test
  void characterComesWithItsLastByte() {
    IncrementalDecoder decoder = new IncrementalDecoder(bytes());
    assertEquals(
        List.of("a", "", "é", "", "", "中", "", "", "", "😀", ""),
        pieces(decoder, "aé中😀".getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void emojiSequencesComeCharacterByCharacter() {
    IncrementalDecoder decoder = new IncrementalDecoder(bytes());
    String family = "👩\u200d👩\u200d👧🏽";
    List<String> pieces = pieces(decoder, family.getBytes(StandardCharsets.UTF_8));
    assertEquals(family, String.join("", pieces));
    pieces.forEach(IncrementalDecoderTest::assertWhole);
  }

  @Test
  void malformedBytesAreReplacedOnceThatIsCertain() {
    IncrementalDecoder decoder = new IncrementalDecoder(bytes());
    assertEquals(
        List.of("", "", "", "\uFFFDa", ""),
        pieces(decoder, new byte[] {(byte) 0xF0, (byte) 0x9F, (byte) 0x98, 'a'}));
    assertEquals(List.of("\uFFFD", ""), pieces(decoder, new byte[] {(byte) 0x80}));
    assertEquals(List.of("\uFFFD", ""), pieces(decoder, new byte[] {(byte) 0xFF}));
    assertEquals(List.of("", "\uFFFD"), pieces(decoder, new byte[] {(byte) 0xE4}));
  }

  @Test
  void finishedDecoderStartsAnew() {
    IncrementalDecoder decoder = new IncrementalDecoder(bytes());
    assertEquals("", decoder.append(0xE4));
    assertEquals("\uFFFD", decoder.finish());
    assertEquals("", decoder.finish());
    assertEquals("b", decoder.append('b'));
  }

  @Test
  void anyBytesGiveWhatDecodingAllAtOnceGives() {
    Tokenizer tokenizer = bytes();
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int[] interesting = {
      'a', 0x80, 0xBF, 0xC2, 0xC0, 0xE0, 0xA0, 0xED, 0x9F, 0xEF, 0xF0, 0x90, 0xF4, 0x8F, 0xF5, 0xFF
    };
    for (int round = 0; round < 20_000; round++) {
      int[] ids =
          random
              .ints(1 + random.nextInt(10), 0, interesting.length)
              .map(i -> interesting[i])
              .toArray();
      IncrementalDecoder decoder = new IncrementalDecoder(tokenizer);
      StringBuilder text = new StringBuilder();
      for (int id : ids) {
        text.append(decoder.append(id));
      }
      text.append(decoder.finish());
      assertEquals(tokenizer.decode(ids), text.toString(), () -> "seed " + seed);
    }
  }

  @Test
  void tokensOfTheRealVocabularyGiveWholeCharacters() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 200; round++) {
      String text = SampleTexts.random(random, 80);
      IncrementalDecoder decoder = new IncrementalDecoder(O200k.TOKENIZER);
      StringBuilder joined = new StringBuilder();
      for (int id : O200k.TOKENIZER.encode(text)) {
        String piece = decoder.append(id);
        assertWhole(piece);
        joined.append(piece);
      }
      assertEquals(text, joined + decoder.finish(), () -> "seed " + seed);
    }
  }

  @Test
  void specialTokensAreShownOnlyIfAsked() {
    int end = O200k.TOKENIZER.id("<|end|>").orElseThrow();
    assertEquals("", new IncrementalDecoder(O200k.TOKENIZER).append(end));
    assertEquals("<|end|>", new IncrementalDecoder(O200k.TOKENIZER, true).append(end));
    int tool = O200k.TOKENIZER.id("<|tool_call|>").orElseThrow();
    assertEquals("<|tool_call|>", new IncrementalDecoder(O200k.TOKENIZER).append(tool));
  }

  private static void assertWhole(String piece) {
    assertFalse(piece.contains("\uFFFD"), piece);
    assertTrue(piece.isEmpty() || !Character.isLowSurrogate(piece.charAt(0)), piece);
    assertTrue(
        piece.isEmpty() || !Character.isHighSurrogate(piece.charAt(piece.length() - 1)), piece);
  }
}
