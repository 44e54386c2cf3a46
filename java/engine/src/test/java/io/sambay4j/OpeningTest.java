package io.sambay4j;

import static io.sambay4j.TinyModel.endless;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.sampling.SamplingParameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Directories that are not what they should be. */
@Timeout(120)
final class OpeningTest {
  private static final List<String> FILES =
      List.of(
          "config.json",
          "generation_config.json",
          "model.safetensors",
          "tokenizer.json",
          "tokenizer_config.json");

  @TempDir Path directory;

  @BeforeEach
  void copyTheModel() throws IOException {
    for (String file : FILES) {
      Files.copy(TinyModel.DIRECTORY.resolve(file), directory.resolve(file));
    }
  }

  private TextModel open() {
    return TextModel.builder(directory).sequences(2).open();
  }

  private void refused(String... words) {
    InvalidModelException e = assertThrows(InvalidModelException.class, () -> open().close());
    for (String word : words) {
      assertTrue(e.getMessage().contains(word), e.getMessage());
    }
  }

  private void edit(String file, String from, String to) throws IOException {
    String text = Files.readString(directory.resolve(file));
    assertTrue(text.contains(from), file + " has no " + from);
    Files.writeString(directory.resolve(file), text.replace(from, to));
  }

  @Test
  void noSuchDirectory() {
    Path nowhere = directory.resolve("nowhere");
    InvalidModelException e =
        assertThrows(InvalidModelException.class, () -> TextModel.open(nowhere));
    assertTrue(e.getMessage().contains("nowhere"), e.getMessage());
    Path file = directory.resolve("config.json");
    assertThrows(InvalidModelException.class, () -> TextModel.open(file));
  }

  @Test
  void anEmptyDirectory() throws IOException {
    Path empty = Files.createDirectory(directory.resolve("empty"));
    InvalidModelException e =
        assertThrows(InvalidModelException.class, () -> TextModel.open(empty));
    assertTrue(e.getMessage().contains("config.json"), e.getMessage());
  }

  @Test
  void filesMissing() throws IOException {
    Files.delete(directory.resolve("model.safetensors"));
    refused("model.safetensors");
  }

