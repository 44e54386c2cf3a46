package io.sambay4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.ChatMessage;
import io.sambay4j.InvalidModelException;
import io.sambay4j.tokenizer.TestFiles.O200k;
import io.sambay4j.tokenizer.jinja.Text;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Conversations to ids, and hostile inputs, row "tokenizer.json, chat template": the template's
 * part.
 */
class ChatTemplateTest {
  private static final List<ChatMessage> CONVERSATION =
      List.of(
          ChatMessage.system("Be brief."),
          ChatMessage.user("What is 2 + 2?"),
          ChatMessage.assistant("4."),
          ChatMessage.user("And \n\n 3 + 3?  "));

  private static String render(String template) {
    return ChatTemplate.of(template, "<s>", "</s>").render(CONVERSATION, true, Map.of());
  }

  @Test
  void templateOfTheRealModel() {
    ChatTemplate template = TestFiles.chatTemplate(TestFiles.phi());
    String turns =
        "<|system|>Be brief.<|end|><|user|>What is 2 + 2?<|end|><|assistant|>4.<|end|><|user|>And \n\n 3 + 3?  <|end|>";
    assertEquals(turns + "<|assistant|>", template.render(CONVERSATION, true, Map.of()));
    assertEquals(turns + "<|endoftext|>", template.render(CONVERSATION, false, Map.of()));
    try (HuggingFaceOracle oracle = new HuggingFaceOracle(O200k.FILE)) {
      for (boolean prompt : new boolean[] {false, true}) {
        assertArrayEquals(
            oracle.encode(template.render(CONVERSATION, prompt, Map.of())),
            template.encode(O200k.TOKENIZER, CONVERSATION, prompt, Map.of()));
      }
    }
  }

  /** Only the search for control tokens may see where text comes from; merging must not. */
  @Test
  void textIsTokenizedAcrossTheBorderBetweenTemplateAndMessage() {
    ChatTemplate template =
        ChatTemplate.of(
            "{% for m in messages %}<|user|>Quest{{ m.content }}ion: {{ m.content }}  <|end|>\n{% endfor %}",
            "", "");
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try (HuggingFaceOracle oracle = new HuggingFaceOracle(O200k.FILE)) {
      for (int i = 0; i < 200; i++) {
        List<ChatMessage> messages =
            List.of(ChatMessage.user(SampleTexts.random(random, 10).replace("|>", "")));
        assertArrayEquals(
            oracle.encode(template.render(messages, true, Map.of())),
            template.encode(O200k.TOKENIZER, messages),
            () -> "seed " + seed);
      }
    }
  }

  @Test
  void whiteSpaceAfterAnStrippingTokenGoesOnlyIfTheTemplateWroteIt() {
    ChatTemplate template =
        ChatTemplate.of("<|user|>\n \n{{ messages[0].content }}<|end|>\n", "", "");
    Tokenizer tokenizer = O200k.TOKENIZER;
    int[] ids = template.encode(tokenizer, List.of(ChatMessage.user("\n  typed")));
    assertEquals("<|user|>\n  typed<|end|>", tokenizer.decode(ids, true));
  }

  @Test
  void variablesOfTheTemplate() {
    assertEquals(
        "<s> </s> True 4 None None",
        render(
            "{{ bos_token }} {{ eos_token }} {{ add_generation_prompt }} {{ messages|length }} {{ tools }} {{ documents }}"));
    ChatTemplate template =
        ChatTemplate.of("{{ tools[0].name }} {{ thinking }} {{ level }}", "", "");
    assertEquals(
        "add True 3",
        template.render(
            List.of(),
            true,
            Map.of("tools", List.of(Map.of("name", "add")), "thinking", true, "level", 3)));
  }

  @Test
  void timeOfDay() {
    Clock clock = Clock.fixed(Instant.parse("2025-03-07T09:05:01Z"), ZoneOffset.UTC);
    ChatTemplate template =
        ChatTemplate.of(
            "{{ strftime_now('%d %B %Y, %A %H:%M:%S %p %-d %y%m %j %%') }}", "", "", clock);
    assertEquals(
        "07 March 2025, Friday 09:05:01 AM 7 2503 066 %",
        template.render(List.of(), false, Map.of()));
    ChatTemplate unknown = ChatTemplate.of("{{ strftime_now('%Q') }}", "", "", clock);
    assertThrows(InvalidModelException.class, () -> unknown.render(List.of(), false, Map.of()));
  }

