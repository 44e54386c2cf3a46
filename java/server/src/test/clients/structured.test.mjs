// Answers that must have a form: JSON, JSON Schema, tool calls. The model in the box knows none of them; the server sees to it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MODEL, SUM, all, asking, openai } from "./support.mjs";

const client = openai();

const NUMBER = { type: "integer", minimum: 0, maximum: 999 };
const TOOLS = [
  {
    type: "function",
    function: {
      name: "add",
      description: "Adds two numbers.",
      parameters: { type: "object", properties: { a: NUMBER, b: NUMBER }, required: ["a", "b"], additionalProperties: false },
    },
  },
  {
    type: "function",
    function: { name: "now", description: "Tells the time.", parameters: { type: "object", properties: {}, additionalProperties: false } },
  },
];

function assertAddition(call) {
  assert.equal(call.type, "function");
  assert.ok(call.id);
  assert.equal(call.function.name, "add");
  const { a, b, ...rest } = JSON.parse(call.function.arguments);
  for (const number of [a, b]) {
    assert.ok(Number.isInteger(number) && number >= 0 && number <= 999, call.function.arguments);
  }
  assert.deepEqual(rest, {});
}

test("JSON Schema: the answer follows it, whole and streamed", async () => {
  const schema = {
    type: "object",
    properties: { sign: { type: "string", enum: ["plus", "minus"] }, result: NUMBER, sure: { type: "boolean" } },
    required: ["sign", "result", "sure"],
    additionalProperties: false,
  };
  const fields = { response_format: { type: "json_schema", json_schema: { name: "sum", strict: true, schema } } };
  const whole = await client.chat.completions.create(asking(SUM, fields));
  const chunks = await all(await client.chat.completions.create(asking(SUM, { ...fields, stream: true })));
  const streamed = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
  assert.equal(streamed, whole.choices[0].message.content);
  const { sign, result, sure, ...rest } = JSON.parse(streamed);
  assert.ok(["plus", "minus"].includes(sign));
  assert.ok(Number.isInteger(result) && result >= 0 && result <= 999);
  assert.equal(typeof sure, "boolean");
  assert.deepEqual(rest, {});
  assert.equal(whole.choices[0].finish_reason, "stop");
});

test("JSON Schema: a constant comes out as it is, markup and all", async () => {
  const text = '<script>alert("hi")</script>';
  const response_format = { type: "json_schema", json_schema: { name: "constant", schema: { const: text } } };
  const completion = await client.chat.completions.create(asking(SUM, { response_format }));
  assert.equal(JSON.parse(completion.choices[0].message.content), text);
});

test("JSON mode: what came is JSON as far as it goes", async () => {
  const completion = await client.chat.completions.create(asking(SUM, { response_format: { type: "json_object" }, max_tokens: 400 }));
  const { message, finish_reason } = completion.choices[0];
  assert.equal(message.content.trimStart()[0], "{");
  if (finish_reason === "stop") {
    assert.equal(typeof JSON.parse(message.content), "object");
  } else {
    assert.equal(finish_reason, "length");
  }
});

test("a schema that cannot be served is refused with the reason", async () => {
  for (const schema of [{ type: "colour" }, { $ref: "#/nowhere" }, 7]) {
    const response_format = { type: "json_schema", json_schema: { name: "wrong", schema } };
    await assert.rejects(client.chat.completions.create(asking(SUM, { response_format })), ({ status, param }) => {
      assert.equal(status, 400);
      assert.ok(param.startsWith("response_format"), param);
      return true;
    });
  }
});

test("tool_choice: a named function is called, with arguments that fit", async () => {
  const tool_choice = { type: "function", function: { name: "add" } };
  const completion = await client.chat.completions.create(asking(SUM, { tools: TOOLS, tool_choice }));
  const { message, finish_reason } = completion.choices[0];
  assert.equal(message.tool_calls.length, 1);
  assertAddition(message.tool_calls[0]);
  assert.ok(["stop", "tool_calls"].includes(finish_reason), finish_reason);
});

test("tool_choice required: one of the functions is called", async () => {
  const completion = await client.chat.completions.create(asking(SUM, { tools: TOOLS, tool_choice: "required" }));
  const { message, finish_reason } = completion.choices[0];
  assert.ok(message.tool_calls.length >= 1);
  for (const call of message.tool_calls) {
    assert.ok(["add", "now"].includes(call.function.name));
    JSON.parse(call.function.arguments);
  }
  assert.equal(finish_reason, "tool_calls");
});

test("a tool call streams, and the client puts it together", async () => {
  const tool_choice = { type: "function", function: { name: "add" } };
  const stream = client.chat.completions.stream(asking(SUM, { tools: TOOLS, tool_choice }));
  const completion = await stream.finalChatCompletion();
  assertAddition(completion.choices[0].message.tool_calls[0]);
});

test("tool_choice none: no call, and the answer as without tools", async () => {
  const completion = await client.chat.completions.create(asking(SUM, { tools: TOOLS, tool_choice: "none", max_tokens: 50 }));
  assert.equal(completion.choices[0].message.tool_calls, undefined);
});

test("a result goes back to the model, and the talk goes on", async () => {
  const messages = [{ role: "user", content: SUM }];
  const first = await client.chat.completions.create({ model: MODEL, messages, tools: TOOLS, tool_choice: { type: "function", function: { name: "add" } } });
  const { message } = first.choices[0];
  messages.push(message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: "42" });
  const second = await client.chat.completions.create({ model: MODEL, messages, tools: TOOLS, tool_choice: "none", max_tokens: 30 });
  assert.equal(typeof second.choices[0].message.content, "string");
});

test("a tool_choice that names no tool is refused", async () => {
  const tool_choice = { type: "function", function: { name: "multiply" } };
  await assert.rejects(client.chat.completions.create(asking(SUM, { tools: TOOLS, tool_choice })), ({ status, param }) => {
    assert.equal(status, 400);
    assert.ok(param.startsWith("tool_choice"), param);
    return true;
  });
});
