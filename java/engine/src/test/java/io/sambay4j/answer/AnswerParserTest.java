package io.sambay4j.answer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.tokenizer.TestFiles;
import io.sambay4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AnswerParserTest {
  private static final AnswerFormat THINK = AnswerFormat.named("think", "none");
  private static final AnswerFormat PHI = AnswerFormat.named("none", "phi");
  private static final AnswerFormat TAGGED = AnswerFormat.named("think", "tool_call");

  private static void check(
      AnswerFormat format, String text, String reasoning, String content, String... calls) {
    Answer whole = Answer.of(format, text);
    assertEquals(content, whole.content(), text);
    assertEquals(reasoning, whole.reasoning(), text);
    List<String> found =
        whole.calls().stream().map(call -> call.name() + call.arguments()).toList();
    assertEquals(List.of(calls), found, text);
    assertEquals(whole, inPieces(format, text, new Random(0), 1), "character by character");
    for (int seed = 0; seed < 30; seed++) {
      assertEquals(whole, inPieces(format, text, new Random(seed), 12), "seed " + seed);
    }
  }

  private static Answer inPieces(AnswerFormat format, String text, Random random, int longest) {
    AnswerParser parser = new AnswerParser(format);
    List<AnswerDelta> deltas = new ArrayList<>();
    for (int at = 0; at < text.length(); ) {
      int end = Math.min(text.length(), at + 1 + random.nextInt(longest));
      deltas.addAll(parser.append(text.substring(at, end)));
      at = end;
    }
    deltas.addAll(parser.finish());
    return Answer.of(deltas);
  }

  @Test
  void withoutAFormatAllTextIsContent() {
    String text = "<think>a</think>\n <tool_call>{}</tool_call> ";
    check(AnswerFormat.NONE, text, "", text);
    check(AnswerFormat.NONE, "", "", "");
  }

  @Test
  void aThoughtIsSplitFromTheContent() {
    check(THINK, "<think>\nTwo and two.\n</think>\n\nFour.", "Two and two.", "Four.");
    check(THINK, "\n<think>a b</think>c", "a b", "c");
    check(THINK, "No thought <think>", "", "No thought <think>");
    check(THINK, "<think></think>x", "", "x");
    check(THINK, "<thin", "", "<thin");
    check(THINK, "<think>a</thin</think>b", "a</thin", "b");
    check(THINK, "<think>a</think>b<think>c</think>", "a", "b<think>c</think>");
    check(THINK, " \n ", "", " \n ");
  }

  @Test
  void aThoughtThatIsNotClosedIsAThought() {
    check(THINK, "<think>on and on ", "on and on", "");
    check(THINK, "<think>on</thi", "on</thi", "");
  }

  @Test
  void aThoughtThatThePromptOpenedBeginsAtOnce() {
    AnswerFormat opened = AnswerFormat.named("think-opened", "none");
    check(opened, "\nhm\n</think>\nyes", "hm", "yes");
    check(opened, "hm", "hm", "");
  }

  @Test
  void aListOfCallsIsRead() {
    check(
        PHI,
        "<|tool_call|>[{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": [2, {}]}}, {\"name\": \"now\","
            + " \"arguments\": {}}]<|/tool_call|>",
        "",
        "",
        "add{\"a\": 1, \"b\": [2, {}]}",
        "now{}");
    check(PHI, "Well.\n<|tool_call|>[]<|/tool_call|> Done.", "", "Well.Done.");
  }

  @Test
  void taggedCallsAreReadAfterAThought() {
    check(
        TAGGED,
        "<think>call it</think>\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": \"</tool_call>\"}}\n"
            + "</tool_call>\n<tool_call>{\"arguments\": {\"y\": \"}\\\"\"}, \"name\": \"g\"}</tool_call>",
        "call it",
        "",
        "f{\"x\": \"</tool_call>\"}",
        "g{\"y\": \"}\\\"\"}");
  }

  @Test
  void formsThatModelsAlsoWriteAreRead() {
    check(PHI, "<|tool_call|>[{\"name\":\"f\",\"parameters\":{\"a\":1}}]", "", "", "f{\"a\":1}");
    check(
        TAGGED,
        "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>",
        "",
        "",
        "f{\"a\": 1}");
    check(TAGGED, "<tool_call>{\"name\": \"f\"}</tool_call>", "", "", "f{}");
    check(
        TAGGED,
        "<tool_call>{\"name\": \"f\", \"id\": 7, \"arguments\" : {} }</tool_call>",
        "",
        "",
        "f{}");
  }

  @Test
  void whatIsNoCallIsContentAsItWasWritten() {
    check(TAGGED, "a <tool_call>hello</tool_call> b", "", "a <tool_call>hello</tool_call> b");
    check(TAGGED, "<tool_call>{\"x\": 1}</tool_call>", "", "<tool_call>{\"x\": 1}</tool_call>");
    check(TAGGED, "<tool_call>", "", "");
    check(TAGGED, "<tool_call>nothing", "", "<tool_call>nothing");
    check(TAGGED, "<tool_cal", "", "<tool_cal");
  }

  @Test
  void aCallThatIsCutOffKeepsWhatThereWas() {
    check(
        TAGGED, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": [1,", "", "", "f{\"a\": [1,");
    check(
        TAGGED,
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1</tool_call>more",
        "",
        "more",
        "f{\"a\": 1");
  }

  @Test
  void argumentsStreamAndTagsNeverLeak() {
    AnswerParser parser = new AnswerParser(TAGGED);
    assertEquals(List.of(), parser.append("<tool"));
    assertEquals(List.of(), parser.append("_call>{\"name\": \"f"));
    assertEquals(List.of(new AnswerDelta.CallStart(0, "f")), parser.append("\", \"arguments\": "));
    assertEquals(List.of(new AnswerDelta.CallArguments(0, "{\"a\": ")), parser.append("{\"a\": "));
    assertEquals(List.of(new AnswerDelta.CallArguments(0, "1}")), parser.append("1}}</to"));
    assertEquals(List.of(), parser.append("ol_call>\n"));
    assertEquals(List.of(), parser.finish());
  }

  @Test
  void contentStreamsAtOnce() {
    AnswerParser parser = new AnswerParser(TAGGED);
    assertEquals(List.of(new AnswerDelta.Content("Hello")), parser.append("Hello "));
    assertEquals(List.of(new AnswerDelta.Content(" 1 < 2")), parser.append("1 < 2"));
    assertEquals(List.of(), parser.append(" <t"));
    assertEquals(List.of(new AnswerDelta.Content(" <ta")), parser.append("a"));
  }

  @Test
  void noTagLeaksFromAnyText() {
    String[] pieces = {
      "<think>",
      "</think>",
      "<tool_call>",
      "</tool_call>",
      "{\"name\":\"f\",\"arguments\":{}}",
      "a",
      " ",
      "\n",
      "<",
      "</",
      "{",
      "\"",
      "[",
      "]",
      "}",
      ","
    };
    for (int seed = 0; seed < 2000; seed++) {
      Random random = new Random(seed);
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(12); i > 0; i--) {
        text.append(pieces[random.nextInt(pieces.length)]);
      }
      Answer whole = Answer.of(TAGGED, text.toString());
      assertEquals(
          whole, inPieces(TAGGED, text.toString(), random, 5), "seed " + seed + ": " + text);
      assertFalse(whole.reasoning().contains("</think>"), "seed " + seed + ": " + text);
    }
  }

  @Test
  void tagsThatTheTextDoesNotShowAreRefused() {
    Tokenizer o200k = TestFiles.O200k.TOKENIZER;
    PHI.check(o200k);
    AnswerFormat hidden =
        new AnswerFormat(new AnswerFormat.Thought("<|tag|>", "</think>", false), null);
    String message =
        String.valueOf(
            assertThrows(IllegalArgumentException.class, () -> hidden.check(o200k)).getMessage());
    assertTrue(message.contains("<|tag|>"), message);
  }

  @Test
  void namesOfFormatsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> AnswerFormat.named("x", "none"));
    assertThrows(IllegalArgumentException.class, () -> AnswerFormat.named("none", "x"));
    assertThrows(
        IllegalArgumentException.class, () -> new AnswerFormat.Calls("", "x", false, false));
  }
}
