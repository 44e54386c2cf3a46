// Chat completions through the official client.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MODEL, SUM, SUM_ANSWER, WITHOUT_END, all, asking, openai, untilIdle } from "./support.mjs";

const client = openai();

test("models are listed, and one can be looked up by any of its names", async () => {
  const models = await all(client.models.list());
  assert.ok(models.some(({ id, object }) => id === MODEL && object === "model"));
  assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
  assert.equal((await client.models.retrieve("reasoner")).id, "reasoner");
});

test("a chat completion", async () => {
  const completion = await client.chat.completions.create(asking(SUM));
  assert.equal(completion.object, "chat.completion");
  assert.equal(completion.model, MODEL);
  assert.match(completion.id, /^chatcmpl-/);
  assert.ok(Math.abs(completion.created - Date.now() / 1000) < 600);
  const [choice] = completion.choices;
  assert.deepEqual(choice.message, { ...choice.message, role: "assistant", content: SUM_ANSWER });
  assert.equal(choice.finish_reason, "stop");
  const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
  assert.ok(prompt_tokens > 0 && completion_tokens > 0);
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test("a stream gives the same text, with a role first, a reason last and no usage unless asked for", async () => {
  const chunks = await all(await client.chat.completions.create(asking(SUM, { stream: true })));
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), SUM_ANSWER);
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  assert.ok(chunks.length > 2, "the text comes between role and reason");
  assert.ok(chunks.every((chunk) => chunk.object === "chat.completion.chunk" && chunk.id === chunks[0].id && !chunk.usage));
});

test("a stream ends with the usage if asked for", async () => {
  const whole = await client.chat.completions.create(asking(SUM));
  const chunks = await all(await client.chat.completions.create(asking(SUM, { stream: true, stream_options: { include_usage: true } })));
  const last = chunks.at(-1);
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.prompt_tokens, whole.usage.prompt_tokens);
  assert.equal(last.usage.completion_tokens, whole.usage.completion_tokens);
});

test("the client's own stream helper puts the answer together", async () => {
  const stream = client.chat.completions.stream(asking(SUM));
  let text = "";
  stream.on("content", (delta) => (text += delta));
  const completion = await stream.finalChatCompletion();
  assert.equal(text, SUM_ANSWER);
  assert.equal(completion.choices[0].message.content, SUM_ANSWER);
});

test("several turns, and the second reuses the first", async () => {
  const messages = [{ role: "user", content: SUM }];
  const first = await client.chat.completions.create({ model: MODEL, messages });
  messages.push(first.choices[0].message, { role: "user", content: "What is 5+6?" });
  const second = await client.chat.completions.create({ model: MODEL, messages });
  assert.ok(second.choices[0].message.content);
  assert.ok(second.usage.prompt_tokens_details.cached_tokens > 0, "tokens come from the prefix cache");
});

test("content may come as parts of text", async () => {
  const content = [
    { type: "text", text: "What is " },
    { type: "text", text: "17+25?" },
  ];
  const completion = await client.chat.completions.create(asking(content));
  assert.equal(completion.choices[0].message.content, SUM_ANSWER);
});

test("limits and stop strings end an answer, each with its reason", async () => {
  for (const name of ["max_tokens", "max_completion_tokens"]) {
    const limited = await client.chat.completions.create(asking(SUM, { [name]: 4 }));
    assert.equal(limited.usage.completion_tokens, 4);
    assert.equal(limited.choices[0].finish_reason, "length");
  }
  const stopped = await client.chat.completions.create(asking(SUM, { stop: [". Answer"] }));
  assert.equal(stopped.choices[0].message.content, SUM_ANSWER.slice(0, SUM_ANSWER.indexOf(". Answer")));
  assert.equal(stopped.choices[0].finish_reason, "stop");
});

test("the same seed gives the same answer, another one another", async () => {
  const answer = async (seed) => (await client.chat.completions.create(asking(SUM, { seed, temperature: 2, max_tokens: 40 }))).choices[0].message.content;
  assert.equal(await answer(7), await answer(7));
  const others = await Promise.all([1, 2, 3, 4, 5].map(answer));
  assert.ok(new Set(others).size > 1);
});

test("several answers to one question, whole and streamed", async () => {
  const fields = { n: 3, temperature: 1.5, seed: 11, max_tokens: 30 };
  const whole = await client.chat.completions.create(asking(SUM, fields));
  assert.deepEqual(
    whole.choices.map(({ index }) => index),
    [0, 1, 2],
  );
  const chunks = await all(await client.chat.completions.create(asking(SUM, { ...fields, stream: true })));
  const texts = ["", "", ""];
  chunks.flatMap(({ choices }) => choices).forEach(({ index, delta }) => (texts[index] += delta.content ?? ""));
  assert.deepEqual(
    texts,
    whole.choices.map(({ message }) => message.content),
  );
});

test("log-probabilities belong to the tokens of the answer", async () => {
  const completion = await client.chat.completions.create(asking(SUM, { logprobs: true, top_logprobs: 3 }));
  const tokens = completion.choices[0].logprobs.content;
  assert.equal(tokens.map(({ token }) => token).join(""), SUM_ANSWER);
  assert.equal(Buffer.from(tokens.flatMap(({ bytes }) => bytes)).toString(), SUM_ANSWER);
  for (const { logprob, top_logprobs } of tokens) {
    assert.ok(logprob <= 0);
    assert.equal(top_logprobs.length, 3);
    const sorted = top_logprobs.map((top) => top.logprob);
    assert.deepEqual(
      sorted,
      [...sorted].sort((a, b) => b - a),
    );
    assert.ok(Math.abs(sorted[0] - logprob) < 1e-6, "the likeliest token was taken");
  }
});

test("logit_bias forbids tokens", async () => {
  const completion = await client.chat.completions.create(asking(SUM, { ...WITHOUT_END, max_tokens: 100 }));
  assert.equal(completion.usage.completion_tokens, 100);
  assert.equal(completion.choices[0].finish_reason, "length");
});

test("leaving a stream stops the server's work", async () => {
  const stream = await client.chat.completions.create(asking(SUM, { ...WITHOUT_END, stream: true }));
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content) {
      break;
    }
  }
  await untilIdle();
});

test("aborting a request stops the server's work, streamed or not", async () => {
  for (const stream of [true, false]) {
    const abort = new AbortController();
    const request = (async () => all(await client.chat.completions.create(asking(SUM, { ...WITHOUT_END, stream, n: 4, temperature: 1 }), { signal: abort.signal })))();
    setTimeout(() => abort.abort(), 150);
    await request.catch((error) => assert.match(String(error.name), /Abort|Error/));
    await untilIdle();
  }
});
