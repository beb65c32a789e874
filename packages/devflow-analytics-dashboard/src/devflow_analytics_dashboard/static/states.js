/** What the page says when there is nothing to show, or something is wrong. */

import { address, clearFilters, filtersSet, go, question } from "./address.js";
import { ask } from "./api.js";
import { showBadPeriod } from "./controls.js";
import { $, h, update } from "./dom.js";
import { ago } from "./format.js";
import { midnight, moment, present, written } from "./times.js";

/** What to do, by the kind of what is wrong. */
const ADVICE = new Map([
  [
    "gone",
    "If it was stopped, 'devflow-analytics dashboard' starts it again. This page goes on trying.",
  ],
  ["locked", "This page goes on trying."],
  ["unreadable", "'devflow-analytics doctor' says more. This page goes on trying."],
]);

/** Show all panels, or something instead of them. */
function setState(state) {
  const hadNoFigures = ["no-key", "refused"].includes(document.body.dataset.state);
  if (hadNoFigures) hideProblem();
  document.body.dataset.state = state;
  $("first-run").hidden = state !== "first-run";
  if (state !== "no-calls") update($("no-calls"));
}

/** Say what is wrong; what is on the page stays. */
export function showProblem(error) {
  if (error.kind === "no_key") showNoKey();
  else if (error.kind === "no_database") showFirstRun(error.message);
  else {
    if (error.kind === "bad_request" || error.kind === "no_session") setState("refused");
    const isOfPeriod = error.kind === "bad_request" && (address.until || address.since !== "7d");
    if (isOfPeriod) showBadPeriod(error.message);
    const reset = h(
      "button",
      { type: "button", onclick: () => go({ since: "7d", until: "" }) },
      "Show the last 7 days",
    );
    const text = isOfPeriod ? "There are no figures for this period." : error.message;
    const advice = ADVICE.get(error.kind);
    update(
      $("problem"),
      h("p", null, advice ? `${text} ${advice}` : text),
      isOfPeriod ? reset : null,
    );
    $("problem").hidden = false;
  }
}

export function hideProblem() {
  if ($("problem").hidden) return;
  $("problem").hidden = true;
  update($("problem"));
  showBadPeriod("");
}

function showNoKey() {
  setState("no-key");
  const isOld = Boolean(localStorage.getItem("key"));
  update(
    $("problem"),
    h("h2", null, isOld ? "The key of this page is from an earlier run" : "This page needs a key"),
    h(
      "p",
      null,
      "Each run of the server has its own key, so that others on this machine cannot read your calls.",
    ),
    h("p", null, "Open the address that the command printed. To start it again, type:"),
    h("pre", null, "devflow-analytics dashboard"),
  );
  $("problem").hidden = false;
}

/** Say how calls get into the database. */
export function showFirstRun(reason) {
  hideProblem();
  setState("first-run");
  const way = (text, code) => h("li", null, h("p", null, text), h("pre", { tabindex: 0 }, code));
  update(
    $("first-run"),
    h("h2", null, "No calls yet"),
    h("p", null, "This page fills by itself as soon as a call is recorded."),
    reason ? h("p", { class: "faint" }, reason) : null,
    h(
      "ol",
      null,
      reason ? way("Make the database:", "devflow-analytics init") : null,
      way("Import what your agents have logged:", "devflow-analytics import"),
      way("Keep that current, at the end of each session:", "devflow-analytics hooks --write"),
      way(
        "Record your own MCP server in Python:",
        "from devflow_analytics_recorder import record\nrecord(server)",
      ),
      way("Or look around first, in made-up calls:", "devflow-analytics dashboard --demo"),
    ),
    h(
      "p",
      { class: "faint" },
      "'devflow-analytics doctor' says which file is read, and what is wrong with it.",
    ),
  );
}

/** Show the panels; if the period has no calls, say when there were some. */
export async function showPanels({ totals, recorded, period }, signal) {
  if (!recorded) {
    showFirstRun();
    return;
  }
  setState(totals.calls ? "calls" : "no-calls");
  if (totals.calls) return;
  const query = question();
  query.set("since", "all");
  query.delete("until");
  query.set("limit", 1);
  const { calls } = await ask("calls", query, signal);
  drawNoCalls(calls[0], recorded, period);
}

function drawNoCalls(last, recorded, period) {
  const isFiltered = filtersSet().length > 0;
  const button = (text, action) => h("button", { type: "button", onclick: action }, text);
  const isEarly = !isFiltered && period.until <= recorded.since;
  const at = isEarly ? recorded.since : last?.time;
  const show = () => go(written(midnight(at), isEarly ? null : midnight(at, 1)));
  const none = isFiltered ? "No recorded call does." : "No call is recorded.";
  const which = isEarly ? "The first one was at" : "The last one was at";
  update(
    $("no-calls"),
    h(
      "p",
      null,
      isFiltered ? "No call of this period matches the filters. " : "No calls in this period. ",
      at === undefined ? none : `${which} ${moment(at)}, ${ago(present() - at)}.`,
    ),
    at === undefined ? null : button("Show it", show),
    isFiltered ? button("Remove the filters", clearFilters) : null,
  );
}
