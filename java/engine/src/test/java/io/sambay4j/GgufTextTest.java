package io.sambay4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.GenerationRequest.Prompt;
import io.sambay4j.weights.TestFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Text through a GGUF file that carries its own tokenizer and template. */
final class GgufTextTest {
  private static final Path DENSE = TestFiles.gguf().resolve("dense.gguf");

  @TempDir Path dir;

  @Test
  void tokenizerTemplateAndEndTokensComeFromTheFile() {
    try (TextModel model = TextModel.open(DENSE)) {
      assertEquals(128, model.contextLimit());
      assertEquals(List.of(264, 266), model.endTokens(), "<|endoftext|> and <|end|>");
      int[] ids = model.encode(new Prompt.Text("the thing <|end|>"));
      assertEquals(
          List.of("the", " ", "th", "ing", " ", "<", "|", "e", "n", "d", "|", ">").size(),
          ids.length,
          "merged, and no control token from a text");
      assertEquals("the thing <|end|>", model.tokenizer().decode(ids));
      int[] chat = model.encode(new Prompt.Chat(List.of(ChatMessage.user("\n the")), Map.of()));
      int newline = model.encode(new Prompt.Text("\n"))[0];
      int the = model.encode(new Prompt.Text(" the"))[0];
      assertArrayEquals(
          new int[] {267, newline, the, 266, 265}, chat, "user, message, end, assistant");
      Generation said = model.generate(GenerationRequest.user("in").maxTokens(5).build());
      assertTrue(said.tokenIds().length > 0);
      assertArrayEquals(
          said.tokenIds(),
          model.generate(GenerationRequest.user("in").maxTokens(5).build()).tokenIds());
    }
  }

  /** Another kind of tokenizer in the file: the one beside it is used, or token ids alone. */
  @Test
  void aTokenizerBesideTheFile() throws IOException {
    Path file = dir.resolve("dense.GGUF");
    String bytes = Files.readString(DENSE, StandardCharsets.ISO_8859_1);
    Files.writeString(file, bytes.replace("gpt-4o", "gpt-4x"), StandardCharsets.ISO_8859_1);
    try (TextModel model = TextModel.open(file)) {
      assertThrows(IllegalStateException.class, model::tokenizer);
      assertEquals(
          3,
          model
              .generate(GenerationRequest.tokens(1, 2).maxTokens(3).ignoreEndTokens(true).build())
              .tokenIds()
              .length);
    }
    Files.copy(
        TestFiles.root().resolve("models/tiny-reasoner/tokenizer.json"),
        dir.resolve("tokenizer.json"));
    try (TextModel model = TextModel.open(file)) {
      assertEquals("17", model.tokenizer().decode(model.encode(new Prompt.Text("17"))));
    }
  }

  @Test
  void aDirectoryOfThatNameIsADirectory() throws IOException {
    Path directory = Files.createDirectory(dir.resolve("model.gguf"));
    TestFiles.copy(TestFiles.golden("phi4mini-tiny"), directory);
    try (TextModel model = TextModel.open(directory)) {
      assertEquals(320, model.config().vocabSize());
    }
  }
}
