/** The latest calls, as they come. */

import { question } from "../address.js";
import { MOST_ROWS, ask } from "../api.js";
import { allCalls } from "../csv.js";
import { h, toast } from "../dom.js";
import { duration } from "../format.js";
import { bdi, filterButton, labels, short } from "../names.js";
import { moment, shortMoment } from "../times.js";
import { copyButton, csvButton, nothing, panel, statusPill, table } from "./parts.js";
import { openTimeline, shownSession } from "./timeline.js";

const FIRST = 20;
const MORE = 50;
const CSV = [
  "time",
  "tool",
  "duration_ms",
  "status",
  "error_type",
  "session",
  "server",
  "agent",
  "source",
  "error_kind",
  "error_code",
  "request_bytes",
  "result_bytes",
  "started_ms",
  "duration_kind",
  "id",
];

/** @type {{calls: object[], next: ?string, lastWritten: ?string, wanted: number}} */
let shown = { calls: [], next: null, lastWritten: null, wanted: FIRST };
let arrived = new Set();

/** The query for the first page, with as many calls as are shown already. */
export function latestQuery({ isNew }) {
  const query = question();
  const limit = isNew ? FIRST : Math.min(MOST_ROWS, Math.max(FIRST, shown.wanted));
  query.set("limit", limit);
  return query;
}

/** Show the first page of calls. */
export function takeLatest({ calls, next, last_written: lastWritten }, { isNew }) {
  const wanted = isNew ? FIRST : shown.wanted;
  if (isNew) arrived = new Set();
  shown = { calls, next, lastWritten, wanted };
  drawLatest();
}

/** Ask for the calls that were written since, and show them. */
export async function followLatest(signal) {
  if (!shown.lastWritten) return;
  const query = question();
  query.set("written_after", shown.lastWritten);
  query.set("limit", MORE);
  const answer = await ask("calls", query, signal);
  if (answer.is_restart) {
    takeLatest({ ...answer, next: null }, { isNew: true });
    return;
  }
  add(answer.calls);
  shown.lastWritten = answer.last_written ?? shown.lastWritten;
  if (answer.calls.length) drawLatest();
}

function add(calls) {
  const known = new Set(shown.calls.map(({ id }) => id));
  const fresh = calls.filter(({ id }) => !known.has(id));
  const isNewer = (one, other) => other.time - one.time || (other.id < one.id ? -1 : 1);
  const all = [...fresh, ...shown.calls].toSorted(isNewer);
  arrived = new Set(fresh.map(({ id }) => id));
  const isCut = all.length > shown.wanted;
  shown.calls = all.slice(0, shown.wanted);
  if (isCut) shown.next = ""; // the next page begins elsewhere now: ask for all from the first on
}

async function showMore() {
  const current = shown;
  shown.wanted = Math.min(MOST_ROWS, shown.wanted + MORE);
  const query = question();
  if (shown.next) query.set("after", shown.next);
  query.set("limit", shown.next ? MORE : shown.wanted);
  try {
    const { calls, next } = await ask("calls", query);
    if (shown !== current) {
      await goOn(current);
      return;
    }
    shown.calls = shown.next ? [...shown.calls, ...calls] : calls;
    shown.next = next;
    drawLatest();
  } catch (error) {
    toast(error.message);
  }
}

/** Show more of what a refresh brought meanwhile, if it was asked before that was wanted. */
async function goOn(before) {
  const isOther = shown.wanted < before.wanted; // other calls are asked for by now
  if (isOther || shown.next === null || shown.calls.length >= shown.wanted) return;
  shown.wanted -= MORE;
  await showMore();
}

export function drawLatest() {
  const names = labels(shown.calls);
  const rows = shown.calls.map((call, index) => ({ ...call, label: names[index] }));
  const longest = Math.max(1, ...rows.map(({ duration_ms: ms }) => ms));
  const attributes = ({ id }) => ({ "data-key": id, class: arrived.has(id) ? "arrived" : null });
  const more = h("button", { type: "button", class: "more", onclick: showMore }, "Show more");
  panel(
    "latest",
    {
      title: "Latest calls",
      sub: "as they come",
      actions: [copyButton("calls"), csvButton("latest calls", CSV, allCalls)],
    },
    rows.length
      ? table("Latest calls", columns(longest), rows, attributes)
      : nothing("No calls in this period."),
    shown.next === null || shown.calls.length >= MOST_ROWS ? null : more,
  );
}

function columns(longest) {
  return [
    {
      title: "Time",
      cell: ({ time }) => h("span", { title: moment(time, true) }, shortMoment(time, true)),
    },
    { title: "Tool", class: "names", cell: ({ tool, label }) => filterButton("tool", tool, label) },
    { title: "Took", class: "number", cell: ({ duration_ms: ms }) => duration(ms) },
    {
      title: h("span", { class: "unseen" }, "Took, as a bar"),
      class: "middle took",
      cell: ({ duration_ms: ms }) => tookBar(ms, longest),
    },
    { title: "Status", cell: ({ status }) => statusPill(status) },
    {
      title: "Error",
      class: "middle names",
      cell: ({ error_type: type }) => (type ? bdi(type) : null),
    },
    {
      title: "Server",
      class: "wide names",
      cell: ({ server }) => (server ? filterButton("server", server) : null),
    },
    { title: "Session", class: "middle", cell: session },
  ];
}

/** On a scale by powers of ten: calls differ by six of them. */
function tookBar(ms, longest) {
  const width = `${Math.max(2, (90 * Math.log1p(ms)) / Math.log1p(longest))}px`;
  return h("span", { class: "bar-room", "aria-hidden": "true" }, h("i", { style: { width } }));
}

function session({ session: id }) {
  const attributes = {
    type: "button",
    class: "name",
    title: "Show this session",
    "aria-pressed": String(id === shownSession()),
    onclick: () => openTimeline(id),
  };
  return h("button", attributes, short(id));
}
