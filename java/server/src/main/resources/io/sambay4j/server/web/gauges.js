// The three gauges below the message field.

import { byId, setMeter, setText } from "./dom.js";
import { count, percent, rate } from "./format.js";

const TIGHT = 0.9;

/**
 * Shows how full the context is, how much of the last prompt came from the cache, and how fast tokens come.
 *
 * @param path the messages that are shown
 * @param generation the generation that runs, or undefined
 * @param limit tokens the model can hold; 0 if that is not known
 */
export function showGauges(path, generation, limit) {
  const metrics = path.findLast((message) => message.metrics?.promptTokens !== undefined)?.metrics;
  const used = metrics ? metrics.promptTokens + (metrics.completionTokens ?? 0) : 0;
  const share = limit > 0 ? Math.min(1, used / limit) : 0;
  setMeter(byId("context-meter"), share);
  byId("context-meter").classList.toggle("tight", share > TIGHT);
  setText(byId("context-text"), limit > 0 ? `${count(used)} / ${count(limit)}` : "–");

  const cached = metrics?.promptTokens ? metrics.cachedTokens / metrics.promptTokens : 0;
  setMeter(byId("cache-meter"), cached);
  setText(byId("cache-text"), metrics?.promptTokens ? percent(cached) : "–");

  const speed = generation ? generation.rate : metrics?.tokensPerSecond;
  setText(byId("speed-text"), speed ? `${rate(speed)} tokens/s` : "–");
}
