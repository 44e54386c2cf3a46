// The server's `/stats`, brought into the shape that gauges and dashboard use.

const SAMPLES = 120;

/** What the server says of one model, or of its first if it has none of that name. */
export function readStats(answer, modelName) {
  const model = answer.models.find(({ id }) => id === modelName) ?? answer.models[0];
  return { model, engine: model.engine, version: answer.version, uptime: answer.uptime_seconds };
}

/** Successive readings, and what follows from two of them: rates. */
export class StatsHistory {
  #previous = null;
  samples = [];
  firstTokens = [];

  add(stats, now = performance.now()) {
    const before = this.#previous;
    // Counters that went back mean that the server was started anew.
    const seconds = before && stats.uptime >= before.stats.uptime ? (now - before.time) / 1000 : 0;
    const perSecond = (name) => (seconds > 0 ? Math.max(0, stats.engine[name] - before.stats.engine[name]) / seconds : 0);
    const lookups = stats.engine.prefix_cache_hits + stats.engine.prefix_cache_misses;
    const sample = {
      stats,
      running: stats.engine.running,
      waiting: stats.engine.waiting,
      generated: perSecond("generated_tokens"),
      prompt: perSecond("prompt_tokens"),
      hitShare: lookups > 0 ? stats.engine.prefix_cache_hits / lookups : 0,
    };
    this.#previous = { stats, time: now };
    this.samples = [...this.samples.slice(1 - SAMPLES), sample];
  }

  get latest() {
    return this.samples.at(-1)?.stats ?? null;
  }

  /** Notes how long an answer to this page took to begin, in milliseconds. */
  addFirstToken(milliseconds) {
    this.firstTokens = [...this.firstTokens.slice(1 - SAMPLES), milliseconds];
  }
}
