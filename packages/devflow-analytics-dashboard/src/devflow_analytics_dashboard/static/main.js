/** The page: asks for what its address says, and draws each panel as its answer comes. */

import { address, onChange, question } from "./address.js";
import { ApiError, ask, hasKey, takeKey } from "./api.js";
import { command } from "./command.js";
import { drawControls, startControls, takeTools } from "./controls.js";
import { $, h, update } from "./dom.js";
import { share } from "./format.js";
import { startKeys } from "./keys.js";
import { noteRefresh, pollNow, startLive } from "./live.js";
import { drawCalls } from "./panels/calls.js";
import { drawCards } from "./panels/cards.js";
import { drawErrors } from "./panels/errors.js";
import { drawLatency } from "./panels/latency.js";
import { drawLatest, followLatest, latestQuery, takeLatest } from "./panels/latest.js";
import { forgetWidths } from "./panels/parts.js";
import { drawSessions } from "./panels/sessions.js";
import { drawSlowest, withoutTimeouts } from "./panels/slowest.js";
import { drawTimeline, failedFilters, noteSessions, shownSession } from "./panels/timeline.js";
import { drawTools } from "./panels/tools.js";
import { hideProblem, showPanels, showProblem } from "./states.js";
import { startTheme } from "./theme.js";
import { zone } from "./times.js";

/** The panels that each question draws. */
const PANELS = {
  summary: ["cards", "calls", "latency"],
  tools: ["tools"],
  errors: ["errors"],
  slowest: ["slowest"],
  sessions: ["sessions"],
  timeline: ["timeline"],
  latest: ["latest"],
};
const SESSIONS = 50;
const SLOWEST = 9;

let running = new AbortController();
let trouble = null; // the kind of what is wrong
let server = { database: "", program: "", version: null };
const answers = new Map(); // the last one of each question, to draw again

/** Ask a question and draw the answer. */
async function load(name, path, query, draw, signal) {
  show(name, await ask(path, query, signal), draw);
}

function show(name, answer, draw) {
  answers.set(name, { answer, draw });
  draw(answer);
  markStale(PANELS[name], false);
}

/** Pale panels show what was asked before. */
function markStale(panels, isStale) {
  for (const id of panels) $(id).toggleAttribute("data-stale", isStale);
}

function withLimit(query, limit, order) {
  query.set("limit", limit);
  if (order) query.set("order", order);
  return query;
}

async function loadSummary(signal) {
  const answer = await ask("summary", question(), signal);
  drawControls(answer.period);
  const shown = showPanels(answer, signal);
  show("summary", answer, (summary) => {
    drawCards(summary);
    drawCalls(summary);
    drawLatency(summary);
  });
  drawFooter();
  await shown;
}

async function loadSessions(signal) {
  const query = withLimit(question(), SESSIONS);
  const answer = await ask("sessions", query, signal);
  noteSessions(answer.sessions);
  show("sessions", answer, drawSessions);
  await loadTimeline(signal);
}

async function loadTimeline(signal) {
  const session = shownSession();
  if (!session) {
    show("timeline", null, drawTimeline);
    return;
  }
  const failed = withLimit(question({ period: false, filters: failedFilters(session) }), 100);
  failed.set("since", "all");
  try {
    const [timeline, { calls }] = await Promise.all([
      ask(`sessions/${encodeURIComponent(session)}`, null, signal),
      ask("calls", failed, signal),
    ]);
    show("timeline", { timeline, failed: calls }, drawTimeline);
  } catch (error) {
    if (error.kind !== "no_session") throw error;
    show("timeline", { problem: error.message }, drawTimeline);
  }
}

function loadAll(signal, isNew) {
  const slowest = withLimit(question({ filters: withoutTimeouts() }), SLOWEST, "slowest");
  return [
    loadSummary(signal),
    load("tools", "tools", question(), drawTools, signal),
    load("errors", "errors", question(), drawErrors, signal),
    load("slowest", "calls", slowest, drawSlowest, signal),
    loadSessions(signal),
    ask("calls", latestQuery({ isNew }), signal).then((answer) => {
      takeLatest(answer, { isNew });
      show("latest", null, drawLatest);
    }),
    ask("tools/names", null, signal).then(({ tools }) => takeTools(tools)),
  ];
}

