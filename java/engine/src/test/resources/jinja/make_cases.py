"""Writes cases.json: templates and what Jinja2, set up as Hugging Face transformers sets it up, makes of them.

Needs jinja2 (3.1.6 was used). Run in this directory: python3 make_cases.py
"""
import json

from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

CONVERSATION = [
    {"role": "system", "content": "  Be brief.\n"},
    {"role": "user", "content": "What's 2 + 2?"},
    {"role": "assistant", "content": "<think>two and two</think>\n\nfour"},
    {"role": "user", "content": "日本語 😀 'quoted' \"double\" \\ back <b>&amp;</b>"},
]
TOOL_CALL = {"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": [2.5, None, True]}}}
WITH_TOOLS = [
    {"role": "system", "content": "Use tools.", "tools": '[{"name": "add"}]'},
    {"role": "user", "content": "Add 1 and 2"},
    {"role": "assistant", "content": "", "tool_calls": [TOOL_CALL]},
    {"role": "tool", "content": "3"},
    {"role": "assistant", "content": "It is 3."},
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "add",
            "description": 'Adds "two" numbers',
            "parameters": {
                "type": "object",
                "properties": {"b": {"type": "integer"}, "a": {"type": "integer", "enum": [1, 2]}},
                "required": ["a", "b"],
            },
        },
    }
]

