// The messages of the conversation that is shown, drawn at most once a frame, and where they are scrolled to.

import { byId } from "./dom.js";
import { activePath } from "./conversation.js";
import { MessageView } from "./message-view.js";

const NEAR_END = 48;
const SLOW_FRAME_MS = 8;

export class ChatView {
  #actions;
  #scroller = byId("scroller");
  #messages = byId("messages");
  #jump = byId("jump");
  #views = new Map();
  #conversation = null;
  #generation = null;
  #stale = new Set();
  #scheduled = false;
  #follow = true;
  #lastTop = 0;

  /** @param actions what the buttons of a message do; see MessageView */
  constructor(actions) {
    this.#actions = actions;
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#jump.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.#keepEnd()).observe(this.#scroller);
  }

  /**
   * Shows a conversation as it is now.
   *
   * @param generation the generation that runs in it, or undefined
   */
  show(conversation, generation) {
    const other = this.#conversation !== conversation;
    if (other) {
      this.#views.clear();
      this.#follow = true;
    }
    this.#conversation = conversation;
    this.#generation = generation;
    const path = activePath(conversation);
    const views = path.map((message) => {
      if (!this.#views.has(message.id)) {
        this.#views.set(message.id, new MessageView(message, this.#actions));
      }
      return this.#views.get(message.id);
    });
    const elements = views.map((view) => view.element);
    path.forEach((message, index) => views[index].update(conversation, this.#writing(message)));
    if (elements.length !== this.#messages.children.length || elements.some((element, index) => element !== this.#messages.children[index])) {
      const focused = document.activeElement;
      this.#messages.replaceChildren(...elements);
      if (elements.some((element) => element.contains(focused))) {
        focused.focus({ preventScroll: true });
      }
    }
    byId("empty").hidden = path.length > 0;
    if (other) {
      this.toEnd();
    } else {
      this.#keepEnd();
    }
  }

  /** Draws a message again in the next frame; cheap to call for every token. */
  touch(message) {
    this.#stale.add(message);
    if (!this.#scheduled) {
      this.#scheduled = true;
      requestAnimationFrame(() => this.#draw());
    }
  }

  /** Opens the editor of the last question. */
  editLast() {
    const last = activePath(this.#conversation).findLast((message) => message.role === "user");
    this.#views.get(last?.id)?.edit();
  }

  toEnd() {
    this.#follow = true;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#jump.hidden = true;
  }

  #writing(message) {
    return this.#generation?.message === message ? this.#generation : undefined;
  }

  #draw() {
    const begin = performance.now();
    for (const message of this.#stale) {
      this.#views.get(message.id)?.update(this.#conversation, this.#writing(message));
    }
    this.#stale.clear();
    this.#keepEnd();
    // Where a frame's work is long, as with a very long block, fewer frames keep typing and scrolling smooth.
    const cost = performance.now() - begin;
    const rest = () => {
      this.#scheduled = false;
      if (this.#stale.size > 0) {
        this.touch(this.#stale.values().next().value);
      }
    };
    if (cost > SLOW_FRAME_MS) {
      setTimeout(rest, 3 * cost);
    } else {
      rest();
    }
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (atEnd) {
      this.#follow = true;
    } else if (scrollTop < this.#lastTop) {
      this.#follow = false;
    }
    this.#lastTop = scrollTop;
    this.#jump.hidden = atEnd;
  }

  #keepEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    if (this.#follow) {
      this.#scroller.scrollTop = scrollHeight;
    } else {
      this.#jump.hidden = scrollHeight - scrollTop - clientHeight < NEAR_END;
    }
  }
}
