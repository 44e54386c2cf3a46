// Parts of the page by themselves, in the browser they run in: Markdown, server-sent events, thoughts, trees.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** Runs a function in the page; it gets the exports of a module and an argument. */
async function inPage(module, work, argument = null) {
  let result;
  await browser.withPage({}, async (page) => {
    const call = `(async (argument) => { const module = await import("./${module}"); return await (${work})(module, argument); })`;
    result = await page.evaluate(`${call}(${JSON.stringify(argument)})`);
  });
  return result;
}

const rendered = (text) =>
  inPage(
    "markdown.js",
    ({ MarkdownView }, source) => {
      const box = document.createElement("div");
      new MarkdownView(box).update(source);
      box.querySelectorAll(".code-head").forEach((head) => head.remove());
      return box.innerHTML.replaceAll(/ (tabindex|role|aria-label|title|target|rel|class|scope)="[^"]*"/g, "");
    },
    text,
  );

const MARKDOWN = [
  ["plain", "a *b* **c** ~~d~~ `e*f*`", "<p>a <em>b</em> <strong>c</strong> <del>d</del> <code>e*f*</code></p>"],
  ["sums stay sums", "2*3*4 and a_b_c", "<p>2*3*4 and a_b_c</p>"],
  ["line breaks", "a\nb", "<p>a<br>b</p>"],
  ["headings", "# A\n## B #", "<h3>A</h3><h4>B</h4>"],
  ["lists", "- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"],
  ["numbered from three", "3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'],
  ["loose items", "1. a\n\n   b\n2. c", "<ol><li>a<p>b</p></li><li>c</li></ol>"],
  ["quotes", "> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"],
  ["code", "```js\nlet <a>;\n```", "<div><pre><code>let &lt;a&gt;;</code></pre></div>"],
  ["code without end", "```\na\n\nb", "<div><pre><code>a\n\nb</code></pre></div>"],
  ["table", "|a|b|\n|-|:-:|\n|`x|y`|2|", "<div><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td><code>x|y</code></td><td>2</td></tr></tbody></table></div>"],
  ["rule", "a\n\n---", "<p>a</p><hr>"],
  ["mathematics is left as it is", "$a_1*b*c$ and \\(x_1\\)", "<p><span>$a_1*b*c$</span> and <span>\\(x_1\\)</span></p>"],
  ["money is not mathematics", "$5 and $6", "<p>$5 and $6</p>"],
  ["displayed mathematics", "$$\nx*y*z\n$$", "<div>$$\nx*y*z\n$$</div>"],
  ["links", "[a](https://example.org/b_(c)) https://example.org/d.", '<p><a href="https://example.org/b_(c)">a</a> <a href="https://example.org/d">https://example.org/d</a>.</p>'],
  ["harmful links are text", "[a](javascript:b) [c](file:///d) [e](//f)", "<p>[a](javascript:b) [c](file:///d) [e](//f)</p>"],
  ["images are links", "![a](https://example.org/b.png)", '<p><a href="https://example.org/b.png">a</a></p>'],
  ["escapes", "\\*a\\* \\<b>", "<p>*a* &lt;b&gt;</p>"],
];

for (const [name, source, expected] of MARKDOWN) {
  test(`Markdown: ${name}`, async () => assert.equal(await rendered(source), expected));
}

test("Markdown that grows piece by piece ends as if it had come at once", async () => {
  const seed = Date.now() % 1_000_000;
  const different = await inPage(
    "markdown.js",
    ({ MarkdownView }, { sources, seed }) => {
      let state = seed;
      const random = (limit) => (state = (state * 48271) % 2147483647) % limit;
      const html = (view, box) => box.innerHTML;
      const differences = [];
      for (let round = 0; round < 200; round++) {
        const text = Array.from({ length: 1 + random(6) }, () => sources[random(sources.length)]).join(["\n", "\n\n", " "][random(3)]);
        const [whole, grown] = [document.createElement("div"), document.createElement("div")];
        new MarkdownView(whole).update(text);
        const view = new MarkdownView(grown);
        for (let end = 0; end < text.length; ) {
          end = Math.min(text.length, end + 1 + random(12));
          view.update(text.slice(0, end));
        }
        if (whole.innerHTML !== grown.innerHTML) {
          differences.push(text);
        }
      }
      return differences;
    },
    { sources: MARKDOWN.map(([, source]) => source), seed },
  );
  assert.deepEqual(different, [], `seed ${seed}`);
});

test("Markdown made to be slow is read all the same", async () => {
  const lengths = await inPage("markdown.js", ({ MarkdownView }) => {
    const hostile = ["*", "*a ", "a* *b ", "[", "[a](", ">", "`", "``` ", "$a ", "_a", "\\", "#", "|-", "- a\n\n", "**a *b ", "$$", "$$\n", "http://", "1. ", "~~", "<", "\n>", "!["];
    return hostile.map((piece) => {
      const box = document.createElement("div");
      new MarkdownView(box).update(piece.repeat(Math.ceil(30_000 / piece.length)));
      return box.childNodes.length;
    });
  });
  assert.equal(lengths.length, 23);
});

test("server-sent events arrive whole, however they are cut", async () => {
  const streams = [
    ["data: a\n\ndata: b\n\n", ["a", "b"]],
    ["data:a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]],
    [": ping\n\ndata: a\ndata: b\nid: 7\nevent: x\n\n", ["a\nb"]],
    ["data: a\r\rdata: unfinished\n", ["a"]],
    ["data: größer 😀\n\n", ["größer 😀"]],
  ];
  const results = await inPage(
    "sse.js",
    ({ EventParser }, streams) =>
      streams.map(([text]) =>
        Array.from({ length: text.length }, (_, size) => {
          const parser = new EventParser();
          const events = [];
          for (let at = 0; at < text.length; at += size + 1) {
            events.push(...parser.push(text.slice(at, at + size + 1)));
          }
          return JSON.stringify(events);
        }),
      ),
    streams,
  );
  streams.forEach(([, expected], index) => assert.deepEqual([...new Set(results[index])], [JSON.stringify(expected)]));
});

test("thoughts are told from answers, however the tags are cut", async () => {
  const texts = [
    ["<think>a</think>b", "a", "b"],
    ["\n<think>\na\n</think>\n\nb", "a", "b"],
    ["b <think>c</think>", "", "b <think>c</think>"],
    ["<think>a</thin", "a</thin", ""],
    ["<thimble>", "", "<thimble>"],
    ["<think>a < b</think>", "a < b", ""],
    ["<th", "", "<th"],
  ];
  const results = await inPage(
    "thinking.js",
    ({ ThinkingSplitter }, texts) =>
      texts.map(([text]) =>
        Array.from({ length: text.length }, (_, size) => {
          const splitter = new ThinkingSplitter("<think>", "</think>");
          const parts = [];
          for (let at = 0; at < text.length; at += size + 1) {
            parts.push(splitter.push(text.slice(at, at + size + 1)));
          }
          parts.push(splitter.finish());
          return [parts.map(({ reasoning }) => reasoning).join("").trim(), parts.map(({ content }) => content).join("")];
        }),
      ),
    texts,
  );
  texts.forEach(([text, reasoning, content], index) => results[index].forEach((parts) => assert.deepEqual(parts, [reasoning, content], text)));
});

test("storage that is full is told, and the page goes on", () =>
  browser.withPage({}, async (page) => {
    await page.evaluate(() => {
      Storage.prototype.setItem = () => {
        throw new DOMException("full", "QuotaExceededError");
      };
    });
    await page.fill("#prompt", "What is 17+25?");
    await page.click("#send");
    await page.waitForSelector(".metrics");
    assert.match(await page.locator(".toast").first().innerText(), /no room left/);
  }));
