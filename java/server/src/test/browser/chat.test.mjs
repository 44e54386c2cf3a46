// Talking: send, stop, ask again, edit and branch, keep.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { answered, answersWithoutEnd, ask, lastAnswer, openBrowser, scriptAnswers, setParameter } from "./support.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const SUM = "What is 17+25?";
const SUM_ANSWER = "17+25: 7+5=12, 1+2+1=4. Answer: 42";

test("a question is answered, with its figures and the gauges", () =>
  browser.withPage({}, async (page) => {
    assert.equal(await ask(page, SUM), SUM_ANSWER);
    assert.match(await page.locator(".metrics").innerText(), /^\d+ tokens · [\d,.]+ a second · first after /);
    assert.match(await page.innerText("#context-text"), /^\d+ \/ 4,096$/);
    assert.match(await page.innerText("#cache-text"), /^\d+ %$/);
    assert.match(await page.innerText("#speed-text"), /^[\d,.]+ tokens\/s$/);
    assert.equal(await page.innerText("#title"), SUM);
    assert.equal(await page.inputValue("#prompt"), "");
  }));

test("an answer streams: text is on the page before the answer is complete", () =>
  browser.withPage({}, async (page) => {
    await answersWithoutEnd(page);
    await page.fill("#prompt", SUM);
    await page.click("#send");
    await page.waitForFunction(() => document.querySelector('.message[aria-busy="true"] .markdown')?.textContent.length > 20);
    assert.ok(await page.isVisible("#stop"));
    assert.ok(await page.isHidden("#send"));
    await page.click("#stop");
    await answered(page);
  }));

test("stop ends an answer, keeps what came, and the server stops too", () =>
  browser.withPage({}, async (page) => {
    await answersWithoutEnd(page);
    await page.fill("#prompt", SUM);
    await page.click("#send");
    await page.waitForFunction(() => document.querySelector(".message.assistant .markdown")?.textContent.length > 20);
    await page.click("#stop");
    await answered(page);
    assert.equal(await page.locator(".message.assistant .notice").innerText(), "Stopped.");
    assert.ok((await lastAnswer(page)).length > 20);
    await page.waitForFunction(async () => (await (await fetch("stats")).json()).server.generations_running === 0);
    await setParameter(page, "extra", "");
    assert.equal(await ask(page, "What is 5+6?"), await lastAnswer(page), "the chat goes on after a stop");
  }));

test("examples of the empty chat can be sent with one click", () =>
  browser.withPage({}, async (page) => {
    await page.getByRole("button", { name: SUM }).click();
    await page.waitForSelector(".metrics");
    assert.equal(await lastAnswer(page), SUM_ANSWER);
    assert.ok(await page.isHidden("#empty"));
  }));

test("answering again adds a branch, and the branches can be walked", () =>
  browser.withPage({}, async (page) => {
    await ask(page, SUM);
    await page.getByRole("button", { name: "Answer again" }).click();
    await page.waitForSelector(".siblings");
    await answered(page);
    assert.equal(await page.locator(".message.assistant").count(), 1);
    assert.equal(await page.locator(".siblings .figure").innerText(), "2/2");
    assert.ok(await page.getByRole("button", { name: "Later branch" }).isDisabled());
    await page.getByRole("button", { name: "Earlier branch" }).click();
    assert.equal(await page.locator(".siblings .figure").innerText(), "1/2");
    assert.equal(await lastAnswer(page), SUM_ANSWER);
  }));

test("editing a question branches the talk, and each branch keeps what followed", () =>
  browser.withPage({}, async (page) => {
    await ask(page, SUM);
    await ask(page, "What is 5+6?");
    await page.locator(".message.user").first().hover();
    await page.getByRole("button", { name: "Edit and branch" }).first().click();
    await page.getByRole("textbox", { name: "Edit the message" }).fill("What is 90-34?");
    await page.getByRole("button", { name: "Send as a branch" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".message").length === 2);
    await answered(page);
    assert.match(await lastAnswer(page), /Answer: 56$/);
    await page.locator(".message.user").first().hover();
    await page.getByRole("button", { name: "Earlier branch" }).click();
    assert.deepEqual(await page.locator(".bubble").allInnerTexts(), [SUM, "What is 5+6?"]);
    await page.getByRole("button", { name: "Later branch" }).click();
    assert.deepEqual(await page.locator(".bubble").allInnerTexts(), ["What is 90-34?"]);
  }));

