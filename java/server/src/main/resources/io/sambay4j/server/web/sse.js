// Server-sent events from a response body, as the HTML standard describes the format.

/** Yields the data of each event of a byte stream. Comments, such as keep-alive pings, are passed over. */
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      yield* parser.push(part.value);
    }
  } finally {
    // Also when the consumer leaves early: tells the server that nobody listens any more.
    reader.cancel().catch(() => {});
  }
}

/** Cuts text, in whatever pieces it arrives, into events. An event that was not finished is dropped, as the standard says. */
export class EventParser {
  #rest = "";
  #data = [];

  push(text) {
    const events = [];
    this.#rest += text;
    // A carriage return at the very end may be the first half of a CR LF that has not arrived yet.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) {
          events.push(this.#data.join("\n"));
        }
        this.#data = [];
      } else if (line.startsWith("data:")) {
        this.#data.push(line.slice(line[5] === " " ? 6 : 5));
      }
    }
    return events;
  }
}
