// The page itself: light and dark, phone, keyboard, names and contrast.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { answered, answersWithoutEnd, ask, lastAnswer, openBrowser, scriptAnswers } from "./support.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const SUM = "What is 17+25?";
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const LONG_WORD = "1234567890".repeat(30);
const RICH = `# Title\n\nText with \`code\` and ${LONG_WORD}\n\n| a | b |\n|---|---|\n| ${LONG_WORD} | 2 |\n\n\`\`\`java\n${LONG_WORD}\n\`\`\`\n\n- one\n- two`;

test("dark and light follow the system, and the choice is kept", () =>
  browser.withPage({ colorScheme: "dark" }, async (page) => {
    assert.ok((await luminance(page)) < 0.1, "dark as the system");
    await page.getByRole("button", { name: "Theme: as the system" }).click();
    assert.ok((await luminance(page)) > 0.8, "light by choice");
    await page.reload();
    assert.ok((await luminance(page)) > 0.8, "light after a reload");
    await page.getByRole("button", { name: "Theme: light" }).click();
    await page.emulateMedia({ colorScheme: "light" });
    assert.ok((await luminance(page)) < 0.1, "dark by choice");
  }));

test("on a phone nothing is wider than the screen, in any view", () =>
  browser.withPage(PHONE, async (page) => {
    await assertNoSidewaysScroll(page, "empty");
    await scriptAnswers(page, [RICH]);
    await page.fill("#prompt", LONG_WORD);
    await page.tap("#send");
    await page.waitForSelector(".message.assistant table");
    await answered(page);
    await assertNoSidewaysScroll(page, "chat");
    await page.tap("#open-sidebar");
    await page.locator("#sidebar.open").waitFor();
    await assertNoSidewaysScroll(page, "list");
    await page.tap("#show-dashboard");
    await page.waitForSelector(".card");
    await assertNoSidewaysScroll(page, "dashboard");
    await page.tap("#back-to-chat");
    await page.tap("#toggle-parameters");
    await assertNoSidewaysScroll(page, "parameters");
    await page.tap("#close-parameters");
    assert.ok(await page.isVisible("#prompt"));
  }));

test("controls on a phone are large enough for a finger", () =>
  browser.withPage(PHONE, async (page) => {
    await ask(page, SUM);
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("main button, main a")]
        .filter((control) => control.offsetParent && !control.closest(".skip"))
        .map((control) => ({ name: control.getAttribute("aria-label") ?? control.textContent, box: control.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0 && (box.width < 36 || box.height < 36))
        .map(({ name, box }) => `${name}: ${box.width} x ${box.height}`),
    );
    assert.deepEqual(small, []);
  }));

test("everything can be done with the keyboard alone", () =>
  browser.withPage({}, async (page) => {
    const press = (keys) => page.keyboard.press(keys);
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.tagName);
    assert.equal(await focused(), "prompt", "a new chat begins in the message field");
    await page.keyboard.type("What is");
    await press("Shift+Enter");
    await page.keyboard.type("17+25?");
    assert.equal(await page.inputValue("#prompt"), "What is\n17+25?");
    await press("Enter");
    await page.waitForSelector(".metrics");

    await press("ArrowUp");
    assert.equal(await focused(), "Edit the message");
    await press("Control+a");
    await page.keyboard.type(SUM);
    await press("Enter");
    await page.waitForSelector(".siblings");
    await answered(page);
    assert.equal(await lastAnswer(page), "17+25: 7+5=12, 1+2+1=4. Answer: 42");

    await page.evaluate(() => document.activeElement.blur());
    await press("[");
    assert.equal(await page.locator(".siblings .figure").innerText(), "1/2");
    await press("]");
    assert.equal(await page.locator(".siblings .figure").innerText(), "2/2");
    await page.evaluate(() => document.activeElement.blur());
    await press("r");
    await page.waitForFunction(() => document.querySelectorAll(".siblings").length === 2);
    await answered(page);

    await press("?");
    assert.ok(await page.getByRole("dialog", { name: "Keyboard shortcuts" }).isVisible());
    await press("Escape");
    assert.ok(await page.isHidden("#help-dialog"));
    await page.evaluate(() => document.activeElement.blur());
    await press("p");
    assert.ok(await page.isVisible("#parameters"));
    assert.equal(await focused(), "close-parameters");
    await press("Enter");
    assert.ok(await page.isHidden("#parameters"));
    await press("d");
    await page.locator("#dashboard-view").waitFor();
    await press("d");
    await page.locator("#dashboard-view").waitFor({ state: "hidden" });
    await page.evaluate(() => document.activeElement.blur());
    await press("n");
    await page.locator("#empty").waitFor();
    await page.evaluate(() => document.activeElement.blur());
    await press("/");
    assert.equal(await focused(), "prompt");
  }));

test("Escape stops an answer", () =>
  browser.withPage({}, async (page) => {
    await answersWithoutEnd(page);
    await page.focus("#prompt");
    await page.keyboard.type(SUM);
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector(".message.assistant .markdown")?.textContent.length > 20);
    await page.keyboard.press("Escape");
    await answered(page);
    assert.equal(await page.locator(".message.assistant .notice").innerText(), "Stopped.");
  }));

test("keys typed into a field are text, and single-key shortcuts can be switched off", () =>
  browser.withPage({}, async (page) => {
    await page.focus("#prompt");
    await page.keyboard.type("dnp?/");
    assert.equal(await page.inputValue("#prompt"), "dnp?/");
    await page.click("#help");
    await page.getByRole("checkbox", { name: "Single-key shortcuts outside text fields" }).uncheck();
    await page.keyboard.press("Escape");
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("d");
    assert.ok(await page.isHidden("#dashboard-view"));
  }));

