package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What makes no sense is refused in one sentence that says why; nothing goes to standard output.
 */
final class BadArgumentsTest {
  /** Stands for a file in the temporary directory. */
  private static final String OUT = "OUT";

  @TempDir private Path temporary;

  static Stream<Arguments> bad() {
    return Stream.of(
        bad(
            2,
            "temperature must be in [0, 2] but was NaN",
            "generate",
            "--temperature",
            "NaN",
            "x"),
        bad(2, "temperature must be in [0, 2] but was -1", "generate", "--temperature", "-1", "x"),
        bad(2, "topP must be in [0, 1] but was 1.5", "generate", "--top-p", "1.5", "x"),
        bad(2, "topK must be", "generate", "--top-k", "-3", "x"),
        bad(2, "minP must be", "generate", "--min-p", "Infinity", "x"),
        bad(2, "repetitionPenalty must be", "generate", "--repetition-penalty", "0", "x"),
        bad(2, "presencePenalty must be", "generate", "--presence-penalty", "3", "x"),
        bad(2, "frequencyPenalty must be", "chat", "--frequency-penalty", "-2.5"),
        bad(2, "maxTokens must be", "generate", "--max-tokens", "-1", "x"),
        bad(2, "'1e3' is not an int", "generate", "--max-tokens", "1e3", "x"),
        bad(2, "'99999999999' is not an int", "generate", "--top-k", "99999999999", "x"),
        bad(2, "logitBias of token 1 must be", "generate", "--logit-bias", "1=NaN", "x"),
        bad(
            2,
            "logitBias must be in [0, 453] but was 454",
            "generate",
            "--logit-bias",
            "454=1",
            "x"),
        bad(2, "--stop-token 454 is outside", "generate", "--stop-token", "454", "x"),
        bad(2, "--stop-token -1 is outside", "generate", "--stop-token", "-1", "x"),
        bad(2, "a stop string must have", "generate", "--stop", "", "x"),
        bad(2, "the prompt is empty", "generate", "--raw", ""),
        bad(2, "the prompt has 12 tokens", "generate", "--context", "5", "What is 17+25?"),
        bad(2, "--context must be at least 1", "generate", "--context", "0", "x"),
        bad(2, "--prefix-cache must be auto or a number", "serve", "--prefix-cache", "much"),
        bad(2, "--prefix-cache must be from 0 to", "serve", "--prefix-cache", "-1"),
        bad(2, "--sequences must be at least 1", "serve", "--sequences", "0"),
        bad(
            2,
            "--prefix-cache-disk needs a directory",
            "bench-serve",
            "--prefix-cache-disk",
            "100"),
        bad(
            2,
            "needs a prefix cache in memory",
            "serve",
            "--prefix-cache",
            "0",
            "--prefix-cache-directory",
            "."),
        bad(2, "--threads must be 0 or more", "generate", "--threads", "-1", "x"),
        bad(2, "expected auto, cpu, cuda, cuda:N or reference", "generate", "--device", "tpu", "x"),
        bad(2, "expected one of scalar, avx2", "generate", "--target", "sse", "x"),
        bad(
            2,
            "--target is for the device cpu",
            "generate",
            "--device",
            "reference",
            "--target",
            "avx2",
            "x"),
        bad(2, "expected one of auto, stored, f32", "generate", "--dtype", "int3", "x"),
        bad(2, "expected one of auto, f32, bf16", "generate", "--activations", "f16", "x"),
        bad(1, "device cuda: the jar sambay4j-bindings", "generate", "--device", "cuda", "x"),
        bad(
            2,
            "--target is for the device cpu, not for cuda:1",
            "generate",
            "--device",
            "cuda:1",
            "--target",
            "avx2",
            "x"),
        bad(2, "--logprobs is shown in the output of --json", "generate", "--logprobs", "2", "x"),
        bad(
            2,
            "logProbabilities must be in [0, 20]",
            "generate",
            "--json",
            "--logprobs",
            "21",
            "x"),
        bad(2, "--raw goes without it", "generate", "--raw", "--system", "s", "x"),
        bad(1, "does not exist", "generate", "--model", "no/such/directory", "x"),
        bad(1, "there is no no/such/file", "generate", "--file", "no/such/file"),
        bad(2, "not both", "generate", "--file", "f", "x"),
        bad(2, "Unknown option: '--bogus'", "generate", "--bogus", "x"),
        bad(2, "Missing required option: '--out=FILE'", "logits", "--ids", "5"),
        bad(2, "0 prompts are given", "logits", "--out", OUT),
        bad(2, "'' is not a token id", "logits", "--ids", "", "--out", OUT),
        bad(2, "'' is not a token id", "logits", "--ids", "5,,7", "--out", OUT),
        bad(2, "'b' is not a token id", "logits", "--ids", "5,b", "--out", OUT),
        bad(2, "'99999999999' is not a token id", "logits", "--ids", "99999999999", "--out", OUT),
        bad(
            2,
            "token id -1 is outside the vocabulary, 0 to 453",
            "logits",
            "--ids",
            "-1",
            "--out",
            "x"),
        bad(2, "token id 454 is outside", "logits", "--ids", "454", "--out", OUT),
        bad(2, "--chunk must be at least 1", "logits", "--ids", "5", "--chunk", "0", "--out", OUT),
        bad(2, "--greedy must be 1", "logits", "--ids", "5", "--greedy", "0", "--out", OUT),
        bad(
            2,
            "exceed the context of 4096",
            "logits",
            "--ids",
            "5",
            "--greedy",
            "4096",
            "--out",
            "x"),
        bad(2, "there is no directory", "logits", "--ids", "5", "--out", "no/such/directory/x"),
        bad(1, "there is no no/such/file", "logits", "--ids-file", "no/such/file", "--out", OUT),
        bad(2, "fewer than two tokens", "score", ""),
        bad(2, "--batch must be 1 to 512", "inspect", "--batch", "0"),
        bad(1, "does not exist", "inspect", "--model", "no/such/directory"),
        bad(2, "--prompt must be 0", "bench", "--prompt", "-5"),
        bad(2, "--batch must be 1", "bench", "--batch", "1,0"),
        bad(2, "--depth must be 0", "bench", "--depth", "-1"),
        bad(2, "exceed the context of 4096", "bench", "--depth", "4000", "--gen", "128"),
        bad(2, "--repetitions must be 1", "bench", "--repetitions", "0"),
        bad(2, "nothing is measured", "bench", "--prompt", "0", "--gen", "0"),
        bad(2, "exceed the context of 4096", "bench", "--prompt", "5000"),
        bad(2, "mutually exclusive", "bench", "--json", "--csv"),
        bad(2, "threads is -1", "self-test", "--threads", "-1"));
  }

