// Markdown, second half: the text of a block into spans. No page, no elements; see markdown.js for those.

const MAX_DEPTH = 8;
const MAX_LINK = 2000;
const ESCAPABLE = new Set("\\`*_{}[]()#+-.!|<>~$");
const MATH = [
  ["$$", "$$"],
  ["\\(", "\\)"],
  ["\\[", "\\]"],
];
const EMPHASIS = [
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "del"],
  ["*", "em"],
  ["_", "em"],
];

/**
 * The spans of a text: `text`, `code` and `math` {text}, `break`, `strong`, `em` and `del` {spans}, `link` {address, spans}.
 * An address is always absolute and of a harmless scheme; a link with any other is text.
 */
export function parseSpans(text, depth = 0) {
  return new SpanParser(text, depth).parse();
}

class SpanParser {
  #text;
  #depth;
  #at = 0;
  #plain = "";
  #spans = [];
  // Marks whose closing half was looked for and not found: looking again further right is in vain. This keeps the time
  // from growing with the square of the length.
  #hopeless = new Set();

  constructor(text, depth) {
    this.#text = text;
    this.#depth = depth;
  }

  parse() {
    while (this.#at < this.#text.length) {
      const step = this.#step();
      if (!step) {
        this.#plain += this.#text[this.#at++];
      }
    }
    this.#flush();
    return this.#spans;
  }

