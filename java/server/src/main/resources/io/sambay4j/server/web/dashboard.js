// What the server is doing: a few figures, and how they went over the last minutes.

import { byId, make, makeMeter, setMeter, setText, svgElement } from "./dom.js";
import { bytes, count, duration, percent, rate } from "./format.js";

const WIDTH = 100;
const HEIGHT = 30;

/** The cards, made once and then kept up to date. */
export class Dashboard {
  #root = byId("dashboard-view");
  #history;
  #cards = new Map();
  #facts = new Map();
  #cardGrid = make("div", { class: "cards" });
  #factList = make("dl", { class: "facts" });

  constructor(history) {
    this.#history = history;
    this.#root.append(this.#cardGrid, this.#factList);
  }

  update() {
    const samples = this.#history.samples;
    if (samples.length === 0) {
      return;
    }
    const { stats, ...now } = samples.at(-1);
    const { model, engine } = stats;
    const series = (name) => samples.map((sample) => sample[name]);
    const firstTokens = this.#history.firstTokens;
    const firstToken = firstTokens.length > 0 ? duration(firstTokens.reduce((sum, value) => sum + value, 0) / firstTokens.length) : "–";
    this.#card("Running", count(now.running), `of ${count(engine.slots)} at once`, { series: series("running") });
    this.#card("Waiting", count(now.waiting), `of ${count(engine.queue_limit)}`, { series: series("waiting") });
    this.#card("Generated", rate(now.generated), "tokens a second", { series: series("generated") });
    this.#card("Prompts read", rate(now.prompt), "tokens a second", { series: series("prompt") });
    this.#card("Time to first token", firstToken, "mean of this page", { series: firstTokens });
    this.#card("Prefix cache hits", percent(now.hitShare), `${count(engine.prefix_cache_hits)} of ${count(engine.prefix_cache_hits + engine.prefix_cache_misses)}`, { series: series("hitShare") });
    this.#card("Prefix cache", bytes(engine.prefix_cache_bytes), `of ${bytes(engine.prefix_cache_limit_bytes)}`, { share: share(engine.prefix_cache_bytes, engine.prefix_cache_limit_bytes) });
    this.#card("KV blocks", count(engine.cache_blocks_used), `of ${count(engine.cache_blocks)}`, { share: share(engine.cache_blocks_used, engine.cache_blocks) });

    this.#fact("Model", model.id);
    this.#fact("Version", stats.version);
    this.#fact("Device", model.device);
    this.#fact("Context", `${count(model.context_limit)} tokens`);
    this.#fact("Up for", duration(1000 * stats.uptime));
    this.#fact("Requests ended", count(engine.requests));
    this.#fact("Tokens generated", count(engine.generated_tokens));
    this.#fact("Prompt tokens read", count(engine.prompt_tokens));
    this.#fact("Prompt tokens saved by the cache", count(engine.prefix_cache_tokens_saved));
    this.#fact("States in the cache", count(engine.prefix_cache_entries));
    this.#fact("Evictions", count(engine.prefix_cache_evictions));
    this.#fact("Steps of the engine", count(engine.steps));
  }

  #card(title, value, unit, { series, share: part }) {
    if (!this.#cards.has(title)) {
      const id = `card-${title.toLowerCase().replaceAll(" ", "-")}`;
      const card = {
        value: make("span"),
        unit: make("small"),
        chart: series ? new Sparkline() : null,
        meter: series ? null : makeMeter(id),
      };
      const figure = make("p", { class: "value" }, card.value, " ", card.unit);
      this.#cardGrid.append(make("div", { class: "card" }, make("h3", { id }, title), figure, card.chart?.element ?? card.meter));
      this.#cards.set(title, card);
    }
    const card = this.#cards.get(title);
    setText(card.value, value);
    setText(card.unit, unit);
    card.chart?.draw(series);
    if (card.meter) {
      setMeter(card.meter, part);
    }
  }

  #fact(name, value) {
    if (!this.#facts.has(name)) {
      const text = make("dd");
      this.#factList.append(make("div", {}, make("dt", {}, name), text));
      this.#facts.set(name, text);
    }
    setText(this.#facts.get(name), value);
  }
}

/** A line without axes: how a figure went, from left to right. */
class Sparkline {
  #area = svgElement("path", { class: "area" });
  #line = svgElement("path", { class: "line" });

  constructor() {
    this.element = svgElement("svg", { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.element.append(this.#area, this.#line);
  }

  draw(series) {
    const values = series.length === 1 ? [series[0], series[0]] : series;
    if (values.length === 0) {
      return;
    }
    const top = Math.max(...values) || 1;
    const points = values.map((value, index) => `${((WIDTH * index) / (values.length - 1)).toFixed(2)} ${(HEIGHT - 1 - (HEIGHT - 3) * (value / top)).toFixed(2)}`);
    this.#line.setAttribute("d", `M${points.join("L")}`);
    this.#area.setAttribute("d", `M0 ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`);
  }
}

function share(part, whole) {
  return whole > 0 ? part / whole : 0;
}