  private static Arguments bad(int code, String message, String... args) {
    return Arguments.of(code, message, List.of(args));
  }

  @ParameterizedTest
  @MethodSource("bad")
  void isRefused(int code, String message, List<String> args) {
    Path out = temporary.resolve("out");
    Run run =
        Run.sambay(args.stream().map(arg -> arg.equals(OUT) ? out : arg).toArray()).expect(code);
    assertTrue(run.err().contains(message), run.err());
    assertTrue(run.err().startsWith("sambay " + args.get(0) + ": "), run.err());
    assertEquals("", run.out());
    assertFalse(run.err().contains("\tat "), "a stack trace nobody asked for: " + run.err());
    assertFalse(Files.exists(out), "a file was written");
  }

  @Test
  void debugShowsTheStackTrace() {
    Run run = Run.sambay("generate", "--debug", "--top-p", "2", "x").expect(2);
    assertTrue(run.err().contains("\tat io.sambay4j"), run.err());
  }

  @Test
  void aModelWithoutTextIsRefusedWhereTextIsNeeded() {
    Path ids = Run.GOLDENS.resolve("flash-tiny-f32");
    Run chat = Run.sambay("chat", "--model", ids).expect(1);
    assertTrue(chat.err().contains("has no chat template"), chat.err());
    Run generate = Run.sambay("generate", "--model", ids, "x").expect(1);
    assertTrue(generate.err().contains("has no chat template"), generate.err());
    Run score = Run.sambay("score", "--model", ids, "x").expect(1);
    assertTrue(score.err().contains("has no tokenizer.json"), score.err());
  }

  @Test
  void anOutputThatIsADirectory() {
    Run run = Run.sambay("logits", "--ids", "5", "--out", temporary).expect(2);
    assertTrue(run.err().contains("cannot be written"), run.err());
  }

  @Test
  void textThatIsNotUtf8() throws IOException {
    Path file = Files.write(temporary.resolve("latin1.txt"), new byte[] {'a', (byte) 0xe9, 'b'});
    for (Run run :
        List.of(
            Run.sambay("generate", "--file", file),
            Run.sambay("score", "--file", file),
            Run.withInput(Files.readAllBytes(file), "generate"))) {
      assertTrue(run.expect(2).err().contains("is not UTF-8 text at byte 1"), run.err());
    }
    Run chat = Run.withInput(Files.readAllBytes(file), "chat").expect(1);
    assertTrue(chat.err().contains("not UTF-8"), chat.err());
  }

  @Test
  void withoutAnInstallationAModelMustBeNamed() {
    String home = System.clearProperty(ModelOptions.HOME);
    try {
      IllegalArgumentException refused =
          org.junit.jupiter.api.Assertions.assertThrows(
              IllegalArgumentException.class, () -> new ModelOptions().path());
      assertTrue(refused.getMessage().contains("--model DIR"), refused.getMessage());
    } finally {
      if (home != null) {
        System.setProperty(ModelOptions.HOME, home);
      }
    }
  }

  @Test
  void aDefectSaysThatItIsOne() {
    String sentence = Failures.sentence(new NullPointerException("x"));
    assertTrue(sentence.contains("a defect of this program"), sentence);
    assertTrue(sentence.contains("report"), sentence);
  }
}
