package io.sambay4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Templates give the text that Jinja2 gives; what that is was recorded by make_cases.py beside the
 * file.
 */
class Jinja2CasesTest {
  @TestFactory
  List<DynamicTest> sameTextAsJinja2() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode recorded : TestFiles.read(Path.of("src/test/resources/jinja/cases.json"))) {
      tests.add(DynamicTest.dynamicTest("case " + tests.size(), () -> compare(recorded)));
    }
    return tests;
  }

  private static void compare(JsonNode recorded) {
    String template = recorded.get("template").textValue();
    List<Map<String, Object>> messages =
        TestFiles.JSON.convertValue(recorded.get("messages"), new TypeReference<>() {});
    Map<String, Object> arguments = new HashMap<>();
    arguments.put("tools", TestFiles.JSON.convertValue(recorded.get("tools"), Object.class));
    String text =
        ChatTemplate.of(template, "<s>", "</s>")
            .renderText(messages, recorded.get("add_generation_prompt").booleanValue(), arguments)
            .value();
    assertEquals(recorded.get("expected").textValue(), text, template);
  }
}
