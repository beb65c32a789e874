/** How long calls take, over time. */

import { bucketName } from "../charts/axis.js";
import { heat } from "../charts/heat.js";
import { h } from "../dom.js";
import { count, duration, median, percentile } from "../format.js";
import { zoom } from "./calls.js";
import { asTable, copyButton, panel, widthOf } from "./parts.js";

export function drawLatency(answer) {
  const { buckets, each } = answer;
  const sub = "the stronger the colour, the more calls took so long";
  panel(
    "latency",
    { title: "Latency", sub, actions: [copyButton("tools --sort p95", { isNearest: true })] },
    h(
      "p",
      { class: "legend" },
      h("span", { class: "key median" }, "median"),
      h("span", { class: "key p95" }, "95th percentile"),
    ),
    h(
      "div",
      { class: "chart" },
      heat({
        buckets,
        each,
        width: widthOf("latency"),
        label: inWords(answer),
        choose: zoom,
      }),
    ),
    asTable(`Latency each ${each}`, columns(each), buckets),
  );
}

function inWords({ totals, each }) {
  const shares = [
    ["Half", totals.p50_ms],
    ["95 of 100", totals.p95_ms],
    ["99 of 100", totals.p99_ms],
  ];
  const figures = shares.map(([part, ms]) => `${part} took at most ${duration(ms)}.`).join(" ");
  return `How long calls took, each ${each}. ${figures} Arrow keys read it column by column.`;
}

function columns(each) {
  return [
    { title: "Time", cell: (bucket) => bucketName(bucket, each) },
    { title: "Calls", class: "number", cell: ({ calls }) => count(calls) },
    { title: "Median", class: "number", cell: median },
    {
      title: "95th percentile",
      class: "number",
      cell: (bucket) => percentile(bucket, bucket.p95_ms),
    },
  ];
}
