// Short messages from the page itself.

import { byId, make } from "./dom.js";

const TOAST_MS = 8000;
const TOAST_WITH_ACTION_MS = 30_000;

/** Shows a sentence for a while, with one thing to do about it if given. */
export function toast(sentence, action = null) {
  const element = make("div", { class: "toast" }, make("span", {}, sentence));
  if (action) {
    element.append(
      make(
        "button",
        {
          type: "button",
          click: () => {
            element.remove();
            action.run();
          },
        },
        action.label,
      ),
    );
  }
  byId("toasts").append(element);
  setTimeout(() => element.remove(), action ? TOAST_WITH_ACTION_MS : TOAST_MS);
}

/** Shows a sentence above the conversation until it is replaced; null takes it away. */
export function banner(sentence, action = null) {
  const element = byId("banner");
  if (element.dataset.sentence === (sentence ?? "")) {
    return;
  }
  element.dataset.sentence = sentence ?? "";
  element.hidden = !sentence;
  element.replaceChildren(
    ...(sentence ? [make("span", {}, sentence)] : []),
    ...(sentence && action ? [make("button", { type: "button", click: action.run }, action.label)] : []),
  );
}

/** Tells something to those who listen to the page. */
export function announce(sentence) {
  byId("announcer").textContent = sentence;
}
