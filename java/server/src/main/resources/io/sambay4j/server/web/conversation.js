// A conversation is a tree of messages: editing a question or asking again adds a sibling, and nothing is ever overwritten.
// This file knows neither the page nor the browser's storage.

const ROOT = "root";
const ROLES = new Set(["user", "assistant"]);
const MAX_MESSAGES = 20_000;
const ID = /^[A-Za-z0-9-]{1,64}$/;

/** A fresh identifier. `crypto.randomUUID` is missing on plain http from another machine, so it is made by hand. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** An empty conversation. `messages` are in order of creation; `selected` says for a parent which child is shown. */
export function newConversation(now = Date.now()) {
  return { id: newId(), title: "", created: now, updated: now, selected: {}, messages: [] };
}

/** Adds a message below `parent` (an id, or null for the first message) and shows it. */
export function addMessage(conversation, parent, role, content, now = Date.now()) {
  const message = { id: newId(), parent, role, content, created: now };
  conversation.messages.push(message);
  conversation.selected[parent ?? ROOT] = message.id;
  conversation.updated = now;
  return message;
}

/** The messages directly below `parent` (an id, or null for the top), oldest first. */
export function children(conversation, parent) {
  return conversation.messages.filter((message) => message.parent === parent);
}

/** The message with this id. */
export function find(conversation, id) {
  return conversation.messages.find((message) => message.id === id);
}

/** The messages that are shown: from the top, at every fork the selected child, or the newest. */
export function activePath(conversation) {
  const below = new Map();
  for (const message of conversation.messages) {
    if (!below.has(message.parent)) {
      below.set(message.parent, []);
    }
    below.get(message.parent).push(message);
  }
  const path = [];
  for (let candidates = below.get(null); candidates; candidates = below.get(path.at(-1).id)) {
    const selected = conversation.selected[path.at(-1)?.id ?? ROOT];
    path.push(candidates.find((message) => message.id === selected) ?? candidates.at(-1));
  }
  return path;
}

/** The messages from the top down to this one. */
export function pathTo(conversation, id) {
  const path = [];
  for (let message = find(conversation, id); message; message = find(conversation, message.parent)) {
    path.unshift(message);
  }
  return path;
}

/** Shows the sibling that is `step` places after this message; at the ends nothing changes. Returns whether it did. */
export function selectSibling(conversation, message, step) {
  const siblings = children(conversation, message.parent);
  const target = siblings[siblings.indexOf(message) + step];
  if (target) {
    conversation.selected[message.parent ?? ROOT] = target.id;
  }
  return Boolean(target);
}

/** What a list calls the conversation. */
export function titleOf(conversation) {
  const text = conversation.title || conversation.messages.find((message) => message.role === "user")?.content || "New chat";
  const line = text.trim().split("\n", 1)[0];
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/**
 * Checks a conversation that came from outside and copies what is known of it. Parents must come before their children,
 * which also rules out circles.
 *
 * @throws Error whose sentence names what is wrong
 */
export function checkConversation(value) {
  requireThat(isObject(value), "a conversation must be an object");
  requireThat(ID.test(value.id), "a conversation's id must be 1 to 64 letters, digits or hyphens");
  requireThat(Array.isArray(value.messages), `conversation ${value.id}: messages must be a list`);
  requireThat(value.messages.length <= MAX_MESSAGES, `conversation ${value.id}: more than ${MAX_MESSAGES} messages`);
  const seen = new Set([null]);
  const messages = value.messages.map((message, index) => {
    const where = `conversation ${value.id}, message ${index + 1}`;
    requireThat(isObject(message) && ID.test(message.id) && !seen.has(message.id), `${where}: its id is missing, malformed or used twice`);
    requireThat(seen.has(message.parent), `${where}: its parent does not come before it`);
    requireThat(ROLES.has(message.role), `${where}: role must be user or assistant`);
    requireThat(typeof message.content === "string", `${where}: content must be text`);
    seen.add(message.id);
    const copy = { id: message.id, parent: message.parent, role: message.role, content: message.content, created: timeOf(message.created) };
    for (const name of ["reasoning", "finish", "error", "model"]) {
      if (typeof message[name] === "string") {
        copy[name] = message[name];
      }
    }
    const metrics = numbersOf(message.metrics);
    return metrics ? { ...copy, metrics } : copy;
  });
  const selected = {};
  for (const [parent, child] of Object.entries(isObject(value.selected) ? value.selected : {})) {
    if ((parent === ROOT || seen.has(parent)) && seen.has(child)) {
      selected[parent] = child;
    }
  }
  const title = typeof value.title === "string" ? value.title.slice(0, 200) : "";
  return { id: value.id, title, created: timeOf(value.created), updated: timeOf(value.updated), selected, messages };
}

function numbersOf(value) {
  return isObject(value) ? Object.fromEntries(Object.entries(value).filter(([, number]) => Number.isFinite(number))) : null;
}

function timeOf(value) {
  return Number.isFinite(value) ? value : 0;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function requireThat(condition, sentence) {
  if (!condition) {
    throw new Error(sentence);
  }
}
