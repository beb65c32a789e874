/** How each tool is doing. */

import { address, filtersSet, go } from "../address.js";
import { latencyRange, rangeScale, sparkBars } from "../charts/spark.js";
import { h } from "../dom.js";
import { FEW, WORRYING, ago, count, duration, median } from "../format.js";
import { percentile, share, signedChange, size } from "../format.js";
import { bdi, filterButton, labels } from "../names.js";
import { moment, present } from "../times.js";
import { allButton, copyButton, csvButton, firstOf, nothing, panel, table } from "./parts.js";

const SHOWN = 25;
const CSV = [
  "tool",
  "server",
  "calls",
  "errors",
  "timeouts",
  "p50_ms",
  "p95_ms",
  "p99_ms",
  "total_ms",
  "calls_before",
  "p95_before_ms",
  "sized_calls",
  "result_bytes",
  "last",
];
/** What the command calls what tools are sorted by here. */
const SORTS = {
  calls: "calls",
  failing: "failing",
  p50: "p50",
  p95: "p95",
  p99: "p99",
  slower: "slower",
  time: "time",
  last: "last",
  results: "results",
};

const failing = ({ calls, errors, timeouts }) => (errors + timeouts) / calls;

/** How many times as long 95 of 100 calls take as before; null if too few calls tell. */
function slower({ calls, calls_before: before, p95_ms: now, p95_before_ms: was }) {
  return calls < FEW || before < FEW || !was ? null : now / was;
}

/** About how much longer the slow calls of a tool take than before, all together. */
const timeLost = ({ calls, p95_ms: now, p95_before_ms: was }) => calls * (now - was);

const KEYS = {
  tool: ({ label }) => label.toLowerCase(),
  calls: ({ calls }) => calls,
  failing,
  p50: ({ p50_ms: ms }) => ms,
  p95: ({ p95_ms: ms }) => ms,
  p99: ({ p99_ms: ms }) => ms,
  slower,
  time: ({ total_ms: ms }) => ms,
  results: ({ result_bytes: bytes }) => bytes,
  last: ({ last }) => last,
};

function order() {
  const name = address.sort.replace(/^-/, "");
  const isKnown = Object.hasOwn(KEYS, name);
  return { name: isKnown ? name : "calls", isDown: !isKnown || address.sort.startsWith("-") };
}

