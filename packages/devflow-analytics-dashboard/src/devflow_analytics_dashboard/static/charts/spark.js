/** Charts as small as a word: a line, bars, a range of latencies. They repeat what is written. */

import { s } from "../dom.js";
import { boxes, line } from "./axis.js";

function drawing(width, height, className, ...children) {
  const viewBox = `0 0 ${width} ${height}`;
  const attributes = { viewBox, class: className, "aria-hidden": "true", focusable: "false" };
  return s("svg", { ...attributes, preserveAspectRatio: "none" }, children);
}

/** A line with the area below; null where nothing is known. */
export function sparkLine(values, kind = "") {
  const [width, height] = [200, 32];
  const known = values.filter((value) => value !== null);
  const largest = Math.max(...known, 1e-9);
  const step = width / Math.max(1, values.length - 1);
  const points = values.map((value, index) => {
    return value === null ? null : [index * step, height - 2 - (value / largest) * (height - 6)];
  });
  return drawing(
    width,
    height,
    `spark ${kind}`,
    s("path", { class: "area", d: areas(points, height) }),
    s("path", { class: "line", d: line(points), "vector-effect": "non-scaling-stroke" }),
  );
}

function areas(points, height) {
  let path = "";
  points.forEach((point, index) => {
    if (!point) return;
    const [x, y] = point.map((number) => number.toFixed(1));
    path += index && points[index - 1] ? `L${x} ${y}` : `M${x} ${height}V${y}`;
    if (!points[index + 1]) path += `V${height}z`;
  });
  return path;
}

/** Bars of calls, with those that failed at the base. */
export function sparkBars(calls, failed) {
  const [width, height] = [108, 22];
  const step = width / calls.length;
  const largest = Math.max(1, ...calls);
  const high = (value) => (value ? Math.max(1, (value / largest) * height) : 0);
  const bar = (index, from, to) => {
    return { x: index * step, y: height - to, width: step - 1, height: to - from };
  };
  const good = calls.map((value, index) => bar(index, high(failed[index]), high(value)));
  const bad = failed.map((value, index) => bar(index, 0, high(value)));
  return drawing(
    width,
    height,
    "spark-bars",
    s("path", { class: "fill success", d: boxes(good.filter((box) => box.height > 0)) }),
    s("path", { class: "fill error", d: boxes(bad.filter((box) => box.height > 0)) }),
  );
}

/**
 * From the median to the 99th percentile, on a scale by powers of ten.
 *
 * @param {{p50_ms: number, p95_ms: number, p99_ms: number}} tool
 * @param {[number, number]} scale The shortest and longest duration of all, in milliseconds.
 */
export function latencyRange({ p50_ms: p50, p95_ms: p95, p99_ms: p99 }, [shortest, longest]) {
  const [width, height] = [130, 20];
  const [low, high] = [Math.log10(shortest), Math.log10(longest)];
  const at = (ms) => 4 + ((Math.log10(Math.max(ms, shortest)) - low) / (high - low)) * (width - 8);
  const decades = Array.from({ length: Math.round(high - low) + 1 }, (_, index) => {
    return s("path", {
      class: "grid",
      d: `M${at(10 ** (low + index)).toFixed(1)} 1V${height - 1}`,
    });
  });
  const middle = height / 2;
  return drawing(
    width,
    height,
    "range",
    decades,
    s("path", { class: "tail", d: `M${at(p95)} ${middle}H${at(p99)}` }),
    s("path", { class: "body", d: `M${at(p50)} ${middle}H${at(p95)}` }),
    s("path", { class: "end", d: `M${at(p99)} ${middle - 4}v8` }),
    s("circle", { class: "dot", cx: at(p50), cy: middle, r: 3.5 }),
  );
}

/** The scale of several ranges: whole powers of ten. */
export function rangeScale(tools) {
  const shortest = Math.min(...tools.map((tool) => tool.p50_ms || 1), 1e4);
  const longest = Math.max(...tools.map((tool) => tool.p99_ms || 1), 1);
  const low = Math.floor(Math.log10(Math.max(0.1, shortest)));
  return [10 ** low, 10 ** Math.max(low + 1, Math.ceil(Math.log10(longest)))];
}
