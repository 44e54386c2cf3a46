// Separates a thought written between two tags at the start of an answer from the answer itself, while it streams.

/**
 * Fed pieces of text, says which part of each is thought and which is answer. The opening tag counts only at the very
 * start, so that an answer may talk about the tags. Text that may yet turn out to be a tag is held back.
 */
export class ThinkingSplitter {
  #open;
  #close;
  #held = "";
  #phase;

  /** @param open the opening tag; empty for models that do not think aloud
   *  @param close the closing tag */
  constructor(open, close) {
    this.#open = open;
    this.#close = close;
    this.#phase = open && close ? "start" : "answer";
  }

  /** @returns {{reasoning: string, content: string}} */
  push(text) {
    const result = { reasoning: "", content: "" };
    this.#held += text;
    if (this.#phase === "start") {
      const begun = this.#held.trimStart();
      if (begun.startsWith(this.#open)) {
        this.#phase = "thinking";
        this.#held = begun.slice(this.#open.length).trimStart();
      } else if (!this.#open.startsWith(begun)) {
        this.#phase = "answer";
      }
    }
    if (this.#phase === "thinking") {
      const end = this.#held.indexOf(this.#close);
      if (end >= 0) {
        result.reasoning = this.#held.slice(0, end).trimEnd();
        this.#held = this.#held.slice(end + this.#close.length);
        this.#phase = "after";
      } else {
        const keep = lengthOfPossibleTag(this.#held, this.#close);
        result.reasoning = this.#held.slice(0, this.#held.length - keep);
        this.#held = this.#held.slice(this.#held.length - keep);
      }
    }
    if (this.#phase === "after") {
      this.#held = this.#held.trimStart();
      if (this.#held) {
        this.#phase = "answer";
      }
    }
    if (this.#phase === "answer") {
      result.content = this.#held;
      this.#held = "";
    }
    return result;
  }

  /** What was still held back when the answer ended. */
  finish() {
    const rest = this.#held;
    this.#held = "";
    return this.#phase === "thinking" ? { reasoning: rest, content: "" } : { reasoning: "", content: rest };
  }
}

function lengthOfPossibleTag(text, tag) {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (tag.startsWith(text.slice(-length))) {
      return length;
    }
  }
  return 0;
}
