/** One session's calls: a lane for each tool, from left to right in time. */

import { s } from "../dom.js";
import { count, duration, lasted } from "../format.js";
import { clock } from "../times.js";
import { boxes } from "./axis.js";
import { hideTip, rowReader, showTip } from "./reader.js";

const ROW = 24;

/**
 * @param {object} options
 * @param {object} options.timeline As the API has it.
 * @param {string[]} options.names What to call the tools of the lanes.
 * @param {number} options.width In pixels.
 * @param {string} options.label The chart in words.
 * @param {(lane: object, bar: object) => boolean} options.isShown Whether the filters leave a bar.
 */
export function lanes({ timeline, names, width, label, isShown }) {
  const left = Math.min(190, Math.max(108, width * 0.26));
  const height = timeline.lanes.length * ROW + 24;
  const scale = (width - left) / timeline.columns;
  const room = Math.floor((left - 12) / 6.8);
  const place = { timeline, names, left, scale };
  return s(
    "svg",
    {
      class: "lanes",
      role: "img",
      "aria-label": label,
      viewBox: `0 0 ${width} ${height}`,
      height,
      onpointermove: (event) => describe(event, place),
      onpointerleave: hideTip,
      ...rowReader(timeline.lanes.length, ROW, (index) =>
        inWords(timeline.lanes[index], names[index]),
      ),
    },
    timeline.lanes.map((lane, index) => [
      s("rect", {
        class: "lane",
        x: left,
        y: index * ROW + 3,
        width: width - left,
        height: 18,
        rx: 4,
      }),
      s("text", { class: "lane-name", x: 0, y: index * ROW + 16 }, cut(names[index], room)),
      paths(lane, { y: index * ROW + 5, left, scale, isShown }),
    ]),
    gaps(timeline, { left, scale, height: height - 24 }),
    timeMarks(timeline, { left, scale, y: height - 6, width }),
  );
}

function cut(name, room) {
  const letters = [...name];
  return letters.length > room ? `${letters.slice(0, room - 1).join("")}…` : name;
}

function paths(lane, { y, left, scale, isShown }) {
  return ["success", "timeout", "error"].flatMap((status) => {
    const bars = lane.bars.filter((bar) => bar.status === status);
    const boxesOf = (list) => boxes(list.map((bar) => box(bar, { y, left, scale })));
    const shown = bars.filter((bar) => isShown(lane, bar));
    const others = bars.filter((bar) => !isShown(lane, bar));
    return [
      others.length ? s("path", { class: "fill left-out", d: boxesOf(others) }) : null,
      shown.length ? s("path", { class: `fill ${status}`, d: boxesOf(shown) }) : null,
    ];
  });
}

function box({ column, columns }, { y, left, scale }) {
  return { x: left + column * scale, y, width: Math.max(1.6, columns * scale), height: 14 };
}

/** Where nothing happened for long, and time is squeezed. */
function gaps({ stretches }, { left, scale, height }) {
  return stretches.slice(1).map((stretch, index) => {
    const before = stretches[index];
    const x = left + ((before.column + before.columns + stretch.column) / 2) * scale;
    return s("path", { class: "gap", d: `M${x.toFixed(1)} 0V${height}` });
  });
}

/** The times at which stretches begin, where there is room, and the end. */
function timeMarks({ stretches }, { left, scale, y, width }) {
  if (!stretches.length) return null;
  const end = clock(stretches.at(-1).until_ms / 1000, true);
  const marks = [s("text", { class: "mark", x: width, y, "text-anchor": "end" }, end)];
  let free = left;
  for (const { since_ms: since, column } of stretches) {
    const x = left + column * scale;
    const isFirst = x === left;
    const room = isFirst ? 62 : 46;
    if (x < free || x + room > width - 56) continue;
    free = x + room;
    marks.push(s("text", { class: "mark", x, y }, clock(since / 1000, isFirst)));
  }
  return marks;
}

function inWords({ calls, failed, total_ms: ms }, title) {
  const rows = [
    ["Calls", count(calls)],
    ["Failed", count(failed)],
    ["Time", duration(ms)],
  ];
  return { title, rows };
}

function describe(event, { timeline, names, left, scale }) {
  const area = event.currentTarget.getBoundingClientRect();
  const index = Math.floor((event.clientY - area.top) / ROW);
  const column = (event.clientX - area.left - left) / scale;
  const lane = timeline.lanes[index];
  if (!lane || column < 0) return hideTip();
  const near = lane.bars.filter((bar) => {
    return column >= bar.column - 2 && column <= bar.column + bar.columns + 2;
  });
  const calls = near.reduce((sum, bar) => sum + bar.calls, 0);
  const statuses = [...new Set(near.map((bar) => bar.status))].join(", ");
  const here = calls ? [["Calls here", `${count(calls)}, ${statuses}`]] : [];
  const all = ["In all", `${count(lane.calls)} in ${duration(lane.total_ms)}`];
  return showTip(event.clientX, event.clientY, names[index], [
    ...when(timeline, column),
    ...here,
    all,
  ]);
}

function when({ stretches }, column) {
  const isIn = (stretch) => column >= stretch.column && column <= stretch.column + stretch.columns;
  const stretch = stretches.find(isIn);
  if (!stretch) return [["At", "a gap"]];
  const part = (column - stretch.column) / (stretch.columns || 1);
  const ms = stretch.since_ms + part * (stretch.until_ms - stretch.since_ms);
  const since = (ms - stretches[0].since_ms) / 1000;
  return [["At", `${clock(ms / 1000, true)}, after ${lasted(since)}`]];
}
