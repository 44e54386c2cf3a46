package io.sambay4j.weights;

import static io.sambay4j.weights.TestFiles.assertRefused;
import static io.sambay4j.weights.TestFiles.write;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code generation_config.json} and {@code tokenizer_config.json}. */
class SettingsTest {
  @TempDir Path dir;

  @Test
  void realModel() {
    ModelDirectory real = ModelDirectory.open(TestFiles.realModel());
    GenerationConfig generation = GenerationConfig.read(real);
    assertEquals(List.of(200020, 199999), generation.eosTokenIds());
    assertEquals(199999, generation.bosTokenId());
    assertNull(generation.temperature());
    TokenizerConfig tokenizer = TokenizerConfig.read(real);
    assertEquals(65_536, tokenizer.modelMaxLength());
    assertEquals(65_536, tokenizer.contextLimit(262_144));
    assertEquals("<|endoftext|>", tokenizer.eosToken());
    assertTrue(tokenizer.chatTemplate().orElseThrow().startsWith("{% for message in messages %}"));
  }

  @Test
  void absentFiles() {
    ModelDirectory empty = ModelDirectory.open(dir);
    assertEquals(GenerationConfig.EMPTY, GenerationConfig.read(empty));
    TokenizerConfig tokenizer = TokenizerConfig.read(empty);
    assertEquals(Optional.empty(), tokenizer.chatTemplate());
    assertEquals(4096, tokenizer.contextLimit(4096));
  }

  @Test
  void generationFields() {
    Path file =
        write(
            dir.resolve("g"),
            """
            {"eos_token_id": 7, "do_sample": true, "temperature": 0.6, "top_k": 50, "top_p": 0.95, "min_p": 0,
             "repetition_penalty": 1, "max_new_tokens": 100, "something_else": [1, {"a": NaN}], "bos_token_id": null}
            """);
    assertEquals(
        new GenerationConfig(List.of(7), null, true, 0.6, 50, 0.95, 0.0, 1.0, 100),
        GenerationConfig.read(file));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "eos_token_id;-1",
        "eos_token_id;[1,-1]",
        "eos_token_id;\"5\"",
        "eos_token_id;[[1]]",
        "eos_token_id;99999999999",
        "eos_token_id;1.0",
        "bos_token_id;[1]",
        "do_sample;1",
        "do_sample;\"true\"",
        "temperature;-0.1",
        "temperature;NaN",
        "temperature;Infinity",
        "temperature;\"0.6\"",
        "temperature;101",
        "top_k;-1",
        "top_k;1.5",
        "top_p;0",
        "top_p;1.01",
        "top_p;1e999",
        "min_p;-1",
        "min_p;1.1",
        "repetition_penalty;0",
        "repetition_penalty;-Infinity",
        "max_new_tokens;0"
      })
  void generationFieldOutOfRange(String field, String value) {
    Path file = write(dir.resolve("g"), "{\"" + field + "\": " + value + "}");
    assertRefused(() -> GenerationConfig.read(file), file.toString(), field + " is ", "expected");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"1000000000000000019884624838656", "1e30", "99999999999", "null", "1E+300"})
  void absurdModelMaxLengthMeansNone(String length) {
    Path file = write(dir.resolve("t"), "{\"model_max_length\": " + length + "}");
    assertNull(TokenizerConfig.read(file).modelMaxLength());
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "0.5", "\"65536\"", "NaN", "Infinity", "[]", "true"})
  void modelMaxLengthOutOfRange(String length) {
    Path file = write(dir.resolve("t"), "{\"model_max_length\": " + length + "}");
    assertRefused(() -> TokenizerConfig.read(file), "model_max_length is", "at least 1");
  }

  @Test
  void chatTemplateForms() {
    String named =
        "[{\"name\":\"default\",\"template\":\"D\"},{\"name\":\"tool_use\",\"template\":\"T\"}]";
    write(
        dir.resolve("tokenizer_config.json"),
        "{\"chat_template\": " + named + ", \"bos_token\": {\"content\": \"<s>\"}}");
    ModelDirectory directory = ModelDirectory.open(dir);
    TokenizerConfig config = TokenizerConfig.read(directory);
    assertEquals(Optional.of("D"), config.chatTemplate());
    assertEquals(Set.of("default", "tool_use"), config.chatTemplates().keySet());
    assertEquals("<s>", config.bosToken());
    write(dir.resolve("chat_template.jinja"), "from the file ü");
    assertEquals(Optional.of("from the file ü"), TokenizerConfig.read(directory).chatTemplate());
    assertEquals("T", TokenizerConfig.read(directory).chatTemplates().get("tool_use"));
  }

  @Test
  void settingsWithoutAChatTemplate() {
    write(
        dir.resolve("tokenizer_config.json"),
        "{\"bos_token\":{\"content\":\"B\"},\"eos_token\":null,\"chat_template\":null}");
    TokenizerConfig config = TokenizerConfig.read(ModelDirectory.open(dir));
    assertEquals(Optional.empty(), config.chatTemplate());
    assertEquals("B", config.bosToken());
    assertNull(config.eosToken());
  }

  @Test
  void templateFileThatIsNotUtf8() {
    write(dir.resolve("chat_template.jinja"), new byte[] {'a', (byte) 0xFF});
    assertRefused(
        () -> TokenizerConfig.read(ModelDirectory.open(dir)),
        "chat_template.jinja",
        "not valid UTF-8");
  }

  @Test
  void templateFileOutsideTheDirectory(@TempDir Path elsewhere) throws IOException {
    Path secret = write(elsewhere.resolve("secret"), "{{ bos_token }}");
    Files.createSymbolicLink(dir.resolve("chat_template.jinja"), secret);
    assertRefused(
        () -> TokenizerConfig.read(ModelDirectory.open(dir)),
        "chat_template.jinja",
        "outside the model directory");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "5",
        "{}",
        "[1]",
        "[{\"name\":\"a\"}]",
        "[{\"name\":1,\"template\":\"x\"}]",
        "[{\"name\":\"a\",\"template\":\"x\"},{\"name\":\"a\",\"template\":\"y\"}]"
      })
  void malformedChatTemplate(String template) {
    Path file = write(dir.resolve("t"), "{\"chat_template\": " + template + "}");
    assertRefused(() -> TokenizerConfig.read(file), "chat_template is");
  }

  @Test
  void enormousFilesAndTemplates() throws Exception {
    String template = "x".repeat((1 << 20) + 1);
    Path file = write(dir.resolve("t"), "{\"chat_template\": \"" + template + "\"}");
    assertRefused(() -> TokenizerConfig.read(file), "at most 1048576 characters");
    write(dir.resolve("chat_template.jinja"), template);
    assertRefused(() -> TokenizerConfig.read(ModelDirectory.open(dir)), "at most 1048576");
    Path huge = dir.resolve("generation_config.json");
    try (var sparse = new RandomAccessFile(huge.toFile(), "rw")) {
      sparse.setLength(1L << 33);
    }
    assertRefused(
        () -> GenerationConfig.read(huge), "8589934592 bytes long, at most 1048576 are accepted");
    Files.delete(huge);
  }
}