test("Tab reaches the controls in the order in which they are read, each with a visible focus", () =>
  browser.withPage({}, async (page) => {
    const order = [];
    await page.focus(".skip");
    for (let step = 0; step < 14; step++) {
      if (step > 0) {
        await page.keyboard.press("Tab");
      }
      const stop = await page.evaluate(() => {
        const style = getComputedStyle(document.activeElement);
        return { id: document.activeElement.id || document.activeElement.className || document.activeElement.textContent, ring: style.outlineStyle !== "none" || Boolean(document.activeElement.closest(".composer")) };
      });
      assert.ok(stop.ring, `${stop.id} shows no focus`);
      order.push(stop.id);
    }
    const landmarks = ["skip", "new-chat", "show-dashboard", "export", "import", "api-key", "theme", "help", "toggle-parameters"];
    assert.deepEqual(
      order.filter((id) => landmarks.includes(id)),
      landmarks,
    );
    assert.equal(order[13], "prompt", `after four examples comes the message field: ${order}`);
  }));

for (const view of ["chat", "dashboard", "parameters"]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every control has a name and text has contrast: ${view}, ${colorScheme}`, () =>
      browser.withPage({ colorScheme, reducedMotion: "reduce" }, async (page) => {
        await scriptAnswers(page, ["<think>Hm.</think>", RICH]);
        await ask(page, SUM);
        await page.click(".thinking summary");
        if (view === "dashboard") {
          await page.click("#show-dashboard");
          await page.waitForSelector(".card");
        } else if (view === "parameters") {
          await page.click("#toggle-parameters");
        }
        await page.mouse.move(600, 200);
        assert.deepEqual(await page.evaluate(namelessControls), []);
        assert.deepEqual(await page.evaluate(faintTexts), []);
        const ids = await page.evaluate(() => [...document.querySelectorAll("[id]")].map(({ id }) => id));
        assert.equal(new Set(ids).size, ids.length, "ids are used once");
      }));
  }
}

test("a long answer is followed to its end unless the reader scrolls up", () =>
  browser.withPage({}, async (page) => {
    await answersWithoutEnd(page);
    await page.fill("#prompt", SUM);
    await page.click("#send");
    await page.waitForFunction(() => document.querySelector("#scroller").scrollTop > 100);
    await page.mouse.move(700, 300);
    await page.mouse.wheel(0, -5000);
    await page.locator("#jump").waitFor();
    const top = await page.evaluate(() => document.querySelector("#scroller").scrollTop);
    const length = (await lastAnswer(page)).length;
    await page.waitForFunction((before) => document.querySelector(".message.assistant .markdown").textContent.length > before || document.querySelector("#stop").hidden, length);
    assert.equal(await page.evaluate(() => document.querySelector("#scroller").scrollTop), top, "the reader stays");
    await page.click("#jump");
    await page.waitForFunction(() => {
      const { scrollTop, scrollHeight, clientHeight } = document.querySelector("#scroller");
      return scrollHeight - scrollTop - clientHeight < 48;
    });
    if (await page.isVisible("#stop")) {
      await page.click("#stop");
    }
    await answered(page);
  }));

test("answers are announced to those who listen", () =>
  browser.withPage({}, async (page) => {
    await ask(page, SUM);
    assert.equal(await page.innerText("#announcer"), "Answer: 17+25: 7+5=12, 1+2+1=4. Answer: 42");
  }));

async function luminance(page) {
  return await page.evaluate(() => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number);
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
  });
}

async function assertNoSidewaysScroll(page, view) {
  const { wide, limit } = await page.evaluate(() => ({ wide: document.scrollingElement.scrollWidth, limit: innerWidth }));
  assert.ok(wide <= limit, `${view}: the page is ${wide} wide, the screen ${limit}`);
  const inner = await page.evaluate(() => ["#scroller", "#dashboard-view", "#parameters"].map((id) => document.querySelector(id)).filter((box) => box.scrollWidth > box.clientWidth).map(({ id }) => id));
  assert.deepEqual(inner, [], `${view}: a part scrolls sideways`);
}

/** Runs in the page: controls without a name. */
function namelessControls() {
  const named = (control) =>
    control.getAttribute("aria-label") || control.getAttribute("aria-labelledby") || control.labels?.length > 0 || control.textContent.trim();
  return [...document.querySelectorAll("button, a[href], input, select, textarea, summary, dialog, meter, [role=meter], [role=region]")]
    .filter((control) => !named(control) && !control.closest("[hidden]"))
    .map((control) => control.outerHTML.slice(0, 120));
}

/** Runs in the page: visible text whose contrast with its background is below 4.5 to 1 (WCAG 2, level AA). */
function faintTexts() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (front, back) => front.slice(0, 3).map((value, index) => (value * front[3] + back[index] * (255 - front[3])) / 255);
  const light = (color) => {
    const [red, green, blue] = color.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const background = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(rgba(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)[3] === 255) {
        break;
      }
    }
    return layers.reverse().reduce((back, layer) => over(layer, back), [255, 255, 255]);
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || element.closest(".visually-hidden, .skip, :disabled, option")) {
      continue;
    }
    const back = background(element);
    const [a, b] = [light(over(rgba(getComputedStyle(element).color), back)), light(back)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) {
      faint.push(`${contrast.toFixed(2)}: "${node.data.trim().slice(0, 40)}"`);
    }
  }
  return faint;
}
