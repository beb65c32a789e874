/** One session: what was called when, and what failed. */

import { address, go, matches } from "../address.js";
import { lanes } from "../charts/lanes.js";
import { $, h } from "../dom.js";
import { count, duration, lasted } from "../format.js";
import { bdi, errorName, filterButton, labels, short } from "../names.js";
import { clock, moment } from "../times.js";
import {
  allButton,
  asTable,
  firstOf,
  nothing,
  panel,
  statusPill,
  table,
  widthOf,
} from "./parts.js";

const SHOWN = 6;

let newest = "";

/** Take note of the sessions there are: the newest with a call is shown if none is chosen. */
export function noteSessions(sessions) {
  newest = (sessions.find(({ calls }) => calls) ?? sessions[0])?.id ?? "";
}

/** The session that is shown. */
export function shownSession() {
  return address.timeline || newest;
}

/** Show a session, and bring it into view. */
export function openTimeline(session) {
  go({ timeline: session });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  $("timeline").scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
}

/** The filters of the failed calls that are listed. */
export function failedFilters(session) {
  const wanted = address.filters.status.filter((status) => status !== "success");
  const status = wanted.length ? wanted : ["error", "timeout"];
  return { ...address.filters, session: [session], status };
}

/** @param {?{timeline: object, failed: object[], problem?: string}} answer Null: no session. */
export function drawTimeline(answer) {
  if (!answer?.timeline) {
    panel("timeline", { title: "Timeline" }, nothing(answer?.problem ?? "No session to show."));
    return;
  }
  const { timeline, failed } = answer;
  const { session } = timeline;
  const { started_at: since, last_at: until, is_running: isRunning } = session;
  const names = labels(timeline.lanes);
  const sub = [
    `${moment(session.started_at)} · ${isRunning ? "running" : lasted(until - since)}`,
    ` · ${count(session.calls)} calls, ${count(session.errors + session.timeouts)} failed`,
  ];
  panel(
    "timeline",
    { title: "Timeline", sub, actions: who(session) },
    timeline.lanes.length
      ? h(
          "div",
          { class: "chart" },
          lanes({
            timeline,
            names,
            width: widthOf("timeline"),
            label: inWords(timeline, names),
            isShown,
          }),
        )
      : nothing("No calls in this session."),
    timeline.more_tools
      ? h("p", { class: "note" }, `and ${count(timeline.more_tools)} more tools`)
      : null,
    timeline.lanes.length
      ? asTable(
          "Tools of this session",
          columns(names),
          timeline.lanes.map((lane, index) => ({ ...lane, index })),
        )
      : null,
    failures(session, failed, () => drawTimeline(answer)),
  );
}

function isShown(lane, { status }) {
  const { tool, server, status: statuses } = address.filters;
  const isWanted = !statuses.length || statuses.includes(status);
  return isWanted && matches(tool, lane.tool) && matches(server, lane.server);
}

function who({ id, client, project }) {
  return [
    client ? filterButton("client", client) : null,
    project ? filterButton("project", project) : null,
    filterButton("session", id, short(id)),
  ];
}

function inWords({ lanes: all }, names) {
  const each = all.map(
    ({ calls, total_ms: ms }, index) => `${names[index]} ${count(calls)} in ${duration(ms)}`,
  );
  return `The session's calls by tool: ${each.join(", ")}.`;
}

function columns(names) {
  return [
    { title: "Tool", class: "names", cell: ({ index }) => bdi(names[index]) },
    { title: "Calls", class: "number", cell: ({ calls }) => count(calls) },
    { title: "Failed", class: "number", cell: ({ failed }) => count(failed) },
    { title: "Time", class: "number", cell: ({ total_ms: ms }) => duration(ms) },
  ];
}

function failures({ errors, timeouts }, calls, redraw) {
  if (!calls.length) {
    const isFiltered = errors + timeouts > 0;
    const text = isFiltered ? "No failure in it matches the filters." : "Nothing failed in it.";
    return h("p", { class: "note" }, text);
  }
  const names = labels(calls);
  const rows = calls.map((call, index) => ({ ...call, label: names[index] }));
  const columnsOfCalls = [
    { title: "Failed at", cell: ({ time }) => clock(time, true) },
    { title: "Tool", class: "names", cell: ({ tool, label }) => filterButton("tool", tool, label) },
    { title: "Took", class: "number", cell: ({ duration_ms: ms }) => duration(ms) },
    { title: "Status", class: "middle", cell: ({ status }) => statusPill(status) },
    { title: "Error", class: "names", cell: errorName },
  ];
  const attributes = ({ id }) => ({ "data-key": id });
  return [
    table(
      "Failed calls of this session",
      columnsOfCalls,
      firstOf(rows, SHOWN, "failed"),
      attributes,
    ),
    allButton(rows, SHOWN, "failed", redraw),
  ];
}
