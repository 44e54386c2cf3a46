// The keyboard.

import { byId, make } from "./dom.js";

const KEY = "sambay4j.single-keys";

/**
 * Listens for shortcuts and lists them in the help dialog.
 *
 * @param shortcuts list of {key, words, run}: single keys that act outside text fields
 * @param stop called on Escape outside dialogs; returns whether there was something to stop
 */
export function listenForShortcuts(shortcuts, stop, storage) {
  const fixed = [
    { keys: ["Enter"], words: "Send" },
    { keys: ["Shift", "Enter"], words: "New line" },
    { keys: ["↑"], words: "In the empty field: edit the last question" },
    { keys: ["Esc"], words: "Stop the answer; close what is open" },
  ];
  const rows = [...fixed, ...shortcuts.map(({ key, words }) => ({ keys: [key], words }))];
  byId("shortcut-list").replaceChildren(...rows.flatMap(({ keys, words }) => [make("dt", {}, ...keys.map((key) => make("kbd", {}, key))), make("dd", {}, words)]));

  const toggle = byId("single-keys");
  toggle.checked = storage.getItem(KEY) !== "off";
  toggle.addEventListener("change", () => storage.setItem(KEY, toggle.checked ? "on" : "off"));

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) {
      return;
    }
    if (event.key === "Escape") {
      if (stop()) {
        event.preventDefault();
      }
      return;
    }
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !toggle.checked) {
      return;
    }
    const shortcut = shortcuts.find(({ key }) => key === event.key);
    if (shortcut) {
      event.preventDefault();
      shortcut.run();
    }
  });
}
