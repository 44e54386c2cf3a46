// When things go wrong: hostile text, refusals, lost connections, keys; and what the page shows of the server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { API_KEY, KEYED_SERVER, SERVER, answered, ask, lastAnswer, openBrowser, scriptAnswers, setParameter } from "./support.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const SUM = "What is 17+25?";
const SUM_ANSWER = "17+25: 7+5=12, 1+2+1=4. Answer: 42";
const FAILED_LOAD = [/Failed to load resource/, /net::ERR/];
const HOSTILE = [
  '<img src="x" onerror="alert(1)">',
  "<script>alert(2)</script>",
  '<a href="javascript:alert(3)">x</a>',
  "[link](javascript:alert(4))",
  "[link](data:text/html,<script>alert(5)</script>)",
  "![image](http://203.0.113.1/leak.png)",
  "<style>body{display:none}</style>",
  '<iframe src="http://203.0.113.1/"></iframe>',
  "`<b>code</b>`",
  "```html\n<script>alert(6)</script>\n```",
  "| <img src=x onerror=alert(7)> | b |\n|---|---|\n| <svg onload=alert(8)> | d |",
  "> <object data=x>\n\n1. <video src=x onerror=alert(9)>\n   - <form action=http://203.0.113.1/><input name=q>",
  "\u202e\u0000\ud800 & &lt;b&gt; &#60;i&#62;",
].join("\n\n");

const CREATED_BY_TEXT = "script, iframe, object, video, form, style, svg, b, i, input, img, a[href^='javascript'], a[href^='data']";

test("markup in a model's answer stays text", () =>
  browser.withPage({}, async (page) => {
    await scriptAnswers(page, [{ reasoning_content: HOSTILE }, ...HOSTILE.match(/[\s\S]{1,7}/g)]);
    await ask(page, "Attack");
    await page.click(".thinking summary");
    const made = await page.locator(".message.assistant .markdown, .thought").evaluateAll(
      (parts, selector) => parts.flatMap((part) => [...part.querySelectorAll(selector)]).filter((element) => !element.closest("button")).map((element) => element.outerHTML),
      CREATED_BY_TEXT,
    );
    assert.deepEqual(made, []);
    const shown = await page.locator(".message.assistant .markdown").innerText();
    for (const text of ['<img src="x" onerror="alert(1)">', "<script>alert(2)</script>", "&lt;b&gt;", "<video src=x onerror=alert(9)>"]) {
      assert.ok(shown.includes(text), `not shown as text: ${text}`);
    }
    await page.reload();
    await page.waitForSelector(".message.assistant");
  }));

test("markup that the model itself is made to write stays text", () =>
  browser.withPage({}, async (page) => {
    const text = "<script>alert(1)</script><img src=x onerror=alert(2)>";
    const format = { type: "json_schema", json_schema: { name: "attack", schema: { const: text } } };
    await setParameter(page, "extra", JSON.stringify({ response_format: format }));
    assert.equal(await ask(page, SUM), JSON.stringify(text));
    assert.equal(await page.locator(".markdown :is(script, img)").count(), 0);
  }));

test("markup in a person's message, in a title and in the list stays text", () =>
  browser.withPage({}, async (page) => {
    await scriptAnswers(page, ["Fine."]);
    await ask(page, HOSTILE.replace("\ud800", "").replace("\u0000", ""));
    assert.equal(await page.locator(".bubble *").count(), 0);
    assert.equal(await page.locator("#title *").count(), 0);
    assert.equal(await page.locator(".conversation a *").count(), 0);
    assert.equal(await page.innerText("#title"), '<img src="x" onerror="alert(1)">');
  }));

test("markup that comes from an imported file or a real answer stays text", () =>
  browser.withPage({}, async (page) => {
    const conversation = { id: "x", title: HOSTILE, selected: { __proto__: "x" }, messages: [{ id: "m", parent: null, role: "assistant", content: HOSTILE, finish: "error", error: HOSTILE }] };
    const file = JSON.stringify({ format: "sambay4j-conversations", version: 1, conversations: [conversation] });
    await page.setInputFiles("#import-file", { name: "chats.json", mimeType: "application/json", buffer: Buffer.from(file) });
    await page.locator(".conversation a").click();
    assert.ok((await page.locator(".notice.bad span").textContent()).startsWith(HOSTILE.slice(0, 30)));
    assert.equal(await page.locator(".notice.bad span *").count(), 0);
    assert.equal(await page.locator(".markdown script, .markdown img, .markdown iframe").count(), 0);
  }));

test("a refusal of the server is shown in its own words, and can be tried again", () =>
  browser.withPage({ expect: FAILED_LOAD }, async (page) => {
    await setParameter(page, "extra", '{"temperature": 77}');
    await page.fill("#prompt", SUM);
    await page.click("#send");
    const notice = page.locator(".notice.bad");
    await notice.waitFor();
    assert.match(await notice.innerText(), /temperature/i);
    assert.match(await notice.innerText(), /77/);
    await setParameter(page, "extra", "");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.waitForSelector(".metrics");
    assert.equal(await lastAnswer(page), SUM_ANSWER);
    assert.equal(await page.locator(".siblings").count(), 0, "a failure that left nothing behind leaves no branch");
  }));

