// What the server says of itself: its models, its figures, and whether it can be reached at all.

import { ApiError } from "./api.js";
import { banner } from "./notices.js";
import { readStats } from "./stats.js";

const POLL_BUSY_MS = 1000;
const POLL_IDLE_MS = 5000;

/** Asks again and again, more often while there is something to see, and not at all while the page is hidden. */
export class ServerWatch {
  #api;
  #history;
  #listener;
  #timer = 0;
  #troubled = false;
  models = [];

  /**
   * @param history the StatsHistory that readings are added to
   * @param listener modelName(): whose figures are wanted; busy(): whether to ask often; models(list) and stats(): called
   *     after news; askForKey(): called when the person wants to enter an API key
   */
  constructor(api, history, listener) {
    this.#api = api;
    this.#history = history;
    this.#listener = listener;
    document.addEventListener("visibilitychange", () => this.poll());
    window.addEventListener("online", () => this.poll());
  }

  /** Asks now, and from then on by itself. */
  async poll() {
    clearTimeout(this.#timer);
    if (document.hidden) {
      return;
    }
    try {
      if (this.models.length === 0) {
        // Other names of a model name it as their root; the list would only be longer for them.
        this.models = (await this.#api.get("v1/models")).data.filter(({ id, root }) => !root || root === id);
        this.#listener.models(this.models);
      }
      this.#history.add(readStats(await this.#api.get("stats"), this.#listener.modelName()));
      this.#troubled = false;
      banner(null);
    } catch (error) {
      this.#troubled = true;
      this.#showTrouble(error);
    }
    this.#listener.stats();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.poll(), this.#troubled || this.#listener.busy() ? POLL_BUSY_MS : POLL_IDLE_MS);
  }

  #showTrouble(error) {
    if (error instanceof ApiError && error.status === 401) {
      banner("This server asks for an API key.", { label: "Enter it", run: () => this.#listener.askForKey() });
    } else if (error instanceof ApiError && error.unreachable) {
      banner("The server cannot be reached. Trying again…");
    } else {
      banner(error.message);
    }
  }
}