/** Ask for everything. A refresh that is still running is given up. */
async function refresh({ isNew = false } = {}) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  if (isNew) {
    delete document.body.dataset.ready;
    markStale(Object.values(PANELS).flat(), true);
    drawControls();
  }
  const end = noteRefresh();
  const results = await findDatabase(signal).then(
    () => Promise.allSettled(loadAll(signal, isNew)),
    (reason) => [{ status: "rejected", reason }],
  );
  end();
  if (signal.aborted) return;
  report(results.find(({ status }) => status === "rejected")?.reason ?? null);
  document.body.dataset.ready = String(performance.now());
}

/** Say what is wrong, or that nothing is any more. */
function report(error) {
  if (error?.name === "AbortError") return;
  if (error && !error.kind) console.error(error);
  trouble = error ? (error.kind ?? "bug") : null;
  if (error) showProblem(error);
  else hideProblem();
}

/** The status of the page: fine, stopped, retrying what failed, or waiting for the first call. */
function status() {
  if (trouble === "no_key") return "stopped";
  if (["gone", "locked", "unreadable"].includes(trouble)) return "retrying";
  return document.body.dataset.state === "first-run" ? "waiting" : "fine";
}

async function follow() {
  if (document.body.dataset.state === "first-run") return;
  await followLatest(running.signal);
}

function noteVersion(found) {
  const isSame = found.database === server.database && found.program === server.program;
  server = found;
  if (!isSame) drawFooter();
}

/** Without a database every other question is refused: only ask whether there is one by now. */
async function findDatabase(signal) {
  if (server.version) return;
  noteVersion(await ask("version", null, signal));
  if (server.version || !server.database) return;
  throw new ApiError(`There is no database at ${server.database} yet.`, "no_database");
}

function drawFooter() {
  const totals = answers.get("summary")?.answer.totals;
  const error = totals?.percentile_error;
  update(
    $("footer"),
    h("span", null, `Times in ${zone}`),
    error ? h("span", null, `Percentiles within ${share(error)}`) : null,
    server.database
      ? h(
          "span",
          null,
          "Reads ",
          h("code", null, server.database),
          ", changes nothing, sends nothing",
        )
      : null,
    h("span", null, "In a terminal: ", h("code", null, command("stats"))),
    server.program ? h("span", null, `DevFlow Analytics ${server.program}`) : null,
  );
}

/** Draw again what is known: charts after a change of width, ages after a minute. */
function redraw() {
  for (const { answer, draw } of answers.values()) draw(answer);
}

function watchWidth() {
  let width = $("main").clientWidth;
  let frame;
  new ResizeObserver(() => {
    if ($("main").clientWidth === width) return;
    width = $("main").clientWidth;
    cancelAnimationFrame(frame);
    forgetWidths();
    frame = requestAnimationFrame(redraw);
  }).observe($("main"));
}

function newKey() {
  if (takeKey()) refresh({ isNew: true }).then(pollNow);
}

function changed(before) {
  const asked = ({ since, until, filters, timeline }) =>
    JSON.stringify([since, until, filters, timeline]);
  if (asked(before) !== asked(address)) refresh({ isNew: true });
  else if (answers.has("tools")) drawTools(answers.get("tools").answer); // only the order changed
}

function start() {
  takeKey();
  startTheme();
  startControls();
  startKeys();
  onChange(changed);
  watchWidth();
  addEventListener("hashchange", newKey);
  addEventListener("storage", ({ key }) => {
    if (key === "key" && hasKey()) refresh({ isNew: true }).then(pollNow);
  });
  setInterval(() => !document.hidden && redraw(), 60_000);
  refresh({ isNew: true });
  startLive({ follow, refresh, report, status, noteVersion });
}

start();
