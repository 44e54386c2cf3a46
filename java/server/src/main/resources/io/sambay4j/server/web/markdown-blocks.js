// Markdown, first half: text into blocks. No page, no elements; see markdown.js for those.
//
// The subset that language models write: headings, paragraphs, lists, quotes, fenced code, tables, rules, and displayed
// mathematics, which stays as it was written. Time grows with the length of the text, also for text made to be slow.

const MAX_DEPTH = 12;
const MAX_COLUMNS = 100;

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+|$)/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: +|$)/;
const DELIMITER_CELL = /^ *:?-+:? *$/;
const MATH = [
  ["$$", "$$"],
  ["\\[", "\\]"],
];

/**
 * The blocks of a text, each with the offset at which it starts: `paragraph` and `math` {text}, `heading` {level, text},
 * `code` {language, text}, `rule`, `quote` {blocks}, `list` {ordered, first, items: blocks[]}, `table` {align, header, rows}.
 */
export function parseBlocks(text) {
  const lines = text.split("\n");
  const offsets = [];
  let offset = 0;
  for (const line of lines) {
    offsets.push(offset);
    offset += line.length + 1;
  }
  return parseLines(lines, 0).map(({ line, ...block }) => ({ ...block, start: offsets[line] }));
}

function parseLines(lines, depth) {
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === "") {
      at++;
      continue;
    }
    const [block, next] = readBlock(lines, at, depth);
    blocks.push({ ...block, line: at });
    at = next;
  }
  return blocks;
}

function readBlock(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) {
    return readCode(lines, at, fence);
  }
  const math = MATH.find(([open]) => line.trimStart().startsWith(open));
  if (math) {
    return readMath(lines, at, math);
  }
  const heading = HEADING.exec(line);
  if (heading) {
    return [{ type: "heading", level: heading[1].length, text: withoutClosingMarks(line.slice(heading[0].length)) }, at + 1];
  }
  if (RULE.test(line)) {
    return [{ type: "rule" }, at + 1];
  }
  if (depth < MAX_DEPTH && QUOTE.test(line)) {
    return readQuote(lines, at, depth);
  }
  if (depth < MAX_DEPTH && ITEM.test(line)) {
    return readList(lines, at, depth);
  }
  if (startsTable(lines, at)) {
    return readTable(lines, at);
  }
  return readParagraph(lines, at, depth);
}

function readCode(lines, at, [opening, marks, info]) {
  const indent = opening.length - opening.trimStart().length;
  let end = at + 1;
  while (end < lines.length && !closesFence(lines[end], marks)) {
    end++;
  }
  const text = lines.slice(at + 1, end).map((line) => withoutIndent(line, indent));
  return [{ type: "code", language: info.trim().split(/\s/, 1)[0], text: text.join("\n") }, end + 1];
}

function closesFence(line, marks) {
  const text = line.trim();
  return text.length >= marks.length && [...text].every((character) => character === marks[0]) && !/^ {4}/.test(line);
}

function readMath(lines, at, [open, close]) {
  for (let end = at; end < lines.length; end++) {
    const line = end === at ? lines[end].trimStart().slice(open.length) : lines[end];
    if (line.includes(close)) {
      return [{ type: "math", text: lines.slice(at, end + 1).join("\n") }, end + 1];
    }
    if (line.trim() === "" && end > at) {
      break;
    }
  }
  let end = at + 1;
  while (end < lines.length && lines[end].trim() !== "") {
    end++;
  }
  return [{ type: "math", text: lines.slice(at, end).join("\n") }, end];
}

function readQuote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) {
    end++;
  }
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [{ type: "quote", blocks: parseLines(inner, depth + 1) }, end];
}

