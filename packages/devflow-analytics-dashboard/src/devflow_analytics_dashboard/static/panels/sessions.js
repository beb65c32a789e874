/** The sessions of the period. */

import { allSessions } from "../csv.js";
import { h } from "../dom.js";
import { count, duration, lasted } from "../format.js";
import { bdi, filterButton, short } from "../names.js";
import { moment, shortMoment } from "../times.js";
import { allButton, copyButton, csvButton, firstOf, nothing, panel, table } from "./parts.js";
import { openTimeline, shownSession } from "./timeline.js";

const SHOWN = 14;
const CSV = [
  "id",
  "started_at",
  "last_at",
  "client",
  "client_version",
  "project",
  "calls",
  "errors",
  "timeouts",
  "total_ms",
];

export function drawSessions(answer) {
  const { sessions } = answer;
  const isPartial = answer.count > sessions.length;
  const here = isPartial ? `, the last ${sessions.length} here` : "";
  const sub = `${count(answer.count)} in this period${here}`;
  const actions = [copyButton("sessions"), csvButton("sessions", CSV, allSessions)];
  const attributes = ({ id }) => ({
    "data-key": id,
    class: id === shownSession() ? "chosen" : null,
  });
  panel(
    "sessions",
    { title: "Sessions", sub, actions },
    sessions.length
      ? table(
          "Sessions, the newest first",
          columns(),
          firstOf(sessions, SHOWN, "sessions"),
          attributes,
        )
      : nothing("No session in this period."),
    allButton(sessions, SHOWN, "sessions", () => drawSessions(answer)),
  );
}

function columns() {
  return [
    { title: "Started", cell: started },
    { title: "Lasted", class: "number", cell: howLong },
    { title: "Calls", class: "number", cell: ({ calls }) => count(calls) },
    { title: "Failed", class: "number", cell: failed },
    { title: "Time", class: "number wide", cell: ({ total_ms: ms }) => duration(ms) },
    { title: "Mostly", class: "middle names", cell: mostly },
    {
      title: "Client",
      class: "wide names",
      cell: ({ client }) => (client ? filterButton("client", client) : null),
    },
  ];
}

function started({ id, started_at: at }) {
  const attributes = {
    type: "button",
    class: "name",
    title: `Show session ${short(id)}, started ${moment(at, true)}`,
    "aria-pressed": String(id === shownSession()),
    onclick: () => openTimeline(id),
  };
  return h("button", attributes, shortMoment(at));
}

function howLong({ started_at: since, last_at: until, is_running: isRunning }) {
  return [isRunning ? h("span", { class: "running" }, "running ") : null, lasted(until - since)];
}

function failed({ errors, timeouts }) {
  const title = `${count(errors)} errors, ${count(timeouts)} timeouts`;
  return h("span", { title, class: errors + timeouts ? "" : "faint" }, count(errors + timeouts));
}

function mostly({ tools }) {
  const most = Object.entries(tools)
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, 2);
  return most.map(([name], index) => [index ? ", " : null, bdi(name)]);
}
