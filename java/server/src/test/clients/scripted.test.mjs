// Thoughts and calls of tools, from a server whose models say what the user's last message says.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SCRIPTED_SERVER, all, openai } from "./support.mjs";

const client = openai({ baseURL: `${SCRIPTED_SERVER}/v1` });

const PARAMETERS = { type: "object", properties: { a: { type: "integer" } }, required: ["a"], additionalProperties: false };
const CHAT_TOOLS = [
  { type: "function", function: { name: "double", parameters: PARAMETERS } },
  { type: "function", function: { name: "now" } },
];
const TOOLS = [
  { type: "function", name: "double", description: "Doubles a number.", parameters: PARAMETERS, strict: true },
  { type: "function", name: "now", parameters: null, strict: null },
];
const CALLS = {
  think: '<tool_call>{"name": "double", "arguments": {"a": 21}}</tool_call>\n<tool_call>{"name": "now", "arguments": {}}</tool_call>',
  phi: '<|tool_call|>[{"name": "double", "arguments": {"a": 21}}, {"name": "now", "arguments": {}}]<|/tool_call|>',
};

function chat(content, fields = {}) {
  return { model: "think", messages: [{ role: "user", content }], ...fields };
}

test("chat: a thought comes as reasoning_content, whole and streamed", async () => {
  const whole = await client.chat.completions.create(chat("<think>so be it</think>42"));
  assert.equal(whole.choices[0].message.content, "42");
  assert.equal(whole.choices[0].message.reasoning_content, "so be it");
  assert.equal(whole.usage.completion_tokens_details.reasoning_tokens, "so be it</think>".length);
  const chunks = await all(await client.chat.completions.create(chat("<think>so be it</think>42", { stream: true })));
  const joined = (name) => chunks.map(({ choices }) => choices[0].delta[name] ?? "").join("");
  assert.equal(joined("reasoning_content"), "so be it");
  assert.equal(joined("content"), "42");
});

for (const model of ["think", "phi"]) {
  test(`chat: the client's own helper puts several calls together: ${model}`, async () => {
    const stream = client.chat.completions.stream(chat(`<think>t</think>${CALLS[model]}`, { model, tools: CHAT_TOOLS }));
    const completion = await stream.finalChatCompletion();
    const [choice] = completion.choices;
    assert.equal(choice.finish_reason, "tool_calls");
    const calls = choice.message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
    assert.deepEqual(calls, [
      ["double", { a: 21 }],
      ["now", {}],
    ]);
    assert.equal(new Set(choice.message.tool_calls.map(({ id }) => id)).size, 2);
  });
}

test("responses: a thought is an item of its own", async () => {
  const response = await client.responses.create({ model: "think", input: "<think>so be it</think>42" });
  assert.deepEqual(
    response.output.map(({ type }) => type),
    ["reasoning", "message"],
  );
  assert.deepEqual(response.output[0].summary, []);
  assert.deepEqual(response.output[0].content, [{ type: "reasoning_text", text: "so be it" }]);
  assert.equal(response.output_text, "42");
  assert.equal(response.usage.output_tokens_details.reasoning_tokens, "so be it</think>".length);
});

test("responses: no thought where none is asked for", async () => {
  const response = await client.responses.create({ model: "opened", input: "hm</think>42", reasoning: { effort: "none" } });
  assert.deepEqual(
    response.output.map(({ type }) => type),
    ["message"],
  );
  assert.equal(response.output_text, "42");
});

for (const model of ["think", "phi"]) {
  test(`responses: the client's own helper puts thought, text and calls together: ${model}`, async () => {
    const stream = client.responses.stream({ model, input: `<think>t</think>So: ${CALLS[model]}`, tools: TOOLS });
    const told = { reasoning: "", text: "", arguments: "" };
    stream.on("response.reasoning_text.delta", ({ delta }) => (told.reasoning += delta));
    stream.on("response.output_text.delta", ({ delta }) => (told.text += delta));
    stream.on("response.function_call_arguments.delta", ({ delta }) => (told.arguments += delta));
    const response = await stream.finalResponse();
    assert.deepEqual(
      response.output.map(({ type, status }) => [type, status]),
      [
        ["reasoning", "completed"],
        ["message", "completed"],
        ["function_call", "completed"],
        ["function_call", "completed"],
      ],
    );
    assert.equal(response.output_text, "So:");
    const calls = response.output.filter(({ type }) => type === "function_call");
    assert.deepEqual(
      calls.map((call) => [call.name, JSON.parse(call.arguments)]),
      [
        ["double", { a: 21 }],
        ["now", {}],
      ],
    );
    assert.deepEqual(told, { reasoning: "t", text: "So:", arguments: calls.map((call) => call.arguments).join("") });
  });
}

test("responses: calls and their results go back, and the talk goes on", async () => {
  const input = [{ role: "user", content: `<think>t</think>${CALLS.think}` }];
  const first = await client.responses.create({ model: "think", input, tools: TOOLS, tool_choice: "required" });
  input.push(...first.output);
  for (const { type, call_id, name, arguments: text } of first.output) {
    if (type === "function_call") {
      const output = name === "double" ? String(2 * JSON.parse(text).a) : "noon";
      input.push({ type: "function_call_output", call_id, output });
    }
  }
  input.push({ role: "user", content: "<think>42 at noon</think>42, at noon." });
  const second = await client.responses.create({ model: "think", input, tools: TOOLS });
  assert.equal(second.output_text, "42, at noon.");
});

test("responses: tool_choice and parallel_tool_calls are kept to", async () => {
  const input = CALLS.think;
  const one = await client.responses.create({ model: "think", input, tools: TOOLS, parallel_tool_calls: false });
  assert.deepEqual(
    one.output.map(({ name }) => name),
    ["double"],
  );
  const named = await client.responses.create({ model: "think", input, tools: TOOLS, tool_choice: { type: "function", name: "now" } });
  assert.deepEqual(
    named.output.map(({ name }) => name),
    ["now"],
  );
  const none = await client.responses.create({ model: "think", input, tools: TOOLS, tool_choice: "none" });
  assert.equal(none.output_text, CALLS.think);
  const refused = client.responses.create({ model: "think", input, tools: [{ type: "web_search" }] });
  await assert.rejects(refused, ({ status, param }) => status === 400 && param === "tools[0].type");
});