test("a server that cannot be reached is told, and the page recovers by itself", () =>
  browser.withPage({ expect: FAILED_LOAD }, async (page, context) => {
    await page.waitForSelector("#model-name:not(:empty)");
    await context.setOffline(true);
    await page.fill("#prompt", SUM);
    await page.click("#send");
    await page.locator(".notice.bad").waitFor();
    assert.match(await page.locator(".notice.bad").innerText(), /cannot be reached/);
    await page.locator("#banner", { hasText: "cannot be reached" }).waitFor();
    await context.setOffline(false);
    await page.locator("#banner").waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Try again" }).click();
    await page.waitForSelector(".metrics");
    assert.equal(await lastAnswer(page), SUM_ANSWER);
  }));

test("an answer that breaks off keeps its beginning and says so", () =>
  browser.withPage({}, async (page) => {
    const body = 'data: {"choices":[{"index":0,"delta":{"content":"Half an"}}]}\n\n';
    await page.route("**/v1/chat/completions", (route) => route.fulfill({ status: 200, contentType: "text/event-stream", body }));
    await page.fill("#prompt", SUM);
    await page.click("#send");
    await page.locator(".notice.bad", { hasText: "ended the answer before it was complete" }).waitFor();
    assert.equal(await lastAnswer(page), "Half an");
    await page.unroute("**/v1/chat/completions");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.waitForSelector(".siblings");
    await answered(page);
    assert.equal(await lastAnswer(page), SUM_ANSWER);
  }));

test("an error inside a stream is shown", () =>
  browser.withPage({}, async (page) => {
    const body = ': ping\n\ndata: {"choices":[{"index":0,"delta":{"content":"So"}}]}\n\ndata: {"error":{"message":"the server is shutting down","code":503}}\n\ndata: [DONE]\n\n';
    await page.route("**/v1/chat/completions", (route) => route.fulfill({ status: 200, contentType: "text/event-stream", body }));
    await page.fill("#prompt", SUM);
    await page.click("#send");
    await page.locator(".notice.bad", { hasText: "The server is shutting down." }).waitFor();
  }));

test("a server with keys: the page asks for one, uses it, and forgets it with the tab", () =>
  browser.withPage({ server: KEYED_SERVER, expect: FAILED_LOAD }, async (page, context) => {
    await page.locator("#banner", { hasText: "asks for an API key" }).waitFor();
    await page.getByRole("button", { name: "Enter it" }).click();
    await page.fill("#key-field", "not-the-right-key");
    await page.keyboard.press("Enter");
    await page.fill("#prompt", SUM);
    await page.click("#send");
    await page.getByRole("dialog", { name: "API key" }).waitFor();
    await page.fill("#key-field", API_KEY);
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.locator("#banner").waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Try again" }).click();
    await page.waitForSelector(".metrics");
    assert.equal(await lastAnswer(page), SUM_ANSWER);
    assert.equal(
      await page.evaluate((key) => Object.values({ ...localStorage }).some((value) => value.includes(key)), API_KEY),
      false,
      "the key is not kept beyond the tab",
    );
    const other = await context.newPage();
    await other.goto(`${KEYED_SERVER}/`);
    await other.locator("#banner", { hasText: "asks for an API key" }).waitFor();
  }));

test("the dashboard shows what the server does", () =>
  browser.withPage({}, async (page) => {
    await ask(page, SUM);
    await page.click("#show-dashboard");
    const fact = (name) => page.locator(".facts div", { has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd");
    await fact("Tokens generated").waitFor();
    const before = Number((await fact("Tokens generated").innerText()).replaceAll(",", ""));
    assert.ok(before > 0);
    await page.evaluate(async (question) => {
      const body = JSON.stringify({ messages: [{ role: "user", content: question }] });
      await (await fetch("v1/chat/completions", { method: "POST", headers: { "Content-Type": "application/json" }, body })).json();
    }, SUM);
    await page.waitForFunction((old) => {
      const row = [...document.querySelectorAll(".facts div")].find((div) => div.firstChild.textContent === "Tokens generated");
      return Number(row.lastChild.textContent.replaceAll(",", "")) > old;
    }, before);
    for (const title of ["Running", "Waiting", "Generated", "Time to first token", "Prefix cache hits", "Prefix cache", "KV blocks"]) {
      const card = page.locator(".card", { has: page.locator("h3", { hasText: new RegExp(`^${title}$`) }) });
      assert.match(await card.locator(".value").innerText(), /\d/, title);
    }
    assert.match(await page.locator(".card .line").first().getAttribute("d"), /^M[\d. L]+$/);
  }));

test("the page comes with a policy that forbids foreign and inline scripts and styles", async () => {
  const answer = await fetch(`${SERVER}/`);
  const policy = answer.headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self'(;|$)/);
  assert.match(policy, /style-src 'self'(;|$)/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  const html = await answer.text();
  assert.doesNotMatch(html, /\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)/);
});