/** Tools in the order of the address; those of which it is not known come last. */
function sorted(tools) {
  const { name, isDown } = order();
  const known = (tool) => KEYS[name](tool) ?? null;
  return tools.toSorted((one, other) => {
    const [a, b] = [known(one), known(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    const rank = a < b ? -1 : Number(a > b);
    return isDown ? -rank : rank;
  });
}

export function drawTools(answer) {
  const names = labels(answer.tools);
  const tools = sorted(answer.tools.map((tool, index) => ({ ...tool, label: names[index] })));
  const { name, isDown } = order();
  const actions = [
    copyButton(isDown && SORTS[name] && name !== "calls" ? `tools --sort ${name}` : "tools"),
    csvButton("tools", CSV, () => tools),
  ];
  const rows = firstOf(tools, SHOWN, "tools");
  const isFew = rows.some(({ calls }) => calls < FEW);
  panel(
    "tools",
    { title: "Tools", sub: subtitle(tools), actions },
    tools.length
      ? table("Tools, with their calls, failures and latencies", columns(tools), rows, attributes)
      : nothing("No tool was called in this period."),
    allButton(tools, SHOWN, "tools", () => drawTools(answer)),
    isFew ? h("p", { class: "note" }, `~ of fewer than ${FEW} calls`) : null,
    notCalled(answer),
  );
}

/** What one looks for first: what is slowest, and what became slower. */
function subtitle(tools) {
  const called = `${count(tools.length)} called`;
  const many = tools.filter(({ calls }) => calls >= FEW);
  const slowest = largest(many, KEYS.p95);
  const worse = largest(
    many.filter((tool) => slower(tool) >= 1.1),
    timeLost,
  );
  return [
    called,
    slowest
      ? [" · slowest ", h("b", null, bdi(slowest.label)), ` ${duration(slowest.p95_ms)}`]
      : null,
    worse
      ? [
          " · slower than before ",
          h("b", null, bdi(worse.label)),
          ` ${signedChange(worse.p95_ms, worse.p95_before_ms)}`,
        ]
      : null,
  ];
}

function largest(tools, key) {
  return tools.toSorted((one, other) => key(other) - key(one))[0];
}

function attributes(tool) {
  return { "data-key": JSON.stringify([tool.server, tool.tool]) };
}

function heading(name, text) {
  const { name: current, isDown } = order();
  const isCurrent = name === current;
  const down = isCurrent ? !isDown : name !== "tool";
  const sort = () => go({ sort: `${down ? "-" : ""}${name}` }, { replace: true });
  const arrow = isCurrent ? h("span", { "aria-hidden": "true" }, isDown ? " ↓" : " ↑") : null;
  const title = name === "slower" ? "How much longer 95 of 100 calls take than before" : null;
  return h("button", { type: "button", "data-sort": name, title, onclick: sort }, text, arrow);
}

function columns(tools) {
  const most = Math.max(...tools.map(({ calls }) => calls));
  const scale = rangeScale(tools);
  const column = (sort, text, className, cell) => {
    const { name, isDown } = order();
    const direction = name === sort ? (isDown ? "descending" : "ascending") : null;
    return { title: heading(sort, text), class: className, sort: direction, cell };
  };
  const all = [
    column("tool", "Tool", "names", ({ tool, label }) => filterButton("tool", tool, label)),
    column("calls", "Calls", "number", ({ calls }) => withBar(calls, most)),
    {
      title: "Trend",
      class: "middle",
      cell: ({ trend, trend_failed: failed }) => sparkBars(trend, failed),
    },
    column("failing", "Failing", "number", failingCell),
    column("p50", "p50", "number middle", median),
    column("p95", "p95", "number", (tool) => percentile(tool, tool.p95_ms)),
    column("p99", "p99", "number middle", (tool) => percentile(tool, tool.p99_ms)),
    {
      title: h("span", { class: "ranges" }, "p50 – p95 – p99"),
      class: "wide",
      cell: (tool) => latencyRange(tool, scale),
    },
    column("slower", "p95 change", "number slower", slowerCell),
    column("time", "Time", "number middle", ({ total_ms: ms }) => duration(ms)),
    column("last", "Last", "number middle", lastCell),
  ];
  if (tools.some(({ server }) => server)) {
    const cell = ({ server }) => (server ? filterButton("server", server) : null);
    all.push({ title: "Server", class: "wide names", cell });
  }
  if (tools.some((tool) => tool.sized_calls)) {
    const cell = ({ result_bytes: bytes }) => size(bytes);
    all.push(column("results", "Results", "number wide", cell));
  }
  return all;
}

function withBar(calls, most) {
  const width = `${Math.max(2, (56 * calls) / most)}px`;
  return [
    count(calls),
    h("span", { class: "bar-room", "aria-hidden": "true" }, h("i", { style: { width } })),
  ];
}

function failingCell(tool) {
  const part = failing(tool);
  const shade = part >= WORRYING ? "bad" : part ? "" : "faint";
  const title = `${count(tool.errors)} errors, ${count(tool.timeouts)} timeouts`;
  return h("span", { class: shade, title }, share(part));
}

function slowerCell(tool) {
  const times = slower(tool);
  if (times === null) return h("span", { class: "faint" }, "–");
  const shade =
    times >= 1.3 ? "bad" : times <= 0.77 ? "good" : Math.abs(times - 1) < 0.1 ? "faint" : "";
  const title = `${duration(tool.p95_before_ms)} in the period before`;
  return h("span", { class: shade, title }, signedChange(tool.p95_ms, tool.p95_before_ms));
}

function lastCell({ last }) {
  return h("span", { class: "faint", title: moment(last, true) }, ago(present() - last));
}

function notCalled({ not_called: tools, servers_not_called: servers }) {
  const names = labels(tools);
  const rows = firstOf(tools, 12, "not called");
  const last = (tool) => h("span", { class: "faint" }, ` last ${ago(present() - tool.last)}`);
  return [
    tools.length
      ? h(
          "div",
          { class: "not-called" },
          h("h3", null, "Not called"),
          h(
            "ul",
            null,
            rows.map((tool, index) => {
              return h("li", null, filterButton("tool", tool.tool, names[index]), last(tool));
            }),
          ),
        )
      : null,
    servers.length && !filtersSet().length
      ? h(
          "div",
          { class: "not-called" },
          h("h3", null, "Servers not called"),
          h(
            "ul",
            null,
            servers.map((server) => {
              return h("li", null, filterButton("server", server));
            }),
          ),
        )
      : null,
  ];
}