  /** Reads the span that begins here, if one does. */
  #step() {
    const character = this.#text[this.#at];
    switch (character) {
      case "\n":
        return this.#add({ type: "break" }, this.#at + 1);
      case "`":
        return this.#code();
      case "\\":
        return this.#math() || this.#escape();
      case "$":
        return this.#math() || this.#dollarMath();
      case "[":
        return this.#depth < MAX_DEPTH && this.#link(this.#at);
      case "!":
        // An image would be a request to another host: only its description is shown, as a link.
        return this.#text[this.#at + 1] === "[" && this.#depth < MAX_DEPTH && this.#link(this.#at + 1);
      case "h":
        return this.#address();
      case "*":
      case "_":
      case "~":
        return this.#depth < MAX_DEPTH && this.#emphasis();
      default:
        return false;
    }
  }

  #add(span, next) {
    this.#flush();
    this.#spans.push(span);
    this.#at = next;
    return true;
  }

  #flush() {
    if (this.#plain) {
      this.#spans.push({ type: "text", text: this.#plain });
      this.#plain = "";
    }
  }

  #escape() {
    if (!ESCAPABLE.has(this.#text[this.#at + 1])) {
      return false;
    }
    this.#plain += this.#text[this.#at + 1];
    this.#at += 2;
    return true;
  }

  #code() {
    const length = runLength(this.#text, this.#at);
    const end = this.#codeEnd(this.#at, length);
    if (end < 0) {
      this.#plain += "`".repeat(length);
      this.#at += length;
      return true;
    }
    const inner = this.#text.slice(this.#at + length, end - length).replaceAll("\n", " ");
    const padded = inner.length > 2 && inner.startsWith(" ") && inner.endsWith(" ");
    return this.#add({ type: "code", text: padded ? inner.slice(1, -1) : inner }, end);
  }

  /** Where the code that begins here ends, behind its closing backticks; -1 if it does not. */
  #codeEnd(start, length) {
    const marks = "`".repeat(length);
    if (this.#hopeless.has(marks)) {
      return -1;
    }
    for (let at = this.#text.indexOf(marks, start + length); at >= 0; ) {
      const found = runLength(this.#text, at);
      if (found === length) {
        return at + length;
      }
      at = this.#text.indexOf(marks, at + found);
    }
    this.#hopeless.add(marks);
    return -1;
  }

  #math() {
    for (const [open, close] of MATH) {
      if (!this.#text.startsWith(open, this.#at) || this.#hopeless.has(open)) {
        continue;
      }
      const end = this.#text.indexOf(close, this.#at + open.length);
      if (end >= 0) {
        return this.#add({ type: "math", text: this.#text.slice(this.#at, end + close.length) }, end + close.length);
      }
      this.#hopeless.add(open);
    }
    return false;
  }

  /** `$x_1$` is mathematics, "$5 and $6" is money: no space inside the dollars, no digit after them. */
  #dollarMath() {
    if (this.#hopeless.has("$") || /[\s$]/.test(this.#text[this.#at + 1] ?? " ")) {
      return false;
    }
    const end = this.#text.indexOf("$", this.#at + 1);
    if (end < 0) {
      this.#hopeless.add("$");
      return false;
    }
    const inner = this.#text.slice(this.#at + 1, end);
    if (/\s$/.test(inner) || inner.includes("\n") || /\d/.test(this.#text[end + 1] ?? "")) {
      return false;
    }
    return this.#add({ type: "math", text: this.#text.slice(this.#at, end + 1) }, end + 1);
  }

  #link(open) {
    if (this.#hopeless.has("](")) {
      return false;
    }
    const middle = this.#text.indexOf("](", open);
    if (middle < 0) {
      this.#hopeless.add("](");
      return false;
    }
    if (middle - open > MAX_LINK || this.#text.slice(open + 1, middle).includes("[")) {
      return false;
    }
    const end = closingParenthesis(this.#text, middle + 2);
    if (end < 0) {
      return false;
    }
    const address = safeAddress(this.#text.slice(middle + 2, end).trim().split(/\s/, 1)[0]);
    const label = this.#text.slice(open + 1, middle);
    return address !== null && this.#add({ type: "link", address, spans: parseSpans(label || address, this.#depth + 1) }, end + 1);
  }

  #address() {
    if (!/^https?:\/\//.test(this.#text.slice(this.#at, this.#at + 8)) || /\w$/.test(this.#plain)) {
      return false;
    }
    const word = /^[^\s<>"`|]*/.exec(this.#text.slice(this.#at, this.#at + MAX_LINK))[0].replace(/[.,;:!?)\]*_']+$/, "");
    const address = safeAddress(word);
    return address !== null && this.#add({ type: "link", address, spans: [{ type: "text", text: word }] }, this.#at + word.length);
  }

  #emphasis() {
    for (const [marks, type] of EMPHASIS) {
      if (!this.#text.startsWith(marks, this.#at) || this.#hopeless.has(marks) || !this.#opens(marks)) {
        continue;
      }
      const end = this.#closing(marks);
      if (end >= 0) {
        const inner = this.#text.slice(this.#at + marks.length, end);
        return this.#add({ type, spans: parseSpans(inner, this.#depth + 1) }, end + marks.length);
      }
      this.#hopeless.add(marks);
    }
    const run = /^(\*+|_+|~+)/.exec(this.#text.slice(this.#at, this.#at + 64))[0];
    this.#plain += run;
    this.#at += run.length;
    return true;
  }

  #opens(marks) {
    const before = this.#text[this.#at - 1] ?? " ";
    const after = this.#text[this.#at + marks.length] ?? " ";
    // A star between two digits is a product.
    const inWord = marks[0] === "_" ? /\w/.test(before) : /\d/.test(before) && /\d/.test(after);
    return !/\s/.test(after) && !inWord;
  }

  #closing(marks) {
    const text = this.#text;
    let at = this.#at + marks.length + 1;
    while (at < text.length) {
      if (text[at] === "\\") {
        at += 2;
      } else if (text[at] === "`") {
        const length = runLength(text, at);
        const end = this.#codeEnd(at, length);
        at = end < 0 ? at + length : end;
      } else if (text[at] === marks[0]) {
        const length = runLength(text, at);
        const closes = !/\s/.test(text[at - 1]) && (marks[0] !== "_" || !/\w/.test(text[at + length] ?? " "));
        if (closes && (length === marks.length || length > 2)) {
          return at + length - marks.length;
        }
        at += length;
      } else {
        at++;
      }
    }
    return -1;
  }
}

function runLength(text, at) {
  let end = at + 1;
  while (text[end] === text[at]) {
    end++;
  }
  return end - at;
}

function closingParenthesis(text, start) {
  let depth = 0;
  for (let at = start; at < text.length && at - start <= MAX_LINK; at++) {
    if (text[at] === "\n") {
      return -1;
    }
    if (text[at] === "(") {
      depth++;
    } else if (text[at] === ")" && depth-- === 0) {
      return at;
    }
  }
  return -1;
}

function safeAddress(text) {
  try {
    const address = new URL(text);
    return ["http:", "https:", "mailto:"].includes(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}
