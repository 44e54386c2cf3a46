// What every client test needs.

import assert from "node:assert/strict";
import OpenAI from "openai";

export const SERVER = required("SERVER");
export const KEYED_SERVER = required("KEYED_SERVER");
export const SCRIPTED_SERVER = required("SCRIPTED_SERVER");
export const API_KEY = required("API_KEY");
export const MODEL = "tiny-reasoner";

/** What the model in the box is asked, and what it answers when it takes the likeliest tokens. */
export const SUM = "What is 17+25?";
export const SUM_ANSWER = "17+25: 7+5=12, 1+2+1=4. Answer: 42";

/** The end tokens of the model in the box; without them an answer goes on to the end of the context. */
export const WITHOUT_END = { logit_bias: { 449: -100, 452: -100 } };

const PATIENCE_MS = 180_000;

function required(name) {
  const value = process.env[name];
  assert.ok(value, `the environment variable ${name} must be set`);
  return value;
}

/** A client as its users make one. */
export function openai(options = {}) {
  return new OpenAI({ baseURL: `${SERVER}/v1`, apiKey: "not needed here", maxRetries: 0, timeout: PATIENCE_MS, ...options });
}

/** A question to the model in the box, with further fields. */
export function asking(content, fields = {}) {
  return { model: MODEL, messages: [{ role: "user", content }], ...fields };
}

/** Waits until the server writes no answer any more: what was cancelled must not go on unseen. */
export async function untilIdle() {
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    const stats = await (await fetch(`${SERVER}/stats`)).json();
    const busy = stats.models.some(({ engine }) => engine.running > 0 || engine.waiting > 0);
    if (!busy && stats.server.generations_running === 0) {
      return stats;
    }
    assert.ok(Date.now() < end, `still busy: ${JSON.stringify(stats)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Everything that an asynchronous iterator yields. */
export async function all(stream) {
  const items = [];
  for await (const item of stream) {
    items.push(item);
  }
  return items;
}
