package io.sambay4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.answer.Answer;
import io.sambay4j.answer.AnswerConstraint;
import io.sambay4j.answer.AnswerFormat;
import io.sambay4j.answer.Thinking;
import io.sambay4j.answer.Tool;
import io.sambay4j.answer.ToolChoice;
import io.sambay4j.sampling.SamplingParameters;
import io.sambay4j.structured.Grammar;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The model in the box, which knows nothing of JSON, made to write it. */
@Timeout(300)
final class StructuredOutputTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static TextModel model;

  @BeforeAll
  static void open() {
    model = TinyModel.open(4);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static GenerationRequest.Builder ask(long seed) {
    return GenerationRequest.user("What is 17+25?")
        .sampling(SamplingParameters.builder().temperature(1).seed(seed).build())
        .maxTokens(400);
  }

  @Test
  void aSchemaIsFollowed() throws Exception {
    Grammar schema =
        Grammar.jsonSchema(
            """
            {"type": "object",
             "properties": {
               "answer": {"type": "integer", "minimum": 0, "maximum": 999},
               "steps": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 3},
               "sure": {"type": "boolean"}},
             "required": ["answer", "steps", "sure"],
             "additionalProperties": false}
            """);
    for (int seed = 0; seed < 10; seed++) {
      Generation generation =
          model.generate(ask(seed).constraint(schema.over(model.tokenizer())).build());
      assertEquals(FinishReason.STOP, generation.finishReason(), generation.text());
      JsonNode json = JSON.readTree(generation.text());
      assertTrue(json.get("answer").isInt() && json.get("sure").isBoolean(), generation.text());
      assertTrue(json.get("steps").size() <= 3, generation.text());
    }
  }

  @Test
  void greedyChoicesAndExpressionsAreFollowed() {
    Generation choice =
        model.generate(
            GenerationRequest.user("What is 17+25?")
                .sampling(SamplingParameters.greedy())
                .constraint(Grammar.choices(List.of("41", "42")).over(model.tokenizer()))
                .build());
    assertTrue(List.of("41", "42").contains(choice.text()), choice.text());
    Generation expression =
        model.generate(
            GenerationRequest.user("What is 17+25?")
                .sampling(SamplingParameters.greedy())
                .constraint(Grammar.regex("Answer: [0-9]{1,3}").over(model.tokenizer()))
                .build());
    assertTrue(expression.text().matches("Answer: [0-9]{1,3}"), expression.text());
  }

  @Test
  void aToolIsCalledAfterAShortThought() {
    AnswerFormat format = AnswerFormat.named("think-opened", "tool_call");
    Tool tool =
        new Tool(
            "add",
            null,
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":99}},"
                + "\"required\":[\"a\"],\"additionalProperties\":false}");
    for (int seed = 0; seed < 5; seed++) {
      Generation generation =
          model.generate(
              ask(seed)
                  .constraint(
                      AnswerConstraint.builder(format)
                          .tools(List.of(tool))
                          .toolChoice(ToolChoice.function("add"))
                          .thinking(new Thinking(true, 12, "\n"))
                          .over(model.tokenizer())
                          .orElseThrow())
                  .build());
      Answer answer = Answer.of(format, generation.text());
      assertEquals(FinishReason.STOP, generation.finishReason(), generation.text());
      assertEquals(1, answer.calls().size(), generation.text());
      assertEquals("add", answer.calls().get(0).name());
      assertTrue(
          answer.calls().get(0).arguments().matches("\\{\\s*\"a\":\\s?\\s*\\d{1,2}\\s*}"),
          generation.text());
    }
  }
}