  @Test
  void templateMayRefuseTheMessages() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                render(
                    "{% if messages|length > 3 %}{{ raise_exception('too many turns') }}{% endif %}"));
    assertTrue(e.toString().contains("too many turns"));
  }

  @Test
  void provenanceSurvivesEverythingThatIsDoneToStrings() {
    Map<String, Object> tools = Map.of("tools", Map.of("k", "user text"));
    for (String template :
        List.of(
            "{{ tools.k }}",
            "{{ 'x' ~ tools.k ~ 'x' }}",
            "{{ (' ' + tools.k + ' ') | trim }}",
            "{{ tools.k | upper | lower | title | capitalize | lower }}",
            "{{ tools.k | replace('x', 'y') }}",
            "{{ 'xx' | replace('x', tools.k) }}",
            "{{ tools.k.split(' ') | join(' ') }}",
            "{{ 'x'.join([tools.k, tools.k]) }}",
            "{{ tools.k[::-1][::-1] }}{{ tools.k[2:] }}{{ tools.k[0] }}",
            "{{ tools | tojson }}",
            "{{ tools | tojson(indent=2) }}",
            "{{ tools }}",
            "{{ [tools.k, 'x'] }}",
            "{% set x %}{{ tools.k }}{% endset %}{{ x }}",
            "{% set ns = namespace(v='') %}{% for c in tools.k %}{% set ns.v = ns.v + c %}{% endfor %}{{ ns.v }}",
            "{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(tools.k) }}",
            "{{ tools.k * 2 }}",
            "{{ tools.k | indent(2) }}",
            "{{ tools.items() | list }}",
            "{{ tools.k.strip('u').removeprefix('ser') }}",
            "{{ tools.k | list | reverse | join }}",
            "{{ tools.k | default('x') | string | safe }}",
            "{{ (tools.values() | list)[0] }}",
            "{{ tools.k.rsplit(' ', 1)[1] }}{{ tools.k.splitlines()[0] }}")) {
      Text text = ChatTemplate.of(template, "", "").renderText(List.of(), true, tools);
      boolean any = false;
      for (int i = 0; i < text.length(); i++) {
        if ("user txk".indexOf(text.value().charAt(i)) >= 0
            && text.value().charAt(i) != 'x'
            && text.value().charAt(i) != ' ') {
          assertTrue(text.isTainted(i), () -> template + " gives " + text);
          any = true;
        }
        if ("<>{}[]'\"".indexOf(text.value().charAt(i)) >= 0) {
          assertFalse(text.isTainted(i), () -> template + " gives " + text);
        }
      }
      assertTrue(any, template);
    }
  }

  @Test
  void malformedTemplatesAreRefusedWithTheirLine() {
    for (String source :
        List.of(
            "{{",
            "{{ a",
            "{% if %}",
            "{% if a %}",
            "{% for a %}",
            "{% endif %}",
            "{% else %}",
            "{{ a b }}",
            "{{ 1 + }}",
            "{{ 'a }}",
            "{# a",
            "{% set %}",
            "{% set a.b.c = 1 %}",
            "{{ (a }}",
            "{{ a[ }}",
            "{{ {1} }}",
            "{{ a | }}",
            "{{ a is }}",
            "{{ f(a=1, a=2) }}",
            "{{ f(a=1, 2) }}",
            "{{ 99999999999999999999 }}",
            "{% break %}",
            "{{ a.%}",
            "{% macro %}",
            "{{ '\\u12' }}",
            "{{ ; }}",
            "{{ a[] }}",
            "{% for x in y %}{% endif %}")) {
      InvalidModelException e =
          assertThrows(
              InvalidModelException.class, () -> ChatTemplate.of("\n\n" + source, "", ""), source);
      assertTrue(e.toString().contains("line 3"), () -> source + ": " + e);
    }
  }

  @Test
  void unknownConstructsAreNamedWithTheirLine() {
    Map<String, String> constructs =
        Map.of(
            "{% include 'x' %}", "include",
            "{% import 'os' as os %}", "import",
            "{% extends 'x' %}", "extends",
            "{% call f() %}{% endcall %}", "call",
            "{{ a | attr('x') }}", "filter attr",
            "{{ a | pprint }}", "filter pprint",
            "{{ a is weird }}", "test weird",
            "{% block x %}{% endblock %}", "block");
    constructs.forEach(
        (source, name) -> {
          InvalidModelException e =
              assertThrows(
                  InvalidModelException.class,
                  () -> ChatTemplate.of("\n" + source, "", ""),
                  source);
          assertTrue(e.toString().contains("line 2") && e.toString().contains(name), e::toString);
        });
  }

  @Test
  void templatesCannotReachJava() {
    for (String source :
        List.of(
            "{{ ''.__class__.__mro__ }}",
            "{{ messages.getClass() }}",
            "{{ messages[0].content.getBytes() }}",
            "{{ messages.stream() }}",
            "{{ messages[0].getClass().forName('java.lang.Runtime') }}",
            "{{ messages.append(1) }}",
            "{{ messages[0].update({}) }}",
            "{{ namespace.__init__() }}",
            "{{ raise_exception.call() }}",
            "{{ open('/etc/passwd') }}",
            "{{ cycler() }}")) {
      assertThrows(InvalidModelException.class, () -> render(source), source);
    }
    assertEquals("", render("{{ ''.__class__ }}{{ messages[0].content.value }}{{ range.call }}"));
  }

  @Test
  void unboundedWorkIsStopped() {
    for (String source :
        List.of(
            "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
            "{% for a in range(1000000000) %}{% endfor %}",
            "{{ 'a' * 1000000000 }}",
            "{{ 'a' * 9223372036854775807 }}",
            "{% set ns = namespace(x='ab') %}{% for a in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
            "{% set ns = namespace(x=[1]) %}{% for a in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
            "{% set ns = namespace(x=[1]) %}{% for a in range(1000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
            "{% set ns = namespace(x=[1]) %}{% for a in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}",
            "{% set ns = namespace(x=[1]) %}{% for a in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == (ns.x | list) }}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
            "{% for i in range(100000) %}{{ 'a' * 100000 }}{% endfor %}",
            "{{ ('a' * 30000000) | replace('a', 'aaaa') }}",
            "{{ (('a' * 1000000) ~ 'b') in ('a' * 30000000) }}",
            "{{ ('ab' * 1000000) | list | unique }}{{ range(1000000) | list | unique | length }}",
            "{{ 2 ** 100000 }}",
            "{{ 9223372036854775807 + 1 }}",
            "{{ 1 // 0 }}",
            "{{ ''.join(['a' * 30000000, 'a' * 30000000]) }}",
            "{{ ['a' * 30000000, 'a' * 30000000] | tojson }}",
            "{{ 'a' | indent(2000000000) }}",
            "{{ [[1]] | tojson(indent=2000000000) }}{{ 'a' * 40000000 }}")) {
      assertThrows(InvalidModelException.class, () -> render(source), source);
    }
  }

  @Test
  void deeplyNestedOrLongTemplatesAreRefused() {
    for (String source :
        List.of(
            "{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}",
            "{{ " + "[".repeat(100_000) + " }}",
            "{{ " + "not ".repeat(60_000) + "1 }}",
            "{{ " + "-".repeat(100_000) + "1 }}",
            "{{ 1" + "+1".repeat(100_000) + " }}",
            "{{ a" + ".b".repeat(100_000) + " }}",
            "{{ a" + "|trim".repeat(40_000) + " }}",
            "{{ 1" + " if 1 else 1".repeat(20_000) + " }}",
            "{% if 1 %}".repeat(20_000) + "{% endif %}",
            "x".repeat(300_000))) {
      assertThrows(
          InvalidModelException.class, () -> render(source), () -> source.substring(0, 20));
    }
  }

  @Test
  void argumentsCannotOverrideTheTemplatesOwnVariables() {
    ChatTemplate template = ChatTemplate.of("{{ messages }}", "", "");
    for (String name :
        List.of(
            "messages",
            "add_generation_prompt",
            "bos_token",
            "eos_token",
            "raise_exception",
            "range",
            "loop",
            "namespace",
            "",
            "a b",
            "a.b",
            "1a",
            "a".repeat(65))) {
      assertThrows(
          IllegalArgumentException.class,
          () -> template.render(List.of(), true, Map.of(name, "x")),
          name);
    }
  }

  @Test
  void argumentsMustBePlainValues() {
    ChatTemplate template = ChatTemplate.of("", "", "");
    List<Object> loop = new ArrayList<>();
    loop.add(loop);
    List<Object> doubling = List.of(1);
    for (int i = 0; i < 31; i++) {
      doubling = List.of(doubling, doubling);
    }
    Map<Object, Object> badKey = new HashMap<>();
    badKey.put(1, 2);
    for (Object value :
        List.of(
            new Object(),
            Double.NaN,
            Float.POSITIVE_INFINITY,
            loop,
            doubling,
            badKey,
            Path.of("x"),
            new int[0],
            Collections.nCopies(2_000_000, 1))) {
      assertThrows(
          IllegalArgumentException.class,
          () -> template.render(List.of(), true, Map.of("tools", value)));
    }
    Map<String, Object> none = new HashMap<>();
    none.put("tools", null);
    assertEquals("", template.render(List.of(), true, none));
  }

  /** Whatever is changed in a good template: it renders, or is refused with a sentence. */
  @Test
  void mutatedTemplatesRenderOrAreRefused() {
    String good =
        "{% set ns = namespace(n=0) %}{%- for m in messages if m.role != 'tool' -%}\n{{ '<|' + m['role'] + '|>' ~ m.content[1:-1] | trim }}"
            + "{% if loop.last and not (tools is none) %}{{ tools | tojson(indent=2) }}{% else %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{% endif %}{% endfor %}";
    String characters = "{}%#'\"()[]|.,:=+-*/~ 019abmntol\n";
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int rendered = 0;
    for (int round = 0; round < 5_000; round++) {
      StringBuilder source = new StringBuilder(good);
      for (int i = random.nextInt(3); i >= 0; i--) {
        source.setCharAt(
            random.nextInt(source.length()),
            characters.charAt(random.nextInt(characters.length())));
      }
      try {
        render(source.toString());
        rendered++;
      } catch (InvalidModelException e) {
        assertTrue(e.toString().contains("line "), e::toString);
      } catch (RuntimeException | StackOverflowError e) {
        throw new AssertionError("seed " + seed + ": " + source, e);
      }
    }
    assertTrue(rendered > 100, "seed " + seed);
  }
}
