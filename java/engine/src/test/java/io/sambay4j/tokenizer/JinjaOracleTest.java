package io.sambay4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.RenderResult;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Templates in the style of published ones give the text that Jinjava gives. Where Jinjava itself
 * departs from Jinja2 (white space, tests on undefined names, conditions in loops), {@link
 * Jinja2CasesTest} has the last word.
 */
class JinjaOracleTest {
  private static final Map<String, Object> TOOL =
      Map.of(
          "type",
          "function",
          "function",
          ordered(
              "name",
              "add",
              "description",
              "Adds \"two\" numbers",
              "parameters",
              ordered(
                  "type",
                  "object",
                  "properties",
                  ordered("a", ordered("type", "integer"), "b", ordered("type", "integer")),
                  "required",
                  List.of("a", "b"))));

  private static final List<List<Map<String, Object>>> CONVERSATIONS =
      List.of(
          List.of(ordered("role", "user", "content", "Hello")),
          List.of(
              ordered("role", "system", "content", "  Be brief.\n"),
              ordered("role", "user", "content", "What's 2 + 2?"),
              ordered("role", "assistant", "content", "<think>two and two</think>\n\nfour"),
              ordered("role", "user", "content", "日本語 😀 'quoted' \"double\" \\ back")),
          List.of(
              ordered("role", "system", "content", "Use tools.", "tools", "[{\"name\": \"add\"}]"),
              ordered("role", "user", "content", "Add 1 and 2"),
              ordered(
                  "role",
                  "assistant",
                  "content",
                  "",
                  "tool_calls",
                  List.of(
                      ordered(
                          "type",
                          "function",
                          "function",
                          ordered("name", "add", "arguments", ordered("a", 1, "b", 2))))),
              ordered("role", "tool", "content", "3"),
              ordered("role", "assistant", "content", "It is 3.")));

  /** Alternating keys and values. */
  private static Map<String, Object> ordered(Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], pairs[i + 1]);
    }
    return map;
  }

  static List<String> templates() {
    return List.of(
        TestFiles.read(TestFiles.phi().resolve("tokenizer_config.json"))
            .get("chat_template")
            .textValue(),
        TestFiles.read(TestFiles.tinyReasoner().resolve("tokenizer_config.json"))
            .get("chat_template")
            .textValue(),
        // ChatML
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
        // A system message set apart, a slice of the rest
        "{%- if messages[0]['role'] == 'system' -%}{%- set system_message = messages[0]['content'] | trim -%}{%- set loop_messages = messages[1:] -%}{%- else -%}{%- set system_message = 'none' -%}{%- set loop_messages = messages -%}{%- endif -%}[{{ system_message }}]{%- for message in loop_messages -%}({{ loop.index0 }}/{{ loop.length }}:{{ message['role'] }}){%- endfor -%}",
        // Header tokens, an offset
        "{% set offset = 1 if messages[0]['role'] == 'system' else 0 %}{% for message in messages %}{% set content = '<|start|>' + message['role'] + '<|stop|>\n\n' + (message['content'] | trim) + '<|eot|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% if (message['role'] == 'user') != (loop.index0 % 2 == offset) %}!{% endif %}{% endfor %}",
        // The last user turn, found with a namespace
        "{% set ns = namespace(last=-1, found=false) %}{% for message in messages %}{% if message.role == 'user' %}{% set ns.last = loop.index0 %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.last }}{% for m in messages %}{% if loop.index0 > ns.last and ns.found %}+{{ m.role }}{% endif %}{% endfor %}",
        // Reasoning cut out of past answers
        "{% for m in messages %}{% if m['role'] == 'assistant' %}{% set content = m['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}<A>{{ content.strip() }}{% elif m['role'] == 'tool' %}<T>{{ m['content'] }}{% else %}<O>{{ m['content'] }}{% endif %}{% endfor %}",
        // Tool definitions and calls
        "{% if tools %}{% for tool in tools %}{{ loop.index }}. {{ tool.function.name | upper }}: {{ tool.function.description }}{% for name, p in tool.function.parameters.properties.items() %} {{ name }}={{ p.type }}{{ ', ' if not loop.last else ';' }}{% endfor %}{% endfor %}{% endif %}{% for m in messages %}{% if m.tool_calls is defined and m.tool_calls %}{% for call in m.tool_calls %}<call>{{ call.function.name }}({% for k, v in call.function.arguments.items() %}{{ k ~ ':' ~ v }}{% if not loop.last %},{% endif %}{% endfor %})</call>{% endfor %}{% endif %}{% endfor %}",
        // Filters
        "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | map(attribute='role') | join(', ') }}{{ (messages | last).role }}{{ messages | rejectattr('role', 'equalto', 'user') | map(attribute='role') | join('|') }}{{ messages[0].content | replace('e', 'E') | lower | capitalize }}{{ nothing | default('dflt') }}{{ '' | default('empty', true) }}{{ [3, 1, 2] | sort | join }}{{ [1, 2, 3] | first }}{{ 'abc' | length }}{{ -3 | abs }}{{ '7' | int + 1 }}{{ ['a', 'b'] | reverse | join('-') }}",
        // Operators
        "{% for m in messages %}{{ m['content'][0:3] }}{{ m.content.replace('a', 'b') }}{% endfor %}{{ 7 // 2 }} {{ 7 % 3 }} {{ 2 * 3 + 1 }} {{ 'a' ~ 1 ~ 'b' }}{{ 'x' if 1 < 2 and not (2 > 3) }}",
        // Macros with defaults
        "{% macro turn(role, content, end='<|end|>') %}<|{{ role }}|>{{ content | trim }}{{ end }}{% endmacro %}{% for m in messages %}{{ turn(m.role, m.content) }}{{ turn(m.role, m.content, end='') }}{% endfor %}",
        // Content in parts, nested loops, dict and list literals
        "{% set names = {'user': 'U', 'assistant': 'A', 'system': 'S', 'tool': 'T'} %}{% for m in messages %}{{ names[m.role] }}{% for part in [m.role, 'x'] %}{{ loop.index }}{{ part }}{% if not loop.last %}/{% endif %}{% endfor %}{% endfor %}{{ names.get('nobody', 'default') }}{{ 'yes' if 'user' in names }}",
        // Blocks captured, items from the end
        "{% set text %}[{{ messages | length }}]{% endset %}{{ text }}{{ messages[-1].role }}{{ messages[-1]['content'][-3:] }}");
  }

  @ParameterizedTest
  @MethodSource("templates")
  void sameTextAsJinjava(String template) {
    Jinjava jinjava =
        new Jinjava(JinjavaConfig.newBuilder().withTrimBlocks(true).withLstripBlocks(true).build());
    for (List<Map<String, Object>> messages : CONVERSATIONS) {
      for (boolean prompt : new boolean[] {false, true}) {
        for (boolean withTools : new boolean[] {false, true}) {
          Map<String, Object> variables = new LinkedHashMap<>();
          variables.put("messages", messages);
          variables.put("add_generation_prompt", prompt);
          variables.put("bos_token", "<s>");
          variables.put("eos_token", "</s>");
          Map<String, Object> arguments = withTools ? Map.of("tools", List.of(TOOL)) : Map.of();
          variables.put("tools", arguments.get("tools"));
          RenderResult expected = jinjava.renderForResult(template, variables);
          assertEquals(List.of(), expected.getErrors(), template);
          String text =
              ChatTemplate.of(template, "<s>", "</s>")
                  .renderText(messages, prompt, arguments)
                  .value();
          assertEquals(expected.getOutput(), text, template);
        }
      }
    }
  }
}