  @Test
  void withoutATokenizerThereAreIdsOnly() throws IOException {
    Files.delete(directory.resolve("tokenizer.json"));
    try (TextModel model = open();
        TextModel whole = TinyModel.open(1)) {
      GenerationRequest ids = endless(5, 1, 2, 3).build();
      Generation generation = model.generate(ids);
      assertEquals(
          Arrays.toString(whole.generate(ids).tokenIds()), Arrays.toString(generation.tokenIds()));
      assertEquals("", generation.text());
      for (Runnable call :
          List.<Runnable>of(
              () -> model.generate("What is 1+1?"),
              () -> model.generate(GenerationRequest.text("What").build()),
              () -> model.score("What"),
              () -> model.countTokens("What"),
              model::tokenizer)) {
        IllegalStateException e = assertThrows(IllegalStateException.class, call::run);
        assertTrue(e.getMessage().contains("has no tokenizer.json"), e.getMessage());
      }
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> model.generate(endless(5, 1).stop("x").build()));
      assertTrue(e.getMessage().contains("stop strings need a tokenizer"), e.getMessage());
    }
  }

  @Test
  void withoutATemplateThereIsTextButNoChat() throws IOException {
    Files.delete(directory.resolve("tokenizer_config.json"));
    Files.delete(directory.resolve("generation_config.json"));
    try (TextModel model = open();
        Chat chat = model.newChat()) {
      assertEquals(
          3,
          model
              .generate(GenerationRequest.text("What").ignoreEndTokens(true).maxTokens(3).build())
              .tokens()
              .size());
      for (Runnable call :
          List.<Runnable>of(() -> model.generate("What is 1+1?"), () -> chat.send("What"))) {
        IllegalStateException e = assertThrows(IllegalStateException.class, call::run);
        assertTrue(e.getMessage().contains("has no chat template"), e.getMessage());
      }
      assertEquals(List.of(449), model.endTokens(), "from config.json");
      assertEquals(SamplingParameters.greedy(), model.defaultSampling());
      assertEquals(4096, model.contextLimit());
    }
  }

  @Test
  void brokenConfigurations() throws IOException {
    edit("config.json", "\"hidden_size\": 128", "\"hidden_size\": -128");
    refused("config.json", "hidden_size", "-128");
    Files.writeString(directory.resolve("config.json"), "{");
    refused("config.json");
    Files.writeString(directory.resolve("config.json"), "");
    refused("config.json");
  }

  @Test
  void brokenTokenizers() throws IOException {
    edit("tokenizer_config.json", "{% for", "{% fro");
    refused("template");
    Files.writeString(directory.resolve("tokenizer.json"), "[]");
    refused("tokenizer.json");
  }

  @ParameterizedTest
  @CsvSource({
    "temperature,2.01,from 0.0 to 2.0",
    "temperature,99,from 0.0 to 2.0",
    "top_k,1048577,0 to 1048576",
    "repetition_penalty,0.001,from 0.01 to 10.0",
    "repetition_penalty,10.5,from 0.01 to 10.0"
  })
  void recommendationsThatSamplingCannotFollow(String field, String value, String range)
      throws IOException {
    edit(
        "generation_config.json",
        "\"do_sample\": false",
        "\"do_sample\": true, \"%s\": %s".formatted(field, value));
    refused("generation_config.json", field, value, range);
  }

  @Test
  void recommendationsAtTheEndsOfTheirRanges() throws IOException {
    edit(
        "generation_config.json",
        "\"do_sample\": false",
        "\"do_sample\": true, \"temperature\": 2, \"top_p\": 1, \"top_k\": 1048576, \"min_p\": 1,"
            + " \"repetition_penalty\": 10");
    try (TextModel model = open()) {
      assertEquals(1048576, model.defaultSampling().topK());
      assertEquals(10, model.defaultSampling().repetitionPenalty());
    }
  }

  @Test
  void recommendationsAreTheDefault() throws IOException {
    edit(
        "generation_config.json",
        "\"do_sample\": false",
        "\"do_sample\": true, \"temperature\": 0.5, \"top_p\": 0.9, \"top_k\": 7, \"min_p\": 0.1,"
            + " \"repetition_penalty\": 1.5");
    try (TextModel model = open()) {
      assertEquals(
          SamplingParameters.builder()
              .temperature(0.5)
              .topP(0.9)
              .topK(7)
              .minP(0.1)
              .repetitionPenalty(1.5)
              .build(),
          model.defaultSampling());
    }
  }

  @Test
  void aTokenThatTextsShouldBeginWithMustExist() throws IOException {
    edit("tokenizer_config.json", "\"add_bos_token\": false", "\"add_bos_token\": true");
    try (TextModel model = open();
        Session session = model.newSession()) {
      int bos = model.tokenizer().id("<|endoftext|>").orElseThrow();
      assertEquals(bos, model.encode(new GenerationRequest.Prompt.Text("What"))[0]);
      session.append("What");
      session.append(" is");
      session.generate(GenerationRequest.text(" it").maxTokens(0).build());
      assertEquals(bos, session.tokens()[0]);
      assertEquals(1, Arrays.stream(session.tokens()).filter(id -> id == bos).count());
    }
    edit(
        "tokenizer_config.json",
        "\"bos_token\": \"<|endoftext|>\"",
        "\"bos_token\": \"<|start|>\"");
    refused("tokenizer_config.json", "<|start|>");
  }

  /** Every failure, also half way through the weights, frees all: nothing is left to grow. */
  @Test
  void failingToOpenLeavesNothingBehind() throws IOException {
    byte[] weights = Files.readAllBytes(directory.resolve("model.safetensors"));
    String header = new String(weights, 8, 20_000, StandardCharsets.ISO_8859_1);
    int last = header.lastIndexOf("model.layers.7.mlp.fc2.weight");
    int name = 8 + (last >= 0 ? last : header.indexOf("model.layers.7.mlp.fc2.weight"));
    weights[name] = 'x';
    Files.write(directory.resolve("model.safetensors"), weights);
    long threads = engineThreads();
    refused("model.layers.7.mlp.fc2.weight");
    assertEquals(threads, engineThreads());

    Path whole = TinyModel.DIRECTORY;
    RuntimeException halfWay =
        assertThrows(
            IllegalMonitorStateException.class,
            () ->
                TextModel.builder(whole)
                    .progress(
                        (done, total) -> {
                          if (done > total / 2) {
                            throw new IllegalMonitorStateException("enough");
                          }
                        })
                    .open());
    assertEquals("enough", halfWay.getMessage());
    assertEquals(threads, engineThreads());
    assertEquals(0, openFiles(whole), "files left open");
  }

  private static long engineThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("sambay-engine"))
        .count();
  }

  private static long openFiles(Path directory) throws IOException {
    Path real = directory.toRealPath();
    Path descriptors = Path.of("/proc/self/fd");
    if (!Files.exists(descriptors)) {
      return 0;
    }
    try (Stream<Path> files = Files.list(descriptors)) {
      return files
          .filter(
              file -> {
                try {
                  return Files.readSymbolicLink(file).startsWith(real);
                } catch (IOException | UncheckedIOException e) {
                  return false; // the listing's own, closed by now
                }
              })
          .count();
    }
  }
}
