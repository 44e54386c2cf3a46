// Conversations in the browser's localStorage, one entry each, and their way to a file and back.

import { checkConversation, newId } from "./conversation.js";

const PREFIX = "sambay4j.conversation.";
const FORMAT = "sambay4j-conversations";
const MAX_IMPORT_BYTES = 64 * 1024 * 1024;

/** All conversations of this browser. They are loaded once and then live in memory; `save` writes one back. */
export class ConversationStore {
  #conversations = new Map();
  #storage;
  #onProblem;

  /** @param onProblem called with a sentence when something cannot be kept */
  constructor(storage, onProblem) {
    this.#storage = storage;
    this.#onProblem = onProblem;
    for (const key of Object.keys(storage).filter((name) => name.startsWith(PREFIX))) {
      this.#load(key);
    }
  }

  /** Newest first. */
  list() {
    return [...this.#conversations.values()].sort((a, b) => b.updated - a.updated);
  }

  get(id) {
    return this.#conversations.get(id);
  }

  save(conversation) {
    this.#conversations.set(conversation.id, conversation);
    try {
      this.#storage.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
    } catch {
      this.#onProblem("This browser has no room left for the conversation. Export and delete older ones to keep it.");
    }
  }

  remove(id) {
    this.#conversations.delete(id);
    this.#storage.removeItem(PREFIX + id);
  }

  removeAll() {
    for (const id of [...this.#conversations.keys()]) {
      this.remove(id);
    }
  }

  /** Takes over what another tab has written. Returns whether that concerned a conversation. */
  follow(key) {
    if (!key?.startsWith(PREFIX)) {
      return false;
    }
    this.#conversations.delete(key.slice(PREFIX.length));
    if (this.#storage.getItem(key) !== null) {
      this.#load(key);
    }
    return true;
  }

  /** All conversations as the text of a file. */
  exportText() {
    return JSON.stringify({ format: FORMAT, version: 1, conversations: this.list() }, null, 1);
  }

  /**
   * Adds the conversations of an exported file; one whose id is taken gets a new one, so nothing is replaced.
   *
   * @returns how many were added
   * @throws Error whose sentence says what is wrong with the file; nothing has been added then
   */
  importText(text) {
    if (text.length > MAX_IMPORT_BYTES) {
      throw new Error("the file is larger than 64 MiB");
    }
    let file;
    try {
      file = JSON.parse(text);
    } catch {
      throw new Error("the file is not JSON");
    }
    if (file?.format !== FORMAT || file.version !== 1 || !Array.isArray(file.conversations)) {
      throw new Error("the file was not exported from this page");
    }
    const conversations = file.conversations.map(checkConversation);
    for (const conversation of conversations) {
      if (this.#conversations.has(conversation.id)) {
        conversation.id = newId();
      }
      this.save(conversation);
    }
    return conversations.length;
  }

  #load(key) {
    try {
      const conversation = checkConversation(JSON.parse(this.#storage.getItem(key)));
      this.#conversations.set(conversation.id, conversation);
    } catch (error) {
      this.#onProblem(`A stored conversation cannot be read and was left alone: ${error.message}.`);
    }
  }
}

/** Storage that forgets, for browsers that forbid the real one. */
export function memoryStorage() {
  const values = new Map();
  const methods = {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => values.set(key, String(value)),
    removeItem: (key) => values.delete(key),
  };
  return new Proxy(methods, { ownKeys: () => [...values.keys()], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }) });
}

/** The browser's storage, or one that forgets. */
export function openStorage(name) {
  try {
    const storage = window[name];
    storage.getItem("sambay4j");
    return storage;
  } catch {
    return memoryStorage();
  }
}
