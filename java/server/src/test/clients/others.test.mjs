// The older and the newer interface of the same client: completions and responses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MODEL, SERVER, SUM, SUM_ANSWER, WITHOUT_END, all, openai, untilIdle } from "./support.mjs";

const client = openai();

async function tokensOf(text) {
  const response = await fetch(`${SERVER}/tokenize`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ prompt: text }) });
  assert.equal(response.status, 200);
  return (await response.json()).tokens;
}

test("completions: text goes on, whole and streamed alike", async () => {
  const fields = { model: MODEL, prompt: "17+25: 7+5=", max_tokens: 12 };
  const whole = await client.completions.create(fields);
  assert.equal(whole.object, "text_completion");
  assert.ok(whole.choices[0].text.length > 0);
  assert.ok(whole.usage.completion_tokens <= 12);
  const chunks = await all(await client.completions.create({ ...fields, stream: true }));
  assert.equal(chunks.map(({ choices }) => choices[0]?.text ?? "").join(""), whole.choices[0].text);
});

test("completions: a prompt may be token ids, and several prompts are answered in order", async () => {
  const tokens = await tokensOf("17+25: 7+5=");
  const [byText, byTokens, other] = await Promise.all(["17+25: 7+5=", tokens, "Answer:"].map((prompt) => client.completions.create({ model: MODEL, prompt, max_tokens: 8 })));
  assert.equal(byTokens.choices[0].text, byText.choices[0].text);
  assert.equal(byTokens.usage.prompt_tokens, tokens.length);
  const both = await client.completions.create({ model: MODEL, prompt: ["17+25: 7+5=", "Answer:"], max_tokens: 8 });
  assert.deepEqual(
    both.choices.map(({ index, text }) => [index, text]),
    [
      [0, byText.choices[0].text],
      [1, other.choices[0].text],
    ],
  );
  assert.equal(both.usage.total_tokens, byText.usage.total_tokens + other.usage.total_tokens);
});

test("completions: a text is scored with echo and logprobs", async () => {
  const prompt = "17+25: 7+5=12";
  const completion = await client.completions.create({ model: MODEL, prompt, max_tokens: 0, echo: true, logprobs: 2 });
  const { text, logprobs } = completion.choices[0];
  assert.equal(text, prompt);
  assert.equal(logprobs.tokens.join(""), prompt);
  assert.deepEqual(
    logprobs.text_offset.map((offset) => prompt.slice(0, offset)),
    logprobs.tokens.map((_, index) => logprobs.tokens.slice(0, index).join("")),
  );
  assert.equal(logprobs.token_logprobs[0], null);
  assert.ok(logprobs.token_logprobs.slice(1).every((value) => value <= 0));
  assert.ok(logprobs.top_logprobs.slice(1).every((top) => Object.keys(top).length === 2));
});

test("responses: a question is answered", async () => {
  const response = await client.responses.create({ model: MODEL, input: SUM });
  assert.equal(response.status, "completed");
  assert.equal(response.output_text, SUM_ANSWER);
  assert.equal(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens);
});

test("responses: a talk as input, with instructions and a limit", async () => {
  const response = await client.responses.create({
    model: MODEL,
    instructions: "Be brief.",
    input: [
      { role: "user", content: SUM },
      { role: "assistant", content: SUM_ANSWER },
      { role: "user", content: [{ type: "input_text", text: "What is 5+6?" }] },
    ],
    max_output_tokens: 16,
  });
  assert.ok(["completed", "incomplete"].includes(response.status));
  assert.ok(response.usage.output_tokens <= 16);
});

test("responses: a stream tells its beginning, its text and its end", async () => {
  const events = await all(await client.responses.create({ model: MODEL, input: SUM, stream: true }));
  assert.equal(events[0].type, "response.created");
  const text = events.filter(({ type }) => type === "response.output_text.delta").map(({ delta }) => delta);
  assert.equal(text.join(""), SUM_ANSWER);
  const last = events.at(-1);
  assert.equal(last.type, "response.completed");
  assert.equal(last.response.usage.output_tokens > 0, true);
  const numbers = events.map(({ sequence_number }) => sequence_number);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => numbers[0] + index),
  );
});

test("responses: JSON Schema is followed", async () => {
  const schema = { type: "object", properties: { result: { type: "integer", minimum: 0, maximum: 999 } }, required: ["result"], additionalProperties: false };
  const response = await client.responses.create({ model: MODEL, input: SUM, text: { format: { type: "json_schema", name: "sum", strict: true, schema } } });
  assert.ok(Number.isInteger(JSON.parse(response.output_text).result));
});

test("responses: leaving a stream stops the server's work", async () => {
  const stream = await client.responses.create({ model: MODEL, input: SUM, stream: true, ...WITHOUT_END });
  for await (const { type } of stream) {
    if (type === "response.output_text.delta") {
      break;
    }
  }
  await untilIdle();
});

test("responses: mistakes are refused like those of chat", async () => {
  await assert.rejects(client.responses.create({ model: MODEL, input: SUM, temperature: 9 }), ({ status, param }) => status === 400 && param === "temperature");
  await assert.rejects(client.responses.create({ model: "gpt-none", input: SUM }), ({ status, code }) => status === 404 && code === "model_not_found");
});
