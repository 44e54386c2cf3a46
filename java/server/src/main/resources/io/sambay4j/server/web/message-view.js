// One message on the page.

import { growWithText, icon, iconButton, make, setText } from "./dom.js";
import { children } from "./conversation.js";
import { count, duration, rate } from "./format.js";
import { MarkdownView, copyText } from "./markdown.js";

const ENDINGS = {
  stopped: "Stopped.",
  length: "The answer reached the longest length allowed.",
  interrupted: "The page was closed before the answer was complete.",
  time_limit: "The answer ran out of time.",
};

/** Shows a message and keeps it up to date while it grows. */
export class MessageView {
  #message;
  #actions;
  #body = make("div", { class: "body" });
  #tools = make("div", { class: "tools" });
  #parts = null;
  #editing = false;

  /** @param actions edit(message, text), regenerate(message), retry(message), sibling(message, step) */
  constructor(message, actions) {
    this.#message = message;
    this.#actions = actions;
    const speaker = message.role === "user" ? "You" : "Answer";
    this.element = make("article", { class: `message ${message.role}`, "aria-label": speaker, "data-id": message.id }, this.#body, this.#tools);
  }

  /** @param generation the generation that writes this message, or undefined */
  update(conversation, generation) {
    if (this.#message.role === "user") {
      this.#showQuestion(conversation, generation);
    } else {
      this.#showAnswer(conversation, generation);
    }
  }

  /** Opens the field in which a question can be changed. */
  edit() {
    if (this.#editing) {
      return;
    }
    this.#editing = true;
    const field = make("textarea", { "aria-label": "Edit the message", rows: "1" });
    field.value = this.#message.content;
    growWithText(field);
    const close = () => {
      this.#editing = false;
      form.replaceWith(this.#bubble());
      this.#tools.hidden = false;
    };
    const form = make(
      "form",
      {
        class: "edit",
        submit: (event) => {
          event.preventDefault();
          if (field.value.trim()) {
            close();
            this.#actions.edit(this.#message, field.value);
          }
        },
        keydown: (event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            form.requestSubmit();
          } else if (event.key === "Escape") {
            event.stopPropagation();
            close();
            this.#tools.querySelector("[data-edit]")?.focus();
          }
        },
      },
      field,
      make("div", { class: "actions" }, make("button", { type: "button", class: "quiet", click: close }, "Cancel"), make("button", { type: "submit", class: "primary" }, "Send as a branch")),
    );
    this.#body.replaceChildren(form);
    this.#body.classList.add("editing");
    this.#tools.hidden = true;
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  #bubble() {
    this.#body.classList.remove("editing");
    return make("div", { class: "bubble" }, this.#message.content);
  }

  #showQuestion(conversation) {
    if (!this.#editing && !this.#body.firstChild) {
      this.#body.append(this.#bubble());
    }
    const edit = iconButton("edit", "Edit and branch", () => this.edit());
    edit.dataset.edit = "";
    this.#setTools([this.#copyButton(), edit, this.#siblings(conversation)]);
  }

  #showAnswer(conversation, generation) {
    this.#parts ??= this.#answerParts();
    const { thinking, thinkingLabel, thought, markdown, waiting, notice } = this.#parts;
    const message = this.#message;
    const live = Boolean(generation);

    thinking.hidden = !message.reasoning;
    if (message.reasoning) {
      const now = live && generation.thinking;
      thinking.classList.toggle("live", now);
      setText(thinkingLabel, thinkingText(message, now ? generation : null));
      if (thinking.open) {
        appendText(thought, message.reasoning.trimStart());
      }
    }
    markdown.update(message.content);
    waiting.hidden = !live || Boolean(message.content || message.reasoning);
    this.element.setAttribute("aria-busy", String(live));
    notice.replaceChildren(...(live ? [] : this.#notices()));
    this.#setTools(live ? [] : [this.#siblings(conversation), message.content ? this.#copyButton() : null, iconButton("refresh", "Answer again", () => this.#actions.regenerate(message)), metricsElement(message)]);
  }

  #answerParts() {
    const thinkingLabel = make("span");
    const thought = make("div", { class: "thought" });
    const thinking = make("details", { class: "thinking" }, make("summary", {}, icon("down"), thinkingLabel), thought);
    thinking.addEventListener("toggle", () => thinking.open && appendText(thought, (this.#message.reasoning ?? "").trimStart()));
    const content = make("div", { class: "markdown" });
    const waiting = make("div", { class: "waiting", role: "img", "aria-label": "Waiting for the first word" }, make("i"), make("i"), make("i"));
    const notice = make("div");
    this.#body.append(thinking, content, waiting, notice);
    return { thinking, thinkingLabel, thought, markdown: new MarkdownView(content), waiting, notice };
  }

  #notices() {
    const message = this.#message;
    if (message.finish === "error") {
      const retry = make("button", { type: "button", click: () => this.#actions.retry(message) }, "Try again");
      return [make("div", { class: "notice bad", role: "alert" }, icon("alert"), make("span", {}, message.error), retry)];
    }
    if (Object.hasOwn(ENDINGS, message.finish ?? "")) {
      return [make("div", { class: "notice" }, ENDINGS[message.finish])];
    }
    return message.content || message.reasoning ? [] : [make("div", { class: "notice" }, "The answer is empty.")];
  }

  #siblings(conversation) {
    const all = children(conversation, this.#message.parent);
    if (all.length < 2) {
      return null;
    }
    const place = all.indexOf(this.#message);
    const step = (name, label, by) => {
      const button = iconButton(name, label, () => this.#actions.sibling(this.#message, by));
      button.disabled = !all[place + by];
      button.dataset.step = by;
      return button;
    };
    const where = make("span", { class: "figure", role: "img", "aria-label": `Branch ${place + 1} of ${all.length}` }, `${place + 1}/${all.length}`);
    return make("span", { class: "siblings" }, step("left", "Earlier branch", -1), where, step("right", "Later branch", 1));
  }

  #copyButton() {
    const button = iconButton("copy", "Copy", () => copyText(this.#message.content, button));
    return button;
  }

  #setTools(tools) {
    const wanted = tools.filter(Boolean);
    // Only what differs is replaced, so that a focused button keeps the focus while the text around it grows.
    const signature = wanted.map((tool) => tool.getAttribute("aria-label") ?? tool.textContent).join("|");
    if (this.#tools.dataset.signature !== signature) {
      this.#tools.dataset.signature = signature;
      this.#tools.replaceChildren(...wanted);
    }
  }
}

function thinkingText(message, generation) {
  if (generation) {
    return `Thinking… ${duration(Math.max(1000, generation.thinkingTime))}, ${count(generation.tokens)} tokens`;
  }
  const time = message.metrics?.thinkingMs;
  return time >= 1000 ? `Thought for ${duration(time)}` : "Thought";
}

/** Makes the text node of `element` end like `text`, touching only what is new. */
function appendText(element, text) {
  const node = element.firstChild ?? element.appendChild(document.createTextNode(""));
  if (text.startsWith(node.data)) {
    node.appendData(text.slice(node.length));
  } else {
    node.data = text;
  }
}

function metricsElement({ metrics }) {
  if (!metrics?.completionTokens) {
    return null;
  }
  const parts = [`${count(metrics.completionTokens)} tokens`];
  if (metrics.tokensPerSecond) {
    parts.push(`${rate(metrics.tokensPerSecond)} a second`);
  }
  parts.push(`first after ${duration(metrics.firstTokenMs)}`);
  const cached = metrics.promptTokens === undefined ? null : `${count(metrics.cachedTokens)} of ${count(metrics.promptTokens)} prompt tokens came from the cache`;
  return make("span", { class: "metrics figure", title: cached }, parts.join(" · "));
}