test("a branch resends the same messages, so that the server finds them in its cache", () =>
  browser.withPage({}, async (page) => {
    const sent = [];
    page.on("request", (request) => request.url().endsWith("/v1/chat/completions") && sent.push(request.postDataJSON().messages));
    await ask(page, SUM);
    await ask(page, "What is 5+6?");
    await page.locator(".message.user").last().hover();
    await page.getByRole("button", { name: "Edit and branch" }).last().click();
    await page.getByRole("textbox", { name: "Edit the message" }).fill("What is 7+8?");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".siblings");
    await answered(page);
    assert.equal(sent.length, 3);
    assert.deepEqual(sent[2].slice(0, 2), sent[1].slice(0, 2));
    assert.deepEqual(sent[2][1], { role: "assistant", content: SUM_ANSWER });
    assert.deepEqual(sent[2][2], { role: "user", content: "What is 7+8?" });
  }));

test("a reload keeps conversations, branches and parameters", () =>
  browser.withPage({}, async (page) => {
    await setParameter(page, "max_tokens", "200");
    await ask(page, SUM);
    await page.getByRole("button", { name: "Answer again" }).click();
    await page.waitForSelector(".siblings");
    await answered(page);
    await page.reload();
    assert.equal(await lastAnswer(page), SUM_ANSWER);
    assert.equal(await page.locator(".siblings .figure").innerText(), "2/2");
    assert.equal(await page.locator("#conversation-list li").count(), 1);
    assert.equal(await page.inputValue("#max_tokens"), "200");
  }));

test("an answer cut off by closing the page is marked as such", () =>
  browser.withPage({}, async (page) => {
    await answersWithoutEnd(page);
    await page.fill("#prompt", SUM);
    await page.click("#send");
    await page.waitForFunction(() => document.querySelector(".message.assistant .markdown")?.textContent.length > 20);
    await page.reload();
    await page.waitForSelector(".message.assistant .notice");
    assert.equal(await page.locator(".message.assistant .notice").innerText(), "The page was closed before the answer was complete.");
    assert.ok((await lastAnswer(page)).length > 20);
  }));

test("conversations can be renamed, deleted and brought back", () =>
  browser.withPage({}, async (page) => {
    await ask(page, SUM);
    await page.locator(".conversation").hover();
    await page.getByRole("button", { name: `Rename ${SUM}` }).click();
    await page.getByRole("textbox", { name: "Name of the chat" }).fill("Sums");
    await page.keyboard.press("Enter");
    assert.equal(await page.innerText("#title"), "Sums");
    await page.locator(".conversation").hover();
    await page.getByRole("button", { name: "Delete Sums" }).click();
    assert.equal(await page.locator(".conversation").count(), 0);
    assert.equal(await page.locator(".message").count(), 0);
    await page.getByRole("button", { name: "Undo" }).click();
    assert.equal(await lastAnswer(page), SUM_ANSWER);
  }));

test("export and import carry conversations to another browser", () =>
  browser.withPage({}, async (page) => {
    await ask(page, SUM);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export all chats" }).click();
    const text = await readFile(await (await download).path(), "utf8");
    await browser.withPage({}, async (other) => {
      await other.setInputFiles("#import-file", { name: "chats.json", mimeType: "application/json", buffer: Buffer.from(text) });
      await other.locator(".conversation a").click();
      assert.equal(await lastAnswer(other), SUM_ANSWER);
    });
  }));

