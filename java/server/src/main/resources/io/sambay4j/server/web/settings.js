// What the parameters panel holds, kept in localStorage, and how it becomes a request.

const KEY = "sambay4j.settings";

/** The defaults. An empty number means that the server decides. */
export const DEFAULTS = Object.freeze({
  model: "",
  system: "",
  temperature: "",
  top_p: "",
  top_k: "",
  seed: "",
  max_tokens: "",
  json: false,
  think_open: "<think>",
  think_close: "</think>",
  extra: "",
});

/** Number fields: from, to, and whether they are whole. */
export const RANGES = Object.freeze({
  temperature: { from: 0, to: 2, whole: false },
  top_p: { from: 0, to: 1, whole: false },
  top_k: { from: 1, to: 1_000_000, whole: true },
  seed: { from: 0, to: Number.MAX_SAFE_INTEGER, whole: true },
  max_tokens: { from: 1, to: 100_000_000, whole: true },
});

/** Fields that the page itself fills in. */
const OWN_FIELDS = new Set(["messages", "stream", "stream_options"]);

export function loadSettings(storage) {
  try {
    const stored = JSON.parse(storage.getItem(KEY) ?? "{}");
    const known = Object.entries(stored).filter(([name, value]) => Object.hasOwn(DEFAULTS, name) && typeof value === typeof DEFAULTS[name]);
    return { ...DEFAULTS, ...Object.fromEntries(known) };
  } catch {
    return { ...DEFAULTS };
  }
}

export function saveSettings(storage, settings) {
  try {
    storage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // A full storage is reported when a conversation does not fit; settings then last as long as the page.
  }
}

/** What is wrong with a field's value, as a sentence, or an empty text. */
export function problemOf(name, value) {
  if (name === "extra") {
    return problemOfExtra(value);
  }
  const range = RANGES[name];
  if (!range || value === "") {
    return "";
  }
  const number = Number(value);
  if (!Number.isFinite(number) || number < range.from || number > range.to) {
    return range.to > 1_000_000 ? `A whole number from ${range.from} up.` : `A number from ${range.from} to ${range.to}.`;
  }
  return range.whole && !Number.isInteger(number) ? "A whole number, please." : "";
}

function problemOfExtra(text) {
  if (text.trim() === "") {
    return "";
  }
  try {
    const value = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return "This must be a JSON object, in braces.";
    }
    const taken = Object.keys(value).find((name) => OWN_FIELDS.has(name));
    return taken ? `The page fills in "${taken}" itself.` : "";
  } catch (error) {
    return `Not JSON: ${error.message}.`;
  }
}

/** The body of a chat completion request. Fields with problems are left out; the panel shows them. */
export function requestOf(settings, model, path) {
  const request = { model: settings.model || model, messages: [], stream: true, stream_options: { include_usage: true } };
  if (settings.system.trim()) {
    request.messages.push({ role: "system", content: settings.system });
  }
  for (const { role, content } of path) {
    // An answer that failed before its first word is no part of the talk.
    if (role === "user" || content) {
      request.messages.push({ role, content });
    }
  }
  for (const name of Object.keys(RANGES)) {
    if (settings[name] !== "" && !problemOf(name, settings[name])) {
      request[name] = Number(settings[name]);
    }
  }
  if (settings.json) {
    request.response_format = { type: "json_object" };
  }
  if (settings.extra.trim() && !problemOf("extra", settings.extra)) {
    Object.assign(request, JSON.parse(settings.extra));
  }
  return request;
}
