package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ChatCommandTest {
  private static final String ANSWER = "17+25: 7+5=12, 1+2+1=4. Answer: 42\n";

  @TempDir private Path temporary;

  @Test
  void eachLineIsAnsweredWithATimingLine() {
    Run run = Run.withInput("What is 17+25?\n", "chat").expect(0);
    assertEquals(ANSWER, run.out());
    assertTrue(
        run.err()
            .matches("\\[prompt 12 tokens, \\S+ tokens/s; generated 29 tokens, \\S+ tokens/s]\n"),
        run.err());
  }

  @Test
  void aMessageMayHaveSeveralLines() throws IOException {
    Path file = temporary.resolve("chat.json");
    String input =
        "What is \\\n17+25?\n/undo\n\"\"\"\nWhat is\n/17+25?\n\"\"\"\n/save %s\n".formatted(file);
    Run.withInput(input, "chat", "--max-tokens", "1").expect(0);
    assertEquals(
        "{\"role\":\"user\",\"content\":\"What is\\n/17+25?\"}",
        new com.fasterxml.jackson.databind.ObjectMapper()
            .readTree(file.toFile())
            .get("messages")
            .get(0)
            .toString());
  }

  @Test
  void undoAndRetry() {
    // The model in the box answers one question well; a second in the same conversation confuses
    // it.
    Run run = Run.withInput("What is 5+6?\n/undo\nWhat is 17+25?\n/retry\n", "chat").expect(0);
    assertTrue(run.out().endsWith(ANSWER + ANSWER), run.out());
    assertTrue(run.err().contains("(taken back: 'What is 5+6?')"), run.err());
  }

  @Test
  void clearForgets() {
    Run run = Run.withInput("What is 5+6?\n/clear\nWhat is 17+25?\n", "chat").expect(0);
    assertTrue(run.out().endsWith(ANSWER), run.out());
  }

  @Test
  void savedConversationsGoOn() throws IOException {
    Path first = temporary.resolve("first.json");
    Path second = temporary.resolve("second.json");
    Run.withInput("What is 5+6?\n/save " + first + "\n", "chat").expect(0);
    Run run =
        Run.withInput("/load %s\n/save %s\n/retry\n".formatted(first, second), "chat").expect(0);
    assertEquals(Files.readString(first), Files.readString(second));
    assertEquals("5+6: 5+6=11. Answer: 11\n", run.out());
  }

  @Test
  void theSystemMessageCanBeSetAndTaken() throws IOException {
    Path file = temporary.resolve("system.json");
    Run.withInput("/system Be brief.\n/save " + file + "\n", "chat").expect(0);
    assertTrue(Files.readString(file).contains("\"system\",\"content\":\"Be brief.\""));
    Run.withInput("/clear\n/save " + file + "\n", "chat", "--system", "Kept.").expect(0);
    assertTrue(Files.readString(file).contains("Kept."));
    Run.withInput("/system\n/save " + file + "\n", "chat", "--system", "Gone.").expect(0);
    assertFalse(Files.readString(file).contains("Gone."));
  }

  @Test
  void statsAndHelp() {
    Run run = Run.withInput("/help\nWhat is 17+25?\n/stats\n/quit\nnever read\n", "chat").expect(0);
    assertTrue(run.err().contains("/undo"), run.err());
    assertTrue(run.err().contains("1 answers; prompts 12 tokens"), run.err());
    assertEquals(ANSWER, run.out());
  }

  @Test
  void whatGoesWrongIsSaidAndTheConversationGoesOn() throws IOException {
    Path broken = Files.writeString(temporary.resolve("broken.json"), "{\"messages\": [{}]}");
    String input =
        "/bogus\n/undo\n/load %s\n/load %s/none\n/load\n/save %s/none/x\nWhat is 17+25?\n"
            .formatted(broken, temporary, temporary);
    Run run = Run.withInput(input, "chat").expect(1); // a script learns of it
    assertEquals(ANSWER, run.out());
    assertTrue(run.err().contains("there is no command '/bogus'"), run.err());
    assertTrue(run.err().contains("nothing to take back"), run.err());
    assertTrue(run.err().contains("message 0 needs a role and a content"), run.err());
    assertTrue(run.err().contains("/load needs the name of a file"), run.err());
    assertTrue(run.err().contains("cannot write"), run.err());
    assertFalse(run.err().contains("defect"), run.err());
  }

  @Test
  void aMessageThatDoesNotFitIsRefusedAndTheNextAnswered() {
    String input = "1+".repeat(100) + "\nWhat is 17+25?\n";
    Run run = Run.withInput(input, "chat", "--context", "60").expect(1);
    assertEquals(ANSWER, run.out());
    assertTrue(run.err().contains("the context takes 60"), run.err());
  }
}
