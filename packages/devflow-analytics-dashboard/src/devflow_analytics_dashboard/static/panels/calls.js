/** Calls over time, and the share of them that fails. */

import { go } from "../address.js";
import { bucketName } from "../charts/axis.js";
import { bars, failing } from "../charts/bars.js";
import { h } from "../dom.js";
import { count, share } from "../format.js";
import { local, written } from "../times.js";
import { asTable, choice, copyButton, csvButton, panel, widthOf } from "./parts.js";

const CSV = ["since", "until", "calls", "errors", "timeouts", "total_ms", "p50_ms", "p95_ms"];
const VIEWS = [
  ["calls", "Calls"],
  ["share", "Failing share"],
];

let view = "calls";

export function drawCalls(answer) {
  const { buckets, each, period, totals } = answer;
  const choose = (value) => {
    view = value;
    drawCalls(answer);
  };
  const by = { hour: "hour", week: "week", month: "week", year: "week" }[each] ?? "day";
  const isShare = view === "share";
  const actions = [
    choice("What the chart shows", VIEWS, view, choose),
    copyButton(`stats --by ${by}`),
    csvButton("calls over time", CSV, () => buckets),
  ];
  panel(
    "calls",
    { title: "Calls", sub: `each ${each}`, actions },
    h(
      "p",
      { class: "legend" },
      isShare ? null : h("span", { class: "key success" }, "success"),
      h("span", { class: "key error" }, "error"),
      h("span", { class: "key timeout" }, "timeout"),
      isShare || !answer.before ? null : h("span", { class: "key before" }, "period before"),
    ),
    h(
      "div",
      { class: "chart" },
      bars({
        buckets,
        each,
        isShare,
        isOpen: period.is_open,
        width: widthOf("calls"),
        label: inWords(answer),
        choose: zoom,
      }),
    ),
    asTable(`Calls each ${each}`, columns(each), buckets),
  );

  function inWords() {
    const busiest = buckets.reduce(
      (most, some) => (some.calls > most.calls ? some : most),
      buckets[0],
    );
    const failed = `${count(totals.errors)} errors and ${count(totals.timeouts)} timeouts`;
    const most = busiest ? ` The most, ${count(busiest.calls)}: ${bucketName(busiest, each)}.` : "";
    const all = `${count(totals.calls)} calls, by ${each}, with ${failed}.`;
    return `${all}${most} Arrow keys read it bar by bar.`;
  }
}

function columns(each) {
  return [
    { title: "Time", cell: (bucket) => bucketName(bucket, each) },
    { title: "Calls", class: "number", cell: ({ calls }) => count(calls) },
    { title: "Errors", class: "number", cell: ({ errors }) => count(errors) },
    { title: "Timeouts", class: "number", cell: ({ timeouts }) => count(timeouts) },
    {
      title: "Failing",
      class: "number",
      cell: (bucket) => share(bucket.calls ? failing(bucket) : null),
    },
    {
      title: "Before",
      class: "number",
      cell: ({ calls_before: before }) => (before === null ? "–" : count(before)),
    },
  ];
}

/** Show only the time of one bucket, if it is more than an hour. */
export function zoom({ since, until }) {
  if (until - since > 3600) go(written(local(since), local(until)));
}
