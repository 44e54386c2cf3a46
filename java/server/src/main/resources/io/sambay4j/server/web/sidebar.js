// The list of conversations.

import { byId, iconButton, make } from "./dom.js";
import { titleOf } from "./conversation.js";

export class Sidebar {
  #actions;
  #renaming = null;

  /** @param actions rename(conversation, title), remove(conversation) */
  constructor(actions) {
    this.#actions = actions;
  }

  /** @param busy says of a conversation's id whether an answer is being written in it */
  show(conversations, currentId, busy) {
    if (this.#renaming) {
      return;
    }
    const list = byId("conversation-list");
    const focused = list.contains(document.activeElement) ? document.activeElement.closest("li").dataset.id : null;
    list.replaceChildren(...conversations.map((conversation) => this.#item(conversation, conversation.id === currentId, busy(conversation.id))));
    byId("no-conversations").hidden = conversations.length > 0;
    if (focused) {
      list.querySelector(`li[data-id="${focused}"] a`)?.focus();
    }
  }

  #item(conversation, current, busy) {
    const title = titleOf(conversation);
    return make(
      "li",
      { class: current ? "conversation current" : "conversation", "data-id": conversation.id },
      busy ? make("span", { class: "busy", role: "img", "aria-label": "Answering" }) : null,
      make("a", { href: `#/c/${conversation.id}`, title, "aria-current": current ? "page" : null }, title),
      iconButton("edit", `Rename ${title}`, () => this.#rename(conversation)),
      iconButton("trash", `Delete ${title}`, () => this.#actions.remove(conversation)),
    );
  }

  #rename(conversation) {
    const item = byId("conversation-list").querySelector(`li[data-id="${conversation.id}"]`);
    const field = make("input", { type: "text", "aria-label": "Name of the chat", maxlength: "200" });
    field.value = titleOf(conversation);
    const close = (keep) => {
      if (this.#renaming === conversation.id) {
        this.#renaming = null;
        this.#actions.rename(conversation, keep ? field.value.trim() : conversation.title);
        byId("conversation-list").querySelector(`li[data-id="${conversation.id}"] a`)?.focus();
      }
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        close(event.key === "Enter");
      }
    });
    field.addEventListener("blur", () => close(true));
    this.#renaming = conversation.id;
    item.replaceChildren(field);
    field.select();
  }
}