test("files that cannot be imported are refused with the reason, and nothing is added", () =>
  browser.withPage({}, async (page) => {
    const message = { id: "m", parent: "nobody", role: "user", content: "x" };
    const file = (conversation) => JSON.stringify({ format: "sambay4j-conversations", version: 1, conversations: [conversation] });
    const cases = [
      ["{", /not JSON/],
      ["[]", /not exported from this page/],
      [file({ id: "../x", messages: [] }), /id must be/],
      [file({ id: "x", messages: [message] }), /parent does not come before/],
      [file({ id: "x", messages: [{ ...message, parent: null, role: "system" }] }), /role must be/],
      [file({ id: "x", messages: [{ ...message, parent: null, content: 7 }] }), /content must be text/],
    ];
    for (const [text, reason] of cases) {
      await page.setInputFiles("#import-file", { name: "chats.json", mimeType: "application/json", buffer: Buffer.from(text) });
      await page.locator(".toast", { hasText: reason }).waitFor();
    }
    assert.equal(await page.locator(".conversation").count(), 0);
  }));

test("a second chat can be used while the first is still being answered", () =>
  browser.withPage({}, async (page) => {
    await answersWithoutEnd(page);
    await page.fill("#prompt", SUM);
    await page.click("#send");
    await page.waitForSelector(".busy");
    await page.click("#new-chat");
    await setParameter(page, "extra", "");
    assert.match(await ask(page, "What is 5+6?"), /Answer: 11$/);
    await page.locator(".conversation a", { hasText: SUM }).click();
    if (await page.isVisible("#stop")) {
      await page.click("#stop");
    }
    await answered(page);
    assert.ok((await lastAnswer(page)).length > 20);
  }));

test("parameters reach the server", () =>
  browser.withPage({}, async (page) => {
    await setParameter(page, "system", "Be brief.");
    await setParameter(page, "temperature", "0.7");
    await setParameter(page, "top_p", "0.9");
    await setParameter(page, "top_k", "40");
    await setParameter(page, "seed", "7");
    await setParameter(page, "max_tokens", "5");
    const request = page.waitForRequest("**/v1/chat/completions");
    await ask(page, SUM);
    const { model, ...rest } = (await request).postDataJSON();
    assert.ok(model);
    assert.deepEqual(rest, {
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: SUM },
      ],
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.7,
      top_p: 0.9,
      top_k: 40,
      seed: 7,
      max_tokens: 5,
    });
    assert.equal(await page.locator(".message.assistant .notice").innerText(), "The answer reached the longest length allowed.");
  }));

test("values outside a field's range are refused in words and not sent", () =>
  browser.withPage({}, async (page) => {
    await page.click("#toggle-parameters");
    await page.fill("#temperature", "7");
    assert.equal(await page.innerText("#temperature-problem"), "A number from 0 to 2.");
    await page.fill("#extra", "[1]");
    assert.equal(await page.innerText("#extra-problem"), "This must be a JSON object, in braces.");
    const request = page.waitForRequest("**/v1/chat/completions");
    await ask(page, SUM);
    assert.equal((await request).postDataJSON().temperature, undefined);
  }));

test("a thought is folded away while it is written and afterwards", () =>
  browser.withPage({}, async (page) => {
    for (const pieces of [
      [{ reasoning_content: "Seven and five" }, { reasoning_content: " is twelve." }, "It is 42."],
      ["<th", "ink>\nSeven and", " five is twelve.</thi", "nk>\n\nIt is 42."],
    ]) {
      await scriptAnswers(page, pieces);
      assert.equal(await ask(page, SUM), "It is 42.");
      const thinking = page.locator(".thinking").last();
      assert.equal(await thinking.evaluate((details) => details.open), false);
      await thinking.locator("summary").click();
      await thinking.locator(".thought", { hasText: "Seven and five is twelve." }).waitFor();
      await page.unroute("**/v1/chat/completions");
    }
  }));

test("a thought is not sent back to the server", () =>
  browser.withPage({}, async (page) => {
    await scriptAnswers(page, ["<think>Hm.</think>It is 42."]);
    await ask(page, SUM);
    const request = page.waitForRequest("**/v1/chat/completions");
    await ask(page, "And then?");
    assert.deepEqual((await request).postDataJSON().messages[1], { role: "assistant", content: "It is 42." });
  }));
