/** The slowest calls, timeouts aside. */

import { address } from "../address.js";
import { h } from "../dom.js";
import { duration } from "../format.js";
import { filterButton, labels } from "../names.js";
import { shortMoment } from "../times.js";
import { copyButton, nothing, panel, ranking } from "./parts.js";
import { openTimeline } from "./timeline.js";

/** The filters with which timeouts are left out, unless they are asked for. */
export function withoutTimeouts() {
  const status = address.filters.status.length ? address.filters.status : ["success", "error"];
  return { ...address.filters, status };
}

export function drawSlowest({ calls }) {
  const names = labels(calls);
  const filters = Object.entries(withoutTimeouts()).flatMap(([kind, values]) => {
    return values.map((value) => [kind, value]);
  });
  const items = calls.map((call, index) => ({
    key: call.id,
    value: call.duration_ms,
    kind: call.status,
    what: filterButton("tool", call.tool, names[index]),
    beside: h(
      "button",
      {
        type: "button",
        class: "name",
        title: "Show its session",
        onclick: () => openTimeline(call.session),
      },
      shortMoment(call.time),
    ),
    text: duration(call.duration_ms),
  }));
  const sub = address.filters.status.length ? "" : "timeouts aside";
  panel(
    "slowest",
    { title: "Slowest calls", sub, actions: [copyButton("calls --slowest", { filters })] },
    items.length ? ranking(items, "The slowest calls") : nothing("No calls in this period."),
  );
}
