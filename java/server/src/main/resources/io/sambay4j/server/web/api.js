// The server's HTTP interface.

import { readEvents } from "./sse.js";

const KEY = "sambay4j.api-key";

/** A request that did not succeed, in words for the person at the page. */
export class ApiError extends Error {
  /** @param status the HTTP status, or 0 when there was no answer at all */
  constructor(message, status, parameter = null) {
    super(message);
    this.status = status;
    this.parameter = parameter;
  }

  /** Whether the server could not be reached. */
  get unreachable() {
    return this.status === 0;
  }
}

/** Talks to the server that served the page. The API key stays in this tab and is gone when it closes. */
export class Api {
  #session;

  constructor(sessionStorage) {
    this.#session = sessionStorage;
  }

  get key() {
    return this.#session.getItem(KEY) ?? "";
  }

  set key(value) {
    if (value) {
      this.#session.setItem(KEY, value);
    } else {
      this.#session.removeItem(KEY);
    }
  }

  async get(path) {
    return await (await this.#send(path, { method: "GET" })).json();
  }

  /**
   * Asks for a streamed chat completion and yields its chunks. Ends normally only if the server said that the answer is
   * complete.
   *
   * @throws ApiError if the server refuses, breaks off or says so in the stream; DOMException AbortError when aborted
   */
  async *chat(request, signal) {
    const response = await this.#send("v1/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify(request),
      signal,
    });
    try {
      for await (const data of readEvents(response.body)) {
        if (data === "[DONE]") {
          return;
        }
        const chunk = JSON.parse(data);
        if (chunk.error) {
          throw new ApiError(sentence(chunk.error.message), Number(chunk.error.code) || 500);
        }
        yield chunk;
      }
    } catch (error) {
      if (error instanceof ApiError || signal?.aborted) {
        throw error;
      }
      throw new ApiError("The connection to the server was lost before the answer was complete.", 0);
    }
    throw new ApiError("The server ended the answer before it was complete.", 0);
  }

  async #send(path, options) {
    const headers = { ...options.headers };
    if (this.key) {
      headers.Authorization = `Bearer ${this.key}`;
    }
    let response;
    try {
      response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
    } catch (error) {
      if (options.signal?.aborted) {
        throw error;
      }
      throw new ApiError("The server cannot be reached. Is it still running?", 0);
    }
    if (!response.ok) {
      throw await errorOf(response);
    }
    return response;
  }
}

async function errorOf(response) {
  let detail = null;
  try {
    detail = (await response.json()).error;
  } catch {
    // Not this server's own answer, for instance that of a proxy: the status must do.
  }
  if (response.status === 401) {
    return new ApiError("The server asks for an API key, and this one was not accepted.", 401);
  }
  const waiting = response.status === 503 || response.status === 429;
  const fallback = waiting ? "The server is busy. Try again in a moment." : `The server answered with status ${response.status}.`;
  return new ApiError(detail?.message ? sentence(detail.message) : fallback, response.status, detail?.param ?? null);
}

function sentence(message) {
  const text = String(message ?? "The server reported an error without saying which.").trim();
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