function readList(lines, at, depth) {
  const first = ITEM.exec(lines[at]);
  const ordered = /\d/.test(first[2]);
  const kind = first[2].at(-1);
  const items = [];
  while (at < lines.length) {
    const item = ITEM.exec(lines[at]);
    if (!item || item[2].at(-1) !== kind || RULE.test(lines[at])) {
      break;
    }
    // What belongs to the item is indented as far as its text, or at least by two where a model was careless.
    const indent = Math.min(item[0].length, item[1].length + item[2].length + 1);
    const inner = [lines[at].slice(item[0].length)];
    for (at++; at < lines.length && belongsToItem(lines, at, item[1].length); at++) {
      inner.push(withoutIndent(lines[at], indent));
    }
    items.push(parseLines(inner, depth + 1));
    while (at < lines.length && lines[at].trim() === "" && continuesList(lines, at, kind)) {
      at++;
    }
  }
  return [{ type: "list", ordered, first: ordered ? parseInt(first[2], 10) : 1, items }, at];
}

function belongsToItem(lines, at, itemIndent) {
  const line = lines[at];
  if (line.trim() === "") {
    const next = nextText(lines, at);
    return next < lines.length && indentOf(lines[next]) >= itemIndent + 2;
  }
  if (indentOf(line) >= itemIndent + 2) {
    return true;
  }
  // A line of its own after a blank one, or one that starts something, ends the item; otherwise it carries on the sentence.
  return lines[at - 1].trim() !== "" && !startsBlock(line);
}

function continuesList(lines, at, kind) {
  const next = nextText(lines, at);
  return next < lines.length && ITEM.exec(lines[next])?.[2].at(-1) === kind;
}

function startsTable(lines, at) {
  if (!lines[at].includes("|") || at + 1 >= lines.length || !lines[at + 1].includes("-")) {
    return false;
  }
  const marks = cellsOf(lines[at + 1]);
  return marks.length === cellsOf(lines[at]).length && marks.every((cell) => DELIMITER_CELL.test(cell));
}

function readTable(lines, at) {
  const header = cellsOf(lines[at]);
  const align = cellsOf(lines[at + 1]).map((cell) => {
    const mark = cell.trim();
    if (mark.endsWith(":")) {
      return mark.startsWith(":") ? "center" : "right";
    }
    return "left";
  });
  const rows = [];
  let end = at + 2;
  for (; end < lines.length && lines[end].includes("|") && lines[end].trim() !== ""; end++) {
    const cells = cellsOf(lines[end]);
    rows.push(header.map((_, column) => cells[column] ?? ""));
  }
  return [{ type: "table", align, header, rows }, end];
}

/** The cells of a table row; a bar after a backslash or inside backticks belongs to its cell. */
function cellsOf(line) {
  const text = line.trim().replace(/^\|/, "");
  const cells = [];
  let cell = "";
  let code = false;
  for (let at = 0; at < text.length && cells.length < MAX_COLUMNS; at++) {
    const character = text[at];
    if (character === "\\" && text[at + 1] === "|") {
      cell += "|";
      at++;
    } else if (character === "|" && !code) {
      cells.push(cell.trim());
      cell = "";
    } else {
      code = character === "`" ? !code : code;
      cell += character;
    }
  }
  if (cell.trim() !== "" || cells.length === 0) {
    cells.push(cell.trim());
  }
  return cells;
}

function readParagraph(lines, at, depth) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() !== "" && (depth >= MAX_DEPTH || !startsBlock(lines[end])) && !startsTable(lines, end)) {
    end++;
  }
  return [{ type: "paragraph", text: lines.slice(at, end).map((line) => line.trim()).join("\n") }, end];
}

function startsBlock(line) {
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);
}

function nextText(lines, at) {
  while (at < lines.length && lines[at].trim() === "") {
    at++;
  }
  return at;
}

function indentOf(line) {
  return line.length - line.trimStart().length;
}

function withoutIndent(line, indent) {
  return line.slice(Math.min(indent, indentOf(line)));
}

function withoutClosingMarks(text) {
  const trimmed = text.trim();
  let end = trimmed.length;
  while (end > 0 && trimmed[end - 1] === "#") {
    end--;
  }
  return end === 0 || /\s/.test(trimmed[end - 1]) ? trimmed.slice(0, end).trim() : trimmed;
}
