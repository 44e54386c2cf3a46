package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class GenerateCommandTest {
  private static final String QUESTION = "What is 17+25?";
  private static final String ANSWER = "17+25: 7+5=12, 1+2+1=4. Answer: 42";

  @TempDir private Path temporary;

  @Test
  void thePromptComesFromTheArgumentAFileOrStandardInput() throws IOException {
    Path file = Files.writeString(temporary.resolve("question.txt"), QUESTION + "\n");
    assertEquals(ANSWER, Run.sambay("generate", QUESTION).expect(0).out());
    assertEquals(ANSWER, Run.sambay("generate", "--file", file).expect(0).out());
    assertEquals(ANSWER, Run.withInput(QUESTION + "\n", "generate").expect(0).out());
    assertEquals(ANSWER, Run.withInput(QUESTION + "\r\n", "generate", "-").expect(0).out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"--dtype=f32", "--dtype=F16", "--activations=bf16", "--device=reference"})
  void everyFormatAndDeviceFindsTheAnswer(String option) {
    assertEquals(ANSWER, Run.sambay("generate", option, QUESTION).expect(0).out());
  }

  @Test
  void answersAloneGoToStandardOutput() {
    Run run = Run.sambay("generate", "--stats", QUESTION).expect(0);
    assertEquals(ANSWER, run.out());
    assertTrue(
        run.err().matches("prompt 12 tokens, \\S+ tokens/s; generated 29 tokens, \\S+ tokens/s\n"),
        run.err());
    assertEquals("", Run.sambay("generate", QUESTION).err());
  }

  @Test
  void aTerminalGetsALineBreakAtTheEnd() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Run.sambay("--version"); // sets the installation's directory
    Console terminal =
        new Console(
            new ByteArrayInputStream(new byte[0]),
            new PrintStream(out, false, StandardCharsets.UTF_8),
            System.err,
            false,
            true,
            false,
            false);
    assertEquals(0, Cli.run(terminal, "generate", QUESTION));
    assertEquals(ANSWER + System.lineSeparator(), out.toString(StandardCharsets.UTF_8));
  }

  @Test
  void jsonHoldsEverything() throws IOException {
    JsonNode json = Run.sambay("generate", "--json", "--logprobs", "2", QUESTION).expect(0).json();
    assertEquals(ANSWER, json.get("text").textValue());
    assertEquals("stop", json.get("finish_reason").textValue());
    assertEquals(452, json.get("end_token").intValue());
    assertEquals(12, json.get("usage").get("prompt_tokens").intValue());
    int generated = json.get("usage").get("generated_tokens").intValue();
    assertEquals(generated, json.get("ids").size());
    assertEquals(generated, json.get("tokens").size());
    for (JsonNode token : json.get("tokens")) {
      assertEquals(2, token.get("top").size());
      // Greedy: the chosen token is the best alternative.
      assertEquals(token.get("id"), token.get("top").get(0).get("id"));
      assertEquals(token.get("logprob"), token.get("top").get(0).get("logprob"));
      assertTrue(token.get("logprob").doubleValue() <= 0);
    }
  }

  @Test
  void stopsWhereItIsTold() throws IOException {
    assertEquals(
        "17+25: 7+5=12, 1+2+1=4. ",
        Run.sambay("generate", "--stop", "Ans", "--stop", "zzz", QUESTION).expect(0).out());
    JsonNode three =
        Run.sambay("generate", "--json", "--max-tokens", "3", QUESTION).expect(0).json();
    assertEquals("length", three.get("finish_reason").textValue());
    assertEquals("17+", three.get("text").textValue());
    JsonNode colon =
        Run.sambay("generate", "--json", "--stop-token", "58", QUESTION).expect(0).json();
    assertEquals(58, colon.get("end_token").intValue());
    JsonNode none =
        Run.sambay("generate", "--json", "--ignore-eos", "--max-tokens", "40", QUESTION)
            .expect(0)
            .json();
    assertEquals(40, none.get("ids").size());
  }

  @Test
  void theSameSeedGivesTheSameText() {
    Object[] args = {
      "generate", "--temperature", "2", "--seed", "11", "--max-tokens", "30", "Hello"
    };
    assertEquals(Run.sambay(args).expect(0).out(), Run.sambay(args).expect(0).out());
    args[4] = "12";
    String other = Run.sambay(args).expect(0).out();
    args[4] = "11";
    assertTrue(!Run.sambay(args).out().equals(other), "another seed gave the same 30 tokens");
  }

  @Test
  void logitBiasForcesAToken() {
    assertEquals(
        "7777", // token 55
        Run.sambay("generate", "--logit-bias", "55=100", "--max-tokens", "4", QUESTION)
            .expect(0)
            .out());
  }

  @Test
  void rawContinuesTheTextAsItIs() throws IOException {
    JsonNode raw =
        Run.sambay("generate", "--raw", "--json", "--ignore-eos", "--max-tokens", "5", QUESTION)
            .expect(0)
            .json();
    // <|user|> and <|end|><|assistant|> are what the template adds to the 9 tokens of the text.
    assertEquals(9, raw.get("usage").get("prompt_tokens").intValue());
    assertEquals(5, raw.get("ids").size());
  }

  @Test
  void aSystemMessageIsReadFirst() throws IOException {
    JsonNode with =
        Run.sambay("generate", "--json", "--system", "Hello.", QUESTION).expect(0).json();
    assertTrue(with.get("usage").get("prompt_tokens").intValue() > 12, with.toString());
  }

  @Test
  void aReaderThatLeavesEndsItQuietly() {
    OutputStream gone =
        new OutputStream() {
          private int taken;

          @Override
          public void write(int b) throws IOException {
            if (++taken > 5) {
              throw new IOException("Broken pipe");
            }
          }
        };
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        new Console(
            new ByteArrayInputStream(new byte[0]),
            new PrintStream(gone, false, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            false,
            false,
            false,
            false);
    // Without the broken pipe these tokens would fill the whole context.
    assertEquals(0, Cli.run(console, "generate", "--ignore-eos", "--stats", QUESTION));
    String stats = err.toString(StandardCharsets.UTF_8);
    assertTrue(stats.contains("generated ") && !stats.contains("generated 4"), stats);
  }
}
