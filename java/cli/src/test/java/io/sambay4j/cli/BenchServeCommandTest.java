package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The load against the model in the box, behind a server of its own. */
@Timeout(300)
final class BenchServeCommandTest {
  @TempDir Path directory;

  @Test
  void aClosedLoopAgainstItsOwnServer() throws Exception {
    Path file = directory.resolve("run.json");
    Path plot = directory.resolve("run.svg");
    Run run =
        Run.sambay(
                "bench-serve",
                "-n",
                12,
                "-c",
                3,
                "--warm-up",
                2,
                "-p",
                40,
                "-o",
                "uniform:4,9",
                "--slo",
                "ttft=100,tpot=100",
                "--json",
                file,
                "--plot",
                plot)
            .expect(0);
    assertTrue(run.out().contains("12 in "), run.out());
    assertTrue(run.out().contains("time to first token"), run.out());
    JsonNode json = new ObjectMapper().readTree(Files.readString(file));
    assertEquals(12, json.path("succeeded").asInt());
    assertEquals(12, json.path("answers").size());
    assertEquals(1, json.path("good_share").asDouble());
    assertEquals(40, json.path("prompt_tokens_mean").asDouble(), 20, "about as long as asked for");
    for (JsonNode answer : json.path("answers")) {
      int tokens = answer.path("output_tokens").asInt();
      assertTrue(tokens >= 4 && tokens <= 9, "output of " + tokens + " tokens");
    }
    JsonNode first = json.path("time_to_first_token_s");
    assertTrue(first.path("p50").asDouble() > 0);
    assertTrue(first.path("p50").asDouble() <= first.path("max").asDouble());
    assertTrue(Files.readString(plot).startsWith("<svg "));
  }

  @Test
  void anOpenLoopWithASharedPrefix() throws Exception {
    JsonNode json =
        Run.sambay(
                "bench-serve",
                "-n",
                10,
                "--rate",
                50,
                "--shared-prefix",
                200,
                "-p",
                20,
                "-o",
                3,
                "--json",
                "-")
            .expect(0)
            .json();
    assertEquals(10, json.path("succeeded").asInt(), json.path("errors").toString());
    assertTrue(
        json.path("cached_share").asDouble() > 0.3,
        "the prefix cache knows the beginning: " + json.path("cached_share"));
  }

  @Test
  void laterTurnsSendWhatWasSaid() throws Exception {
    Run run =
        Run.sambay(
                "bench-serve",
                "-n",
                6,
                "-c",
                2,
                "--turns",
                3,
                "-p",
                300,
                "-o",
                8,
                "--json",
                directory.resolve("run.json"))
            .expect(0);
    assertTrue(run.out().contains("of turn 3"), run.out());
    JsonNode json = new ObjectMapper().readTree(Files.readString(directory.resolve("run.json")));
    assertEquals(18, json.path("succeeded").asInt(), json.path("errors").toString());
    JsonNode turns = json.path("turns");
    assertEquals(3, turns.size());
    for (int i = 1; i < 3; i++) {
      JsonNode before = turns.path(i - 1);
      JsonNode turn = turns.path(i);
      assertTrue(
          turn.path("prompt_tokens_mean").asDouble()
              > before.path("prompt_tokens_mean").asDouble() + 8,
          "what was said comes again: " + turns);
      assertTrue(turn.path("cached_share").asDouble() > 0.7, "the prefix cache knows it: " + turns);
      assertEquals(6, turn.path("time_to_first_token_s").path("count").asInt());
    }
    assertTrue(turns.path(0).path("cached_share").asDouble() < 0.3, "a new prompt: " + turns);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--rate 5 --concurrency 3 | choose",
        "--rate 0 | --rate must be above 0",
        "--rate NaN | --rate must be above 0",
        "--concurrency 0 | --concurrency must be from 1",
        "--requests 0 | --requests must be from 1",
        "--prompt many | is not a distribution of lengths",
        "--slo fast | is no objective",
        "--turns 0 | --turns must be from 1",
        "--turn-prompt few | is not a distribution of lengths",
        "--event-interval 1001 | --event-interval must be from 0 to 1000",
        "--url ftp://x | --url must be http",
      })
  void whatMakesNoSenseIsRefused(String options, String expected) {
    Object[] words = ("bench-serve " + options).split(" ");
    Run run = Run.sambay(words).expect(2);
    assertTrue(run.err().contains(expected), run.err());
  }

  @Test
  void noServerIsASentence() {
    Run run = Run.sambay("bench-serve", "--url", "http://127.0.0.1:9").expect(1);
    assertTrue(
        run.err().contains("the server at http://127.0.0.1:9 cannot be measured"), run.err());
  }
}