TEMPLATES = [
    # White space: signs, comments, blocks on lines of their own, the last newline.
    "{# a comment #}\n{% for m in messages %}\n    {% if loop.first %}\n  first\n    {% endif %}\n\t{{ m.role }}  \n{%- endfor %}\n  end\n",
    "  {%- set a = 1 -%}  \n\n x {{- a -}} y \n {%- if a %} b {% endif -%}  z",
    "a\n  {%+ if true %}\n b\n  {% endif +%}\n c\n\n",
    "x {# c -#}  y {#- c #}\n  {# c #}\n z\r\n{% raw %}{{ a }}{% endraw %}\n",
    "{% if true %}\n\n  {% if true %}\n  a{% endif %}\n {% endif %}\n",
    "{{ 'a' }}\n{{ 'b' }}\n",
    # Loops.
    "{% for m in messages if m.role != 'system' %}{{ loop.index }}{{ loop.revindex }}{{ loop.length }}{{ m.role }}{% endfor %}",
    "{% for m in [] %}x{% else %}none{% endfor %}{% for a, b in [[1, 2], (3, 4)] %}{{ a }}-{{ b }};{% endfor %}",
    "{% for m in messages %}{% if loop.index0 == 1 %}{% continue %}{% endif %}{% if loop.last %}{% break %}{% endif %}{{ m.role }}{% endfor %}",
    "{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined }}>{{ loop.nextitem.role if not loop.last }};{% endfor %}",
    "{% for i in range(3) %}{% for j in range(i, 5, 2) %}{{ loop.cycle('a', 'b') }}{{ i * j }} {% endfor %}{% endfor %}",
    "{% set x = 1 %}{% for i in range(2) %}{{ x }}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% set ns = namespace(n=0, s='') %}{% for m in messages %}{% set ns.n = ns.n + m.content | length %}{% set ns.s = ns.s ~ loop.index %}{% endfor %}{{ ns.n }} {{ ns.s }}",
    "{% for k, v in {'b': 1, 'a': [1, 'x', none, true, 1.5]}.items() %}{{ k }}={{ v }};{% endfor %}{% for c in 'aé😀' %}{{ c }}.{% endfor %}",
    # Values as text.
    "{{ none }} {{ true }} {{ 1.0 }} {{ 1e3 if false else 2.50 }} {{ [] }} {{ {} }} {{ ['a', \"it's\", 'q\"', '\\n'] }} {{ {'a': {'b': (1, 2) | list}} }} {{ nothing }} {{ 1 / 2 }} {{ 4 / 2 }} {{ 10.0 ** 20 }} {{ 1 / 3000000 }} {{ 1e300 * 1e300 }} {{ -1e-7 }} {{ 123456789.125 }}",
    # Operators.
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7.5 % 2 }} {{ 2 ** 10 }} {{ 2 * 3 + 1 - -1 }} {{ 'a' ~ 1 ~ none }} {{ 'ab' * 2 }} {{ [1] + [2] }} {{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ not 1 == 2 }} {{ 1 in [1.0] }} {{ 'a' not in 'abc' }} {{ 'role' in messages[0] }} {{ 0 or 'x' }} {{ 1 and '' }} {{ '' or none }} {{ true == 1 }} {{ 'a' < 'b' }} {{ 'a' 'b' }} {{ -2 | abs }} {{ (1, 2) == (1, 2) }} {{ [1, [2]] == [1, [2]] }}",
    "{{ messages[-1].role }}{{ messages[1:3] | length }}{{ messages[::-1][0].role }}{{ 'héllo😀x'[1:-1] }}{{ 'abcdef'[::2] }}{{ 'abcdef'[::-1] }}{{ 'abc'[5:] }}{{ 'abc'[-2] }}{{ [1, 2, 3][:-1] }}{{ 'abc'[10] }}{{ [1][3] }}{{ messages[0]['nothing'] }}{{ [1, 2, 3, 4, 5][-2:0:-1] }}",
    "{{ 'a' if true }}{{ 'b' if false }}{{ 'c' if false else 'd' if false else 'e' }}{{ ('x' if 1 else 'y') ~ 'z' }}",
    # Tests.
    "{% for m in messages %}{{ 'S' if m.content is string else 'N' }}{{ 'D' if m.tools is defined else 'U' }}{{ 'M' if m is mapping else '-' }}{{ 'L' if m.tool_calls is iterable and m.tool_calls is not string else '-' }}{{ 'X' if m.nothing is none else 'Y' }}{{ 'O' if loop.index is odd else 'E' }}{% endfor %}{{ tools is none }}{{ tools is not none }}",
    "{{ 1 is number }}{{ 1 is integer }}{{ 1.5 is float }}{{ true is boolean }}{{ true is true }}{{ 1 is true }}{{ [] is sequence }}{{ 'a' is sequence }}{{ {} is iterable }}{{ 4 is divisibleby 2 }}{{ 4 is divisibleby(3) }}{{ 'a' is in ['a'] }}{{ 1 is eq 1 }}{{ 1 is ne 1 }}{{ 2 is gt 1 }}{{ 'a' is lower }}{{ 'A' is upper }}{{ none is none }}{{ x is undefined }}{{ not x is defined }}{{ 3 is sameas 3 }}{{ range is callable }}",
    # Filters.
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | map(attribute='role') | join(', ') }}{{ (messages | last).role }}{{ messages | rejectattr('role', '==', 'user') | map(attribute='content') | map('trim') | join('|') }}{{ messages | selectattr('tools') | list | length }}{{ messages | selectattr('tools', 'defined') | list | length }}",
    "{{ '  a b ' | trim }}|{{ 'xxaxx' | trim('x') }}|{{ 'Ab' | lower | upper }}|{{ 'hello wORLD' | capitalize }}|{{ \"they're here, o'clock\" | title }}|{{ 'aaa' | replace('a', 'b', 2) }}|{{ nothing | default('d') }}|{{ '' | default('e', true) }}|{{ none | default('n') }}|{{ none | d('n', boolean=true) }}|{{ [3, 1, 2] | sort }}|{{ [3, 1, 2] | sort(reverse=true) | join }}|{{ ['b', 'A', 'c'] | sort | join }}|{{ [1, 2] | first }}{{ [] | first }}|{{ 'é😀' | length }}|{{ '7' | int + 1 }}|{{ 'x' | int }}|{{ 3.9 | int }}|{{ '1.5' | float }}|{{ [1, 1, 2] | unique | list }}|{{ 'abc' | reverse }}|{{ [1, 2] | sum }}|{{ [1, 5, 2] | max }}{{ [1, 5, 2] | min }}|{{ 'abc' | list }}|{{ 1 | string ~ 2 }}",
    "{% for k, v in {'b': 1, 'a': 2} | dictsort %}{{ k }}{{ v }}{% endfor %}{% for k, v in {'b': 1, 'a': 2} | items %}{{ k }}{{ v }}{% endfor %}{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent('--', blank=true) }}|{{ [{'n': 2}, {'n': 1}] | sort(attribute='n') | map(attribute='n') | join(',') }}|{{ [0, 1, '', 'x'] | select | list }}|{{ [1, 2, 3] | reject('odd') | list }}|{{ [{'a': {'b': 1}}] | map(attribute='a.b') | list }}|{{ [{'a': 1}, {}] | map(attribute='a', default=0) | list }}|{{ ['a', 'b'] | join('-') }}{{ [1, none, 'x'] | join(',') }}",
    "{{ tools | tojson }}|{{ messages | tojson }}|{{ {'a': [1, 2.0, none, true], 'é': '<\\n\\t\\\\\"/>'} | tojson }}|{{ [] | tojson }}{{ {} | tojson(indent=2) }}",
    "{{ messages | tojson(indent=4) }}|{{ {'b': 1, 'a': [{}, [], 1]} | tojson(indent=2, sort_keys=true) }}|{{ {'é😀': 1} | tojson(ensure_ascii=true) }}|{{ [1, {'a': 2}] | tojson(separators=(',', ':')) }}",
    # Methods.
    "{% for m in messages %}{{ m.content.startswith('What') }}{{ m.content.endswith(('?', 'r')) }}{{ m.content.strip().upper() }}{{ m.content.split('</think>')[-1].lstrip('\\n') }}{{ m.content.replace('two', '2').split() }}{% endfor %}",
    "{{ 'a,b,c'.split(',', 1) }}{{ 'a,b,c'.rsplit(',', 1) }}{{ ' a  b '.split() }}{{ ' a  b c '.split(None, 1) }}{{ 'a\nb\r\nc\n'.splitlines() }}{{ 'xax'.strip('x') }}{{ 'xax'.rstrip('x') }}{{ '-'.join(['a', 'b']) }}{{ 'abcabc'.find('c') }}{{ 'abcabc'.rfind('c') }}{{ 'abcabc'.count('bc') }}{{ 'abc'.removeprefix('a').removesuffix('c') }}{{ 'ab cd'.title() }}{{ '12'.isdigit() }}{{ 'é'.isalpha() }}{{ ' '.isspace() }}{{ 'abc'.capitalize() }}",
    "{{ {'a': 1}.get('a') }}{{ {'a': 1}.get('b') }}{{ {'a': 1}.get('b', 2) }}{{ {'a': 1}.keys() | list }}{{ {'a': 1}.values() | list }}{{ [1, 2, 1].count(1) }}{{ [1, 2].index(2) }}{{ dict(a=1, b='x') }}",
    # Macros and captures.
    "{% macro turn(role, content, end='<|end|>') %}<|{{ role }}|>{{ content | trim }}{{ end }}{% endmacro %}{% for m in messages %}{{ turn(m.role, m.content) }}{{ turn(m.role, content='c', end='') }}{{ turn('x') }}{% endfor %}",
    "{% macro walk(v) %}{% if v is mapping %}{{ '{' }}{% for k, x in v.items() %}{{ k }}:{{ walk(x) }},{% endfor %}{{ '}' }}{% elif v is string or v is not iterable %}{{ v }}{% else %}[{% for x in v %}{{ walk(x) }};{% endfor %}]{% endif %}{% endmacro %}{{ walk(tools) }}",
    "{% set text %}[{{ messages | length }}]{% endset %}{{ text }}{{ text | length }}{% set a, b = 1, 2 %}{{ a + b }}",
    # Published styles.
    "{%- if tools %}{{- '<|im_start|>system\\n' }}{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}{{- \"# Tools\\n\\n<tools>\" }}{%- for tool in tools %}{{- \"\\n\" }}{{- tool | tojson }}{%- endfor %}{{- \"\\n</tools><|im_end|>\\n\" }}{%- else %}{%- if messages[0].role == 'system' %}{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{%- endif %}{%- endif %}\n{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}\n{%- for message in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n    {%- if ns.multi_step_tool and message.role == \"user\" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}\n        {%- set ns.multi_step_tool = false %}\n        {%- set ns.last_query_index = index %}\n    {%- endif %}\n{%- endfor %}\n{%- for message in messages %}\n    {%- if (message.role == \"user\") or (message.role == \"system\" and not loop.first) %}\n        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n    {%- elif message.role == \"assistant\" %}\n        {%- set content = message.content %}\n        {%- set reasoning_content = '' %}\n        {%- if message.reasoning_content is defined and message.reasoning_content is not none %}\n            {%- set reasoning_content = message.reasoning_content %}\n        {%- else %}\n            {%- if '</think>' in message.content %}\n                {%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}\n                {%- set reasoning_content = message.content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}\n            {%- endif %}\n        {%- endif %}\n        {%- if loop.index0 > ns.last_query_index %}\n            {{- '<|im_start|>' + message.role + '\\n' + content }}\n        {%- else %}\n            {{- '<|im_start|>' + message.role + '\\n<r>' + reasoning_content.strip('\\n') + '</r>' + content }}\n        {%- endif %}\n        {%- if message.tool_calls %}\n            {%- for tool_call in message.tool_calls %}\n                {%- if (loop.first and content) or (not loop.first) %}\n                    {{- '\\n' }}\n                {%- endif %}\n                {%- if tool_call.function %}\n                    {%- set tool_call = tool_call.function %}\n                {%- endif %}\n                {{- '<tool_call>\\n{\"name\": \"' }}\n                {{- tool_call.name }}\n                {{- '\", \"arguments\": ' }}\n                {%- if tool_call.arguments is string %}\n                    {{- tool_call.arguments }}\n                {%- else %}\n                    {{- tool_call.arguments | tojson }}\n                {%- endif %}\n                {{- '}\\n</tool_call>' }}\n            {%- endfor %}\n        {%- endif %}\n        {{- '<|im_end|>\\n' }}\n    {%- elif message.role == \"tool\" %}\n        {%- if loop.first or (messages[loop.index0 - 1].role != \"tool\") %}\n            {{- '<|im_start|>user' }}\n        {%- endif %}\n        {{- '\\n<tool_response>\\n' }}\n        {{- message.content }}\n        {{- '\\n</tool_response>' }}\n        {%- if loop.last or (messages[loop.index0 + 1].role != \"tool\") %}\n            {{- '<|im_end|>\\n' }}\n        {%- endif %}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}",
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}",
    "{% for message in messages %}{% if message['role'] == 'system' and 'tools' in message and message['tools'] is not none %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|tool|>' + message['tools'] + '<|/tool|>' + '<|end|>' }}{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}",
]


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
environment.filters["tojson"] = tojson

cases = []
for template in TEMPLATES:
    compiled = environment.from_string(template)
    for messages in (CONVERSATION, WITH_TOOLS):
        for tools in (None, TOOLS):
            variables = {"messages": messages, "tools": tools, "add_generation_prompt": tools is not None}
            expected = compiled.render(bos_token="<s>", eos_token="</s>", documents=None, **variables)
            cases.append({"template": template, **variables, "expected": expected})

with open("cases.json", "w", encoding="utf-8") as out:
    json.dump(cases, out, ensure_ascii=False, indent=0)
    out.write("\n")
print(len(cases), "cases")
