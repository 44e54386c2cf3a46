// What opens and closes around the conversation: list and parameters, dialogs; and the theme.

import { byId, icon } from "./dom.js";

const PARAMETERS = "sambay4j.parameters-open";
const THEME = "sambay4j.theme";
const THEMES = [
  { name: "system", symbol: "theme", words: "Theme: as the system" },
  { name: "light", symbol: "sun", words: "Theme: light" },
  { name: "dark", symbol: "moon", words: "Theme: dark" },
];

export class PagePanels {
  #api;
  #storage;
  #onKey;
  #sidebar = byId("sidebar");
  #parameters = byId("parameters");
  #scrim = byId("scrim");
  #phone = matchMedia("(max-width: 820px)");
  #narrow = matchMedia("(max-width: 1080px)");
  #opener = null;

  /** @param onKey called after the API key has changed */
  constructor(api, storage, onKey) {
    this.#api = api;
    this.#storage = storage;
    this.#onKey = onKey;
    byId("open-sidebar").addEventListener("click", () => this.#openSidebar());
    byId("close-sidebar").addEventListener("click", () => this.closeOverlay());
    byId("toggle-parameters").addEventListener("click", () => this.toggleParameters());
    byId("close-parameters").addEventListener("click", () => this.toggleParameters());
    this.#scrim.addEventListener("click", () => this.closeOverlay());
    for (const query of [this.#phone, this.#narrow]) {
      query.addEventListener("change", () => this.closeOverlay());
    }
    byId("theme").addEventListener("click", () => this.nextTheme());
    byId("help").addEventListener("click", () => this.showHelp());
    byId("api-key").addEventListener("click", () => this.askForKey());
    byId("key-form").addEventListener("submit", () => {
      this.#api.key = byId("key-field").value.trim();
      this.#onKey();
    });
    for (const button of document.querySelectorAll("dialog [data-close]")) {
      button.addEventListener("click", () => button.closest("dialog").close());
    }
    this.#showTheme(document.documentElement.dataset.theme ?? "system");
    if (!this.#narrow.matches && storage.getItem(PARAMETERS) === "open") {
      this.#setParameters(true);
    }
  }

  showHelp() {
    byId("help-dialog").showModal();
  }

  askForKey() {
    if (!byId("key-dialog").open) {
      byId("key-field").value = this.#api.key;
      byId("key-dialog").showModal();
    }
  }

  toggleParameters() {
    const open = this.#parameters.hidden;
    this.#setParameters(open);
    if (this.#narrow.matches) {
      this.#cover(open, byId("toggle-parameters"));
    } else {
      this.#storage.setItem(PARAMETERS, open ? "open" : "closed");
    }
    (open ? byId("close-parameters") : byId("toggle-parameters")).focus();
  }

  /** Closes what lies over the conversation on a small screen. Returns whether anything did. */
  closeOverlay() {
    if (this.#scrim.hidden) {
      return false;
    }
    this.#sidebar.classList.remove("open");
    byId("open-sidebar").setAttribute("aria-expanded", "false");
    this.#setParameters(false);
    const opener = this.#opener;
    this.#cover(false, null);
    opener?.focus();
    return true;
  }

  nextTheme() {
    const now = document.documentElement.dataset.theme ?? "system";
    const { name } = THEMES[(THEMES.findIndex((theme) => theme.name === now) + 1) % THEMES.length];
    if (name === "system") {
      delete document.documentElement.dataset.theme;
      this.#storage.removeItem(THEME);
    } else {
      document.documentElement.dataset.theme = name;
      this.#storage.setItem(THEME, name);
    }
    this.#showTheme(name);
  }

  #showTheme(name) {
    const { symbol, words } = THEMES.find((theme) => theme.name === name);
    byId("theme").replaceChildren(icon(symbol));
    byId("theme").setAttribute("aria-label", words);
    byId("theme").title = words;
  }

  #openSidebar() {
    this.#sidebar.classList.add("open");
    byId("open-sidebar").setAttribute("aria-expanded", "true");
    this.#cover(true, byId("open-sidebar"));
    byId("close-sidebar").focus();
  }

  #setParameters(open) {
    this.#parameters.hidden = !open;
    byId("toggle-parameters").setAttribute("aria-expanded", String(open));
  }

  /** While a panel covers the conversation, the latter takes neither focus nor clicks. */
  #cover(covered, opener) {
    this.#scrim.hidden = !covered;
    byId("main").inert = covered;
    this.#opener = opener;
  }
}
