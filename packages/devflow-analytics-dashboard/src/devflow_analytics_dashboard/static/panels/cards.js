/** Six figures, each beside that of the period before. */

import { sparkLine } from "../charts/spark.js";
import { $, h, update } from "../dom.js";
import { FEW, FEWEST, change, changeInPoints, count, duration } from "../format.js";
import { median, percentile, share } from "../format.js";

const part = (number, all) => (all ? number / all : null);

/** Name, text, figure to compare, series, and which direction is worse: 1 up, 0 neither. */
const CARDS = [
  {
    name: "Calls",
    text: ({ calls }) => count(calls),
    figure: ({ calls }) => calls,
    series: ({ calls }) => calls,
  },
  {
    name: "Error rate",
    kind: "error",
    isWorseUp: true,
    text: ({ errors, calls }) => share(part(errors, calls)),
    figure: ({ errors, calls }) => part(errors, calls),
    series: ({ errors, calls }) => part(errors, calls),
    changed: changeInPoints,
  },
  {
    name: "Timeouts",
    kind: "timeout",
    isWorseUp: true,
    text: ({ timeouts }) => count(timeouts),
    figure: ({ timeouts }) => timeouts,
    series: ({ timeouts }) => timeouts,
  },
  {
    name: "Median",
    isWorseUp: true,
    text: median,
    figure: ({ calls, p50_ms: ms }) => (calls < FEWEST ? null : ms),
    series: ({ calls, p50_ms: ms }) => (calls < FEWEST ? null : Math.log1p(ms)),
  },
  {
    name: "95th percentile",
    isWorseUp: true,
    text: (totals) => percentile(totals, totals.p95_ms),
    figure: ({ calls, p95_ms: ms }) => (calls < FEW ? null : ms),
    series: ({ calls, p95_ms: ms }) => (calls < FEW ? null : Math.log1p(ms)),
  },
  {
    name: "Time in tools",
    text: ({ total_ms: ms }) => duration(ms),
    figure: ({ total_ms: ms }) => ms,
    series: ({ total_ms: ms }) => ms,
  },
];

export function drawCards({ totals, before, buckets, period }) {
  const all = CARDS.map((card) => {
    return h(
      "div",
      { class: "card" },
      h("h3", null, card.name),
      h("p", { class: "value", title: few(card.text(totals)) }, withUnit(card.text(totals))),
      h("p", { class: "change" }, comparison(card, totals, before, period)),
      sparkLine(buckets.map(card.series), card.kind),
    );
  });
  update($("cards"), h("h2", { class: "unseen", id: "cards-title" }, "In short"), all);
}

const few = (text) => (text.startsWith("~") ? `of fewer than ${FEW} calls` : null);

/** The last unit is small: `48.7` h, `1 h 41` min. */
function withUnit(text) {
  const at = text.lastIndexOf(" ");
  return at < 0 ? text : [text.slice(0, at), h("small", null, text.slice(at))];
}

function comparison(card, now, before, period) {
  if (!before) return period.before ? "nothing before" : "all that is recorded";
  if (!before.calls) return "nothing before";
  const changed = (card.changed ?? change)(card.figure(now), card.figure(before));
  const was = `was ${card.text(before)}`;
  return changed
    ? [h("b", { class: direction(changed, card.isWorseUp) }, changed), ` ${was}`]
    : was;
}

function direction(changed, isWorseUp) {
  if (!isWorseUp || changed === "same") return null;
  return changed.startsWith("▼") ? "better" : "worse";
}
