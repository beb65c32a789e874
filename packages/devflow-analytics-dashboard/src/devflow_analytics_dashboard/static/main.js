/** The page: asks for what its address says, and draws each panel as its answer comes. */

import { address, onChange, question } from "./address.js";
import { ask, hasKey, takeKey } from "./api.js";
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
import { drawSessions } from "./panels/sessions.js";
import { drawSlowest, withoutTimeouts } from "./panels/slowest.js";
import { drawTimeline, failedFilters, noteSessions, shownSession } from "./panels/timeline.js";
import { drawTools } from "./panels/tools.js";
import { hideProblem, showPanels, showProblem } from "./states.js";
import { startTheme } from "./theme.js";
import { zone } from "./times.js";

const SESSIONS = 50;
const SLOWEST = 8;

let running = new AbortController();
let trouble = null; // the kind of what is wrong
let server = { database: "", program: "" };
const answers = new Map(); // the last one of each question, to draw again

/** Ask a question and draw the answer. */
async function load(name, path, query, draw, signal) {
  const answer = await ask(path, query, signal);
  answers.set(name, { answer, draw });
  await draw(answer, signal);
}

function withLimit(query, limit, order) {
  query.set("limit", limit);
  if (order) query.set("order", order);
  return query;
}

async function drawSummary(answer, signal) {
  drawControls(answer.period);
  drawFooter();
  const shown = showPanels(answer, signal);
  drawCards(answer);
  drawCalls(answer);
  drawLatency(answer);
  await shown;
}

async function loadSessions(signal) {
  const query = withLimit(question(), SESSIONS);
  await load("sessions", "sessions", query, ({ sessions }) => noteSessions(sessions), signal);
  const { answer } = answers.get("sessions");
  answers.set("sessions", { answer, draw: drawSessions });
  drawSessions(answer);
  await loadTimeline(signal);
}

async function loadTimeline(signal) {
  const session = shownSession();
  if (!session) {
    answers.delete("timeline");
    drawTimeline(null);
    return;
  }
  const failed = withLimit(question({ period: false, filters: failedFilters(session) }), 100);
  failed.set("since", "all");
  const both = await Promise.all([
    ask(`sessions/${encodeURIComponent(session)}`, null, signal),
    ask("calls", failed, signal),
  ]);
  const answer = { timeline: both[0], failed: both[1] };
  answers.set("timeline", { answer, draw: drawTimeline });
  drawTimeline(answer);
}

function loadAll(signal, isNew) {
  const slowest = withLimit(question({ filters: withoutTimeouts() }), SLOWEST, "slowest");
  const take = (answer) => takeLatest(answer, { isNew });
  return [
    load("summary", "summary", question(), drawSummary, signal),
    load("tools", "tools", question(), drawTools, signal),
    load("errors", "errors", question(), drawErrors, signal),
    load("slowest", "calls", slowest, drawSlowest, signal),
    loadSessions(signal),
    load("latest", "calls", latestQuery({ isNew }), take, signal),
    load("names", "tools/names", new URLSearchParams(), ({ tools }) => takeTools(tools), signal),
  ];
}

/** Ask for everything. A refresh that is still running is given up. */
async function refresh({ isNew = false } = {}) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  if (isNew) {
    delete document.body.dataset.ready;
    drawControls();
  }
  const end = noteRefresh();
  const results = await Promise.allSettled(loadAll(signal, isNew));
  end();
  if (signal.aborted) return;
  const failed = results.find(({ status }) => status === "rejected");
  if (failed) report(failed.reason);
  else report(null);
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

/** Whether time may mend what is wrong, or there is nothing yet. */
function isWaiting() {
  const isEmpty = document.body.dataset.state === "first-run";
  return isEmpty || ["gone", "locked", "unreadable", "no_database"].includes(trouble);
}

async function follow() {
  if (document.body.dataset.state === "first-run") return;
  await followLatest(running.signal);
}

function noteVersion({ database, program }) {
  if (database === server.database && program === server.program) return;
  server = { database, program };
  drawFooter();
}

function drawFooter() {
  const totals = answers.get("summary")?.answer.totals;
  const error = totals?.percentile_error;
  update(
    $("footer"),
    h("span", null, `Times in ${zone}`),
    error ? h("span", null, `Percentiles within ${share(error)}`) : null,
    server.database
      ? h("span", null, "Reads ", h("code", null, server.database), ", changes nothing, sends nothing")
      : null,
    h("span", null, "In a terminal: ", h("code", null, command("stats"))),
    server.program ? h("span", null, `DevFlow Analytics ${server.program}`) : null,
  );
}

/** Draw again what is known: charts after a change of width, ages after a minute. */
function redraw() {
  for (const { answer, draw } of answers.values()) draw(answer, running.signal);
  if (answers.has("latest")) drawLatest();
}

function watchWidth() {
  let width = $("main").clientWidth;
  let frame;
  new ResizeObserver(() => {
    if ($("main").clientWidth === width) return;
    width = $("main").clientWidth;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(redraw);
  }).observe($("main"));
}

function newKey() {
  if (takeKey()) refresh({ isNew: true }).then(pollNow);
}

function changed(before) {
  const asked = ({ since, until, filters, timeline }) => JSON.stringify([since, until, filters, timeline]);
  if (asked(before) === asked(address)) redraw();
  else refresh({ isNew: true });
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
  startLive({ follow, refresh, report, isWaiting, isRefused: () => trouble === "no_key", noteVersion });
}

start();
