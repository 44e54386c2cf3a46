// Markdown into elements. Every piece of text becomes a text node: whatever a model writes, it stays text.

import { icon, make } from "./dom.js";
import { parseBlocks } from "./markdown-blocks.js";
import { parseSpans } from "./markdown-inline.js";

const COPIED_MS = 1500;

/** Shows a text that grows: only the blocks at its end are made anew. */
export class MarkdownView {
  #container;
  #text = "";
  #blocks = [];

  constructor(container) {
    this.#container = container;
  }

  update(text) {
    if (text === this.#text) {
      return;
    }
    // The last block may go on, and what looked like a last block of its own may turn out to belong to the one before.
    const grows = text.startsWith(this.#text);
    const kept = grows ? this.#blocks.slice(0, -2) : [];
    const from = grows ? (this.#blocks.at(-2)?.start ?? this.#blocks.at(-1)?.start ?? 0) : 0;
    for (const stale of this.#blocks.slice(kept.length)) {
      stale.element.remove();
    }
    const fresh = parseBlocks(text.slice(from)).map((block) => ({ start: from + block.start, element: blockElement(block) }));
    this.#container.append(...fresh.map((block) => block.element));
    this.#blocks = [...kept, ...fresh];
    this.#text = text;
  }
}

function blockElement(block) {
  switch (block.type) {
    case "heading":
      // The page's own headings end at level two.
      return make(`h${Math.min(6, block.level + 2)}`, {}, ...spanNodes(block.text));
    case "code":
      return codeElement(block);
    case "math":
      return make("div", { class: "math" }, block.text);
    case "rule":
      return make("hr");
    case "quote":
      return make("blockquote", {}, ...block.blocks.map(blockElement));
    case "list":
      return make(block.ordered ? "ol" : "ul", { start: block.ordered && block.first !== 1 ? block.first : null }, ...block.items.map(itemElement));
    case "table":
      return tableElement(block);
    default:
      return make("p", {}, ...spanNodes(block.text));
  }
}

function itemElement(blocks) {
  // An item of one paragraph stands close to its neighbours, so its text goes straight into the item.
  const nodes = blocks.flatMap((block, index) => (index === 0 && block.type === "paragraph" ? spanNodes(block.text) : [blockElement(block)]));
  return make("li", {}, ...nodes);
}

function codeElement({ language, text }) {
  const copy = make("button", { type: "button", class: "quiet copy-code", click: () => copyText(text, copy) }, icon("copy"), make("span", {}, "Copy"));
  return make(
    "div",
    { class: "code" },
    make("div", { class: "code-head" }, make("span", {}, language || "text"), copy),
    make("pre", { tabindex: "0", "aria-label": language ? `Code, ${language}` : "Code" }, make("code", {}, text)),
  );
}

function tableElement({ align, header, rows }) {
  const row = (cells, tag) => make("tr", {}, ...cells.map((cell, column) => make(tag, { class: align[column], scope: tag === "th" ? "col" : null }, ...spanNodes(cell))));
  return make(
    "div",
    { class: "table", tabindex: "0", role: "region", "aria-label": "Table" },
    make("table", {}, make("thead", {}, row(header, "th")), make("tbody", {}, ...rows.map((cells) => row(cells, "td")))),
  );
}

function spanNodes(text) {
  return parseSpans(text).map(spanNode);
}

function spanNode(span) {
  switch (span.type) {
    case "break":
      return make("br");
    case "code":
      return make("code", {}, span.text);
    case "math":
      return make("span", { class: "math" }, span.text);
    case "strong":
    case "em":
    case "del":
      return make(span.type, {}, ...span.spans.map(spanNode));
    case "link":
      return make("a", { href: span.address, title: span.address, target: "_blank", rel: "noopener noreferrer nofollow" }, ...span.spans.map(spanNode));
    default:
      return document.createTextNode(span.text);
  }
}

/** Puts text on the clipboard, also where the clipboard interface is missing, as on plain http from another machine. */
export async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "visually-hidden", readonly: true, "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.classList.add("done");
  button.replaceChild(icon("check"), button.querySelector("svg"));
  setTimeout(() => {
    button.classList.remove("done");
    button.replaceChild(icon("copy"), button.querySelector("svg"));
  }, COPIED_MS);
}
