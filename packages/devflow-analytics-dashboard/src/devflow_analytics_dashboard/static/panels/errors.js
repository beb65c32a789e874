/** What fails, and what fails again and again. */

import { h } from "../dom.js";
import { ago, count, share } from "../format.js";
import { bdi, errorName, filterButton, labels, short } from "../names.js";
import { present } from "../times.js";
import { allButton, copyButton, csvButton, firstOf, nothing, panel, ranking } from "./parts.js";
import { openTimeline } from "./timeline.js";

const SHOWN = 6;
const LOOPS = 3;
const CSV = ["tool", "server", "status", "error_type", "calls", "share", "last"];

export function drawErrors(answer) {
  const { errors, calls } = answer;
  const failed = errors.reduce((sum, error) => sum + error.calls, 0);
  const redraw = () => drawErrors(answer);
  const actions = [copyButton("errors"), csvButton("errors", CSV, () => errors)];
  panel(
    "errors",
    { title: "What fails", sub: `${count(failed)} of ${count(calls)} calls`, actions },
    errors.length
      ? ranking(firstOf(items(errors), SHOWN, "errors"), "Failures, the most frequent first")
      : nothing(calls ? "Nothing failed." : "No calls in this period."),
    allButton(errors, SHOWN, "errors", redraw),
    loops(answer.loops, redraw),
  );
}

function items(errors) {
  const names = labels(errors);
  return errors.map((error, index) => ({
    key: JSON.stringify([error.server, error.tool, error.status, error.error_type]),
    value: error.calls,
    kind: error.status,
    what: filterButton("tool", error.tool, names[index]),
    beside: [errorName(error), h("span", { class: "faint" }, ` ${ago(present() - error.last)}`)],
    text: [
      count(error.calls),
      h("small", { title: "of all calls of the tool" }, ` ${share(error.share)}`),
    ],
  }));
}

function loops(all, redraw) {
  if (!all.length) return null;
  const names = labels(all);
  const entries = all.map((loop, index) => {
    const session = h(
      "button",
      {
        type: "button",
        class: "name",
        title: "Show this session",
        onclick: () => openTimeline(loop.session),
      },
      short(loop.session),
    );
    const type = loop.error_type ? [" ", bdi(loop.error_type)] : null;
    return h(
      "li",
      null,
      h("b", null, `${count(loop.calls)}×`),
      h(
        "span",
        { class: "what" },
        filterButton("tool", loop.tool, names[index]),
        h("span", { class: "beside" }, type),
      ),
      session,
      h("span", { class: "faint" }, ago(present() - loop.last)),
    );
  });
  return [
    h(
      "h3",
      null,
      "In a row",
      h("span", { class: "sub" }, " failed again and again in one session"),
    ),
    h("ul", { class: "loops" }, firstOf(entries, LOOPS, "loops")),
    allButton(entries, LOOPS, "loops", redraw),
  ];
}
