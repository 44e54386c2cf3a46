// One answer being written: the request, the chunks that come back, and how fast they come.

import { ApiError } from "./api.js";
import { ThinkingSplitter } from "./thinking.js";

const RATE_WINDOW_MS = 2000;

/** Fills an assistant message from the server's stream. */
export class Generation {
  #api;
  #request;
  #splitter;
  #onChange;
  #abort = new AbortController();
  #arrivals = [];
  #started = performance.now();
  #firstToken = null;
  #lastToken = null;
  #tokens = 0;
  #thoughtFrom = null;
  #thoughtUntil = null;
  #timings = null;

  /**
   * @param message the assistant message to fill: content, reasoning, finish, error, metrics
   * @param tags the opening and closing tag of a thought
   * @param onChange called after each change, and at last with `finished` true
   */
  constructor(api, request, message, tags, onChange) {
    this.#api = api;
    this.#request = request;
    this.message = message;
    this.#splitter = new ThinkingSplitter(tags.open, tags.close);
    this.#onChange = onChange;
    this.thinking = false;
    this.finished = false;
  }

  /** Runs to the end; never throws. What went wrong is in the message. */
  async run() {
    const message = this.message;
    try {
      for await (const chunk of this.#api.chat(this.#request, this.#abort.signal)) {
        this.#take(chunk);
        this.#onChange(this);
      }
      message.finish ??= "stop";
    } catch (error) {
      if (this.#abort.signal.aborted) {
        message.finish = "stopped";
      } else {
        message.finish = "error";
        message.error = error instanceof ApiError ? error.message : `The page failed while reading the answer: ${error.message}`;
        this.status = error.status;
      }
    }
    this.#append(this.#splitter.finish());
    this.#measure();
    this.thinking = false;
    this.finished = true;
    this.#onChange(this);
  }

  /** Ends the answer where it is; what has arrived stays. */
  stop() {
    this.#abort.abort();
  }

  /** Tokens a second over the last two seconds. */
  get rate() {
    const now = performance.now();
    while (this.#arrivals.length > 0 && now - this.#arrivals[0] > RATE_WINDOW_MS) {
      this.#arrivals.shift();
    }
    const span = now - Math.max(this.#firstToken ?? now, now - RATE_WINDOW_MS);
    return span > 0 ? (1000 * this.#arrivals.length) / span : 0;
  }

  /** Tokens received so far. */
  get tokens() {
    return this.#tokens;
  }

  /** Milliseconds since the request was sent. */
  get elapsed() {
    return performance.now() - this.#started;
  }

  /** Milliseconds since the thought began. */
  get thinkingTime() {
    return performance.now() - (this.#thoughtFrom ?? performance.now());
  }

  #take(chunk) {
    const choice = chunk.choices?.[0];
    const delta = choice?.delta ?? {};
    const thought = delta.reasoning_content ?? delta.reasoning ?? "";
    const text = delta.content ?? delta.refusal ?? "";
    if (thought || text) {
      const now = performance.now();
      this.#firstToken ??= now;
      this.#lastToken = now;
      this.#arrivals.push(now);
      this.#tokens++;
    }
    const split = text ? this.#splitter.push(text) : { reasoning: "", content: "" };
    this.#append({ reasoning: thought + split.reasoning, content: split.content });
    if (thought || split.reasoning) {
      this.#thoughtFrom ??= performance.now();
      this.#thoughtUntil = performance.now();
    }
    if (thought || split.reasoning || split.content) {
      this.thinking = !split.content;
    }
    if (choice?.finish_reason) {
      this.message.finish = choice.finish_reason;
    }
    this.usage = chunk.usage ?? this.usage;
    this.#timings = chunk.timings ?? this.#timings;
  }

  #append({ reasoning, content }) {
    if (reasoning) {
      this.message.reasoning = (this.message.reasoning ?? "") + reasoning;
    }
    this.message.content += content;
  }

  #measure() {
    const metrics = {};
    if (this.#firstToken !== null) {
      metrics.firstTokenMs = this.#firstToken - this.#started;
      metrics.completionTokens = this.usage?.completion_tokens ?? this.#tokens;
      const seconds = (this.#lastToken - this.#firstToken) / 1000;
      // The server's own figure where it came; what arrived here where the answer was broken off.
      const measured = seconds > 0 ? (metrics.completionTokens - 1) / seconds : 0;
      metrics.tokensPerSecond = this.#timings?.generated_tokens_per_second || measured;
    }
    if (this.#thoughtFrom !== null) {
      metrics.thinkingMs = this.#thoughtUntil - this.#thoughtFrom;
    }
    if (this.usage) {
      metrics.promptTokens = this.usage.prompt_tokens;
      metrics.cachedTokens = this.usage.prompt_tokens_details?.cached_tokens ?? 0;
    }
    this.message.metrics = metrics;
  }
}
