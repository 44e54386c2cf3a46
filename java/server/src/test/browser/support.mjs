// What every browser test needs: a page that watches for trouble, and short ways to do what a person does.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

/** Where the server under test listens, without a slash at the end. */
export const SERVER = required("SERVER");
/** A server that asks for API_KEY. */
export const KEYED_SERVER = required("KEYED_SERVER");
export const API_KEY = required("API_KEY");

/** Generous, since machines that build are slow; nothing here measures time. */
export const PATIENCE_MS = 180_000;

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

function required(name) {
  const value = process.env[name];
  assert.ok(value, `the environment variable ${name} must be set`);
  return value;
}

/** A browser for the tests of one file. Call `close` after them. */
export async function openBrowser() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  return {
    close: () => browser.close(),

    /**
     * Opens the page in a fresh profile, runs `act` with it, and then asserts that nothing was logged as an error and that
     * no other host was asked for anything.
     *
     * @param options browser context options, and `server`, and `expect`: regular expressions of errors that belong to the test
     */
    async withPage(options, act) {
      const { server = SERVER, expect = [], ...contextOptions } = options;
      const context = await browser.newContext({ viewport: { width: 1280, height: 820 }, ...contextOptions });
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      const trouble = [];
      page.on("pageerror", (error) => trouble.push(`uncaught: ${error.message}`));
      page.on("console", (message) => ["error", "warning"].includes(message.type()) && trouble.push(`console: ${message.text()}`));
      page.on("dialog", (dialog) => {
        trouble.push(`dialog: ${dialog.message()}`);
        dialog.dismiss();
      });
      context.on("request", (request) => {
        const { origin, protocol } = new URL(request.url());
        if (origin !== server && protocol !== "blob:" && protocol !== "data:") {
          trouble.push(`request to another host: ${request.url()}`);
        }
      });
      try {
        await page.goto(`${server}/`);
        await act(page, context);
      } finally {
        await context.close();
      }
      assert.deepEqual(
        trouble.filter((line) => !expect.some((pattern) => pattern.test(line))),
        [],
      );
    },
  };
}

/** Sends a message and waits for the end of the answer. Returns the answer's text. */
export async function ask(page, text) {
  await page.fill("#prompt", text);
  await page.click("#send");
  await answered(page);
  return await lastAnswer(page);
}

/** Waits until no answer is being written. */
export async function answered(page) {
  await page.waitForFunction(() => document.querySelector("#stop").hidden && !document.querySelector('.message[aria-busy="true"]'));
}

/** The text of the last answer that is shown. */
export async function lastAnswer(page) {
  return await page.locator(".message.assistant .markdown").last().innerText();
}

/** Lets the next answers run on until somebody stops them, by forbidding the end tokens of the model in the box. */
export async function answersWithoutEnd(page) {
  await setParameter(page, "extra", '{"logit_bias": {"449": -100, "452": -100}}');
}

/** Fills in a field of the parameters panel. */
export async function setParameter(page, name, value) {
  if (await page.isHidden("#parameters")) {
    await page.click("#toggle-parameters");
  }
  await page.fill(`#${name}`, value);
  await page.click("#close-parameters");
}

/** Answers the next chat completions with these pieces of text, as a server would stream them. */
export async function scriptAnswers(page, pieces, { usage = null } = {}) {
  const chunks = pieces.map((delta) => ({ choices: [{ index: 0, delta: typeof delta === "string" ? { content: delta } : delta, finish_reason: null }] }));
  chunks.push({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  if (usage) {
    chunks.push({ choices: [], usage });
  }
  const body = `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`;
  await page.route("**/v1/chat/completions", (route) => route.fulfill({ status: 200, contentType: "text/event-stream", body }));
}
