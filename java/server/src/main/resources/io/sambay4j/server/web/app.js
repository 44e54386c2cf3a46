// Puts the parts of the page together: which conversation is shown, what is asked, what the server says of itself.

import { Api } from "./api.js";
import { ChatView } from "./chat-view.js";
import { activePath, addMessage, children, newConversation, pathTo, selectSibling, titleOf } from "./conversation.js";
import { Dashboard } from "./dashboard.js";
import { byId, growWithText, make, placeIcons, setText } from "./dom.js";
import { examplesFor } from "./examples.js";
import { count } from "./format.js";
import { showGauges } from "./gauges.js";
import { Generation } from "./generation.js";
import { announce, toast } from "./notices.js";
import { ParametersPanel } from "./parameters-panel.js";
import { PagePanels } from "./page-panels.js";
import { loadSettings, problemOf, requestOf, saveSettings } from "./settings.js";
import { ServerWatch } from "./server-watch.js";
import { listenForShortcuts } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { StatsHistory } from "./stats.js";
import { ConversationStore, openStorage } from "./store.js";

const GAUGE_MS = 250;
const SAVE_EVERY_MS = 2000;
const SPOKEN_LENGTH = 500;

class App {
  #storage = openStorage("localStorage");
  #api = new Api(openStorage("sessionStorage"));
  #settings = loadSettings(this.#storage);
  #store = new ConversationStore(this.#storage, (sentence) => toast(sentence));
  #history = new StatsHistory();
  #dashboard = new Dashboard(this.#history);
  #generations = new Map();
  #conversation = newConversation();
  #gaugeTimer = 0;
  #leaving = false;
  #prompt = byId("prompt");
  #panels = new PagePanels(this.#api, this.#storage, () => this.#watch.poll());
  #parameters = new ParametersPanel(this.#settings, () => {
    saveSettings(this.#storage, this.#settings);
    this.#showModel();
  });
  #watch = new ServerWatch(this.#api, this.#history, {
    modelName: () => this.#settings.model,
    busy: () => this.#generations.size > 0 || location.hash === "#/dashboard",
    models: (models) => {
      this.#parameters.setModels(models);
      this.#showModel();
    },
    stats: () => this.#showStats(),
    askForKey: () => this.#panels.askForKey(),
  });
  #sidebar = new Sidebar({
    rename: (conversation, title) => {
      conversation.title = title;
      this.#store.save(conversation);
      this.#show();
    },
    remove: (conversation) => this.#remove(conversation),
  });
  #chat = new ChatView({
    edit: (message, text) => this.#ask(text, message.parent),
    regenerate: (message) => this.#answer(message.parent),
    retry: (message) => this.#retry(message),
    sibling: (message, step) => this.#goToSibling(message, step),
  });

  start() {
    placeIcons(document);
    growWithText(this.#prompt);
    this.#closeInterrupted();
    this.#listen();
    this.#showModel();
    this.#route();
  }

  #listen() {
    window.addEventListener("hashchange", () => this.#route());
    window.addEventListener("pagehide", () => this.#leave());
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());
    window.addEventListener("storage", (event) => {
      if (!this.#generations.size && this.#store.follow(event.key)) {
        this.#conversation = this.#store.get(this.#conversation.id) ?? this.#conversation;
        this.#show();
      }
    });

    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#prompt.addEventListener("input", () => this.#showControls());
    this.#prompt.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.#send();
      } else if (event.key === "ArrowUp" && this.#prompt.value === "" && !this.#current) {
        event.preventDefault();
        this.#chat.editLast();
      }
    });
    byId("stop").addEventListener("click", () => this.#current?.stop());
    byId("new-chat").addEventListener("click", () => this.#newChat());
    byId("show-dashboard").addEventListener("click", () => this.#toggleDashboard());
    byId("back-to-chat").addEventListener("click", () => this.#toggleDashboard());
    byId("export").addEventListener("click", () => this.#export());
    byId("import").addEventListener("click", () => byId("import-file").click());
    byId("import-file").addEventListener("change", (event) => this.#import(event.target));

    const shortcuts = [
      { key: "/", words: "Go to the message field", run: () => this.#prompt.focus() },
      { key: "n", words: "New chat", run: () => this.#newChat() },
      { key: "r", words: "Answer again", run: () => this.#regenerateLast() },
      { key: "e", words: "Edit the last question", run: () => this.#chat.editLast() },
      { key: "[", words: "Earlier branch of the last message that has any", run: () => this.#stepBranch(-1) },
      { key: "]", words: "Later branch", run: () => this.#stepBranch(1) },
      { key: "p", words: "Parameters", run: () => this.#panels.toggleParameters() },
      { key: "d", words: "Dashboard", run: () => this.#toggleDashboard() },
      { key: "t", words: "Theme", run: () => this.#panels.nextTheme() },
      { key: "?", words: "This list", run: () => this.#panels.showHelp() },
    ];
    listenForShortcuts(shortcuts, () => this.#panels.closeOverlay() || this.#stopCurrent(), this.#storage);
  }

  // Where the page is: an empty chat, a conversation, or the dashboard.

  #route() {
    const [view, id] = location.hash.slice(2).split("/");
    if (view === "c" && this.#store.get(id)) {
      this.#conversation = this.#store.get(id);
    } else if (view !== "dashboard") {
      this.#conversation = newConversation();
    }
    this.#panels.closeOverlay();
    this.#show();
    this.#watch.poll();
    if (view !== "dashboard" && matchMedia("(hover: hover)").matches) {
      this.#prompt.focus();
    }
  }

  #newChat() {
    if (location.hash.length > 2) {
      location.hash = "#/";
    } else {
      this.#route();
    }
  }

  #toggleDashboard() {
    const open = location.hash === "#/dashboard";
    location.hash = open ? this.#addressOfConversation() : "#/dashboard";
  }

  #addressOfConversation() {
    return this.#store.get(this.#conversation.id) ? `#/c/${this.#conversation.id}` : "#/";
  }

  #show() {
    const dashboard = location.hash === "#/dashboard";
    byId("chat-view").hidden = dashboard;
    byId("dashboard-view").hidden = !dashboard;
    byId("back-to-chat").hidden = !dashboard;
    byId("toggle-parameters").hidden = dashboard;
    byId("show-dashboard").toggleAttribute("aria-current", false);
    if (dashboard) {
      byId("show-dashboard").setAttribute("aria-current", "page");
      this.#dashboard.update();
    } else {
      this.#chat.show(this.#conversation, this.#current);
    }
    const title = dashboard ? "Dashboard" : titleOf(this.#conversation);
    setText(byId("title"), title);
    document.title = this.#conversation.messages.length > 0 || dashboard ? `${title} · sambay4j` : "sambay4j";
    this.#sidebar.show(this.#store.list(), dashboard ? null : this.#conversation.id, (id) => this.#generations.has(id));
    this.#showControls();
    this.#showGauges();
  }

  #showControls() {
    const running = Boolean(this.#current);
    byId("stop").hidden = !running;
    byId("send").hidden = running;
    byId("send").disabled = this.#prompt.value.trim() === "";
  }

  // Asking and answering.

  get #current() {
    return this.#generations.get(this.#conversation.id);
  }

  #send() {
    const text = this.#prompt.value;
    if (text.trim() === "" || this.#current) {
      return;
    }
    this.#prompt.value = "";
    this.#prompt.dispatchEvent(new Event("input"));
    this.#chat.toEnd();
    this.#ask(text, activePath(this.#conversation).at(-1)?.id ?? null);
  }

  #ask(text, parent) {
    const question = addMessage(this.#conversation, parent, "user", text);
    this.#store.save(this.#conversation);
    history.replaceState(null, "", `#/c/${this.#conversation.id}`);
    this.#answer(question.id);
  }

  /** Writes a new answer below the question with this id, next to those that are there. */
  #answer(parent) {
    if (this.#current) {
      return;
    }
    const problem = problemOf("extra", this.#settings.extra);
    if (problem) {
      toast(`Further request fields were left out. ${problem}`);
    }
    const conversation = this.#conversation;
    const path = pathTo(conversation, parent);
    const request = requestOf(this.#settings, this.#watch.models[0]?.id ?? "", path);
    const message = addMessage(conversation, parent, "assistant", "");
    message.model = request.model;
    const tags = { open: this.#settings.think_open, close: this.#settings.think_close };
    const generation = new Generation(this.#api, request, message, tags, () => this.#progress(conversation, generation));
    this.#generations.set(conversation.id, generation);
    generation.saved = performance.now();
    announce("Answering");
    this.#show();
    this.#watch.poll();
    generation.run();
  }

  #progress(conversation, generation) {
    if (this.#leaving) {
      return;
    }
    if (generation.finished) {
      this.#finish(conversation, generation);
      return;
    }
    if (performance.now() - generation.saved > SAVE_EVERY_MS) {
      generation.saved = performance.now();
      this.#store.save(conversation);
    }
    if (conversation === this.#conversation) {
      this.#chat.touch(generation.message);
    }
  }

  #finish(conversation, generation) {
    const { message } = generation;
    this.#generations.delete(conversation.id);
    if (this.#store.get(conversation.id)) {
      this.#store.save(conversation);
    }
    if (message.metrics.firstTokenMs !== undefined) {
      this.#history.addFirstToken(message.metrics.firstTokenMs);
    }
    if (generation.status === 401) {
      this.#panels.askForKey();
    }
    this.#show();
    this.#watch.poll();
    if (conversation === this.#conversation) {
      const spoken = message.content.length > SPOKEN_LENGTH ? `${message.content.slice(0, SPOKEN_LENGTH)}…` : message.content;
      announce(message.finish === "error" ? message.error : `Answer: ${spoken}`);
    }
  }

  #retry(message) {
    if (this.#current) {
      return;
    }
    // A failure that left nothing behind needs no branch of its own.
    if (!message.content && !message.reasoning && children(this.#conversation, message.id).length === 0) {
      this.#conversation.messages.splice(this.#conversation.messages.indexOf(message), 1);
    }
    this.#answer(message.parent);
  }

  #regenerateLast() {
    const last = activePath(this.#conversation).at(-1);
    if (last) {
      this.#answer(last.role === "assistant" ? last.parent : last.id);
    }
  }

  #stopCurrent() {
    this.#current?.stop();
    return Boolean(this.#current);
  }

  #goToSibling(message, step) {
    if (selectSibling(this.#conversation, message, step)) {
      this.#store.save(this.#conversation);
      this.#show();
      const shown = activePath(this.#conversation).find(({ parent }) => parent === message.parent);
      const place = children(this.#conversation, message.parent);
      announce(`Branch ${place.indexOf(shown) + 1} of ${place.length}`);
      const buttons = document.querySelectorAll(`[data-id="${shown.id}"] .siblings button:not(:disabled)`);
      ([...buttons].find((button) => button.dataset.step === String(step)) ?? buttons[0])?.focus();
    }
  }

  #stepBranch(step) {
    const forked = activePath(this.#conversation).findLast(({ parent }) => children(this.#conversation, parent).length > 1);
    if (forked) {
      this.#goToSibling(forked, step);
    }
  }

  // Conversations as a whole.

  /** Answers that were being written when the page went away will not be finished. */
  #closeInterrupted() {
    for (const conversation of this.#store.list()) {
      const open = conversation.messages.filter(({ role, finish }) => role === "assistant" && !finish);
      open.forEach((message) => (message.finish = "interrupted"));
      if (open.length > 0) {
        this.#store.save(conversation);
      }
    }
  }

  /** The browser breaks off what runs when the page goes away; that is no failure of the server. */
  #leave() {
    this.#generations.forEach((_, id) => this.#store.get(id) && this.#store.save(this.#store.get(id)));
    this.#leaving = true;
  }

  #remove(conversation) {
    this.#generations.get(conversation.id)?.stop();
    this.#store.remove(conversation.id);
    if (conversation === this.#conversation) {
      this.#newChat();
    }
    this.#show();
    byId("new-chat").focus();
    toast(`Deleted “${titleOf(conversation)}”.`, {
      label: "Undo",
      run: () => {
        this.#store.save(conversation);
        location.hash = `#/c/${conversation.id}`;
        this.#show();
      },
    });
  }

  #export() {
    const address = URL.createObjectURL(new Blob([this.#store.exportText()], { type: "application/json" }));
    const day = new Date().toISOString().slice(0, 10);
    make("a", { href: address, download: `sambay4j-chats-${day}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  async #import(field) {
    const [file] = field.files;
    try {
      const number = this.#store.importText(await file.text());
      toast(number === 1 ? "One chat was added." : `${count(number)} chats were added.`);
    } catch (error) {
      toast(`Nothing was imported: ${error.message}.`);
    }
    field.value = "";
    this.#show();
  }

  // What the server says of itself.

  #showModel() {
    const model = this.#settings.model || (this.#watch.models[0]?.id ?? "");
    setText(byId("model-name"), model);
    const { hint, examples } = examplesFor(model);
    setText(byId("empty-hint"), hint);
    const send = (text) => {
      this.#prompt.value = text;
      this.#send();
    };
    byId("examples").replaceChildren(...examples.map((text) => make("li", {}, make("button", { type: "button", click: () => send(text) }, text))));
  }

  #showStats() {
    const latest = this.#history.latest;
    if (latest) {
      this.#parameters.setDefaults(latest.model.default_sampling);
    }
    if (location.hash === "#/dashboard") {
      this.#dashboard.update();
    }
    this.#showGauges();
  }

  #showGauges() {
    showGauges(activePath(this.#conversation), this.#current, this.#history.latest?.model.context_limit ?? 0);
    clearTimeout(this.#gaugeTimer);
    if (this.#current) {
      this.#gaugeTimer = setTimeout(() => this.#showGauges(), GAUGE_MS);
    }
  }
}

new App().start();
