/** Calls over time: stacked bars, failures at the base. */

import { s } from "../dom.js";
import { count, share } from "../format.js";
import { boxes, bucketName, roundValues, timeMarks, valueMark } from "./axis.js";
import { reader } from "./reader.js";

const BOTTOM = 22;
const TOP = 18;

/**
 * @param {object} options
 * @param {object[]} options.buckets As the API has them.
 * @param {string} options.each How long a bucket is.
 * @param {number} options.width In pixels.
 * @param {boolean} options.isShare Whether bars show the share of failing calls.
 * @param {boolean} options.isOpen Whether more calls can come into the last bar.
 * @param {string} options.label The chart in words.
 * @param {(bucket: object) => void} options.choose
 */
export function bars({ buckets, each, width, isShare, isOpen, label, choose }) {
  const height = width > 560 ? 290 : 200;
  const left = 44;
  const step = (width - left) / buckets.length;
  const values = roundValues(largest(buckets, isShare), isShare ? 0.005 : 1);
  const floor = height - BOTTOM;
  const y = (value) => TOP + (floor - TOP) * (1 - value / values.at(-1));
  const place = { count: buckets.length, left, step, height: floor };
  const describe = (index) => inWords(buckets, index, { each, isOpen });
  const { attributes, cursor } = reader("calls", place, describe, (index) =>
    choose(buckets[index]),
  );
  return s(
    "svg",
    { ...attributes, role: "img", "aria-label": label, viewBox: `0 0 ${width} ${height}`, height },
    cursor,
    values.map((value) => {
      const text = isShare ? share(value) : thousands(value);
      return valueMark({ left, right: width, y: y(value), text, isBase: value === 0 });
    }),
    stacks(buckets, { left, step, y, isShare, isOpen }),
    isShare ? null : s("path", { class: "before", d: steps(buckets, left, step, y) }),
    timeMarks(buckets, each, { left, step, y: floor, right: width }),
    isSoFar(buckets, buckets.length - 1, isOpen) &&
      s("text", { class: "mark", x: width, y: 11, "text-anchor": "end" }, "so far"),
  );
}

function largest(buckets, isShare) {
  if (isShare) return Math.max(0.02, ...buckets.map(failing));
  return Math.max(1, ...buckets.map(({ calls, calls_before: before }) => Math.max(calls, before)));
}

export function failing({ calls, errors, timeouts }) {
  return calls ? (errors + timeouts) / calls : 0;
}

function thousands(value) {
  return value >= 10000 ? `${Number((value / 1000).toFixed(1))}k` : count(value);
}

function isSoFar(buckets, index, isOpen) {
  return isOpen && index === buckets.length - 1 && !buckets[index].is_whole;
}

function stacks(buckets, { left, step, y, isShare, isOpen }) {
  const gap = step > 5 ? Math.min(3, step * 0.2) : step > 2.5 ? 0.6 : 0;
  const paths = new Map();
  buckets.forEach((bucket, index) => {
    const unit = isShare ? 1 / Math.max(1, bucket.calls) : 1;
    const success = isShare ? 0 : bucket.calls - bucket.errors - bucket.timeouts;
    const parts = [
      ["error", bucket.errors],
      ["timeout", bucket.timeouts],
      ["success", success],
    ];
    let base = 0;
    for (const [status, calls] of parts) {
      if (!calls) continue;
      const top = y((base + calls) * unit);
      const height = Math.max(0.8, y(base * unit) - top);
      const shade = isSoFar(buckets, index, isOpen) ? `${status} so-far` : status;
      const box = { x: left + index * step + gap / 2, y: top, width: step - gap, height };
      paths.set(shade, [...(paths.get(shade) ?? []), box]);
      base += calls;
    }
  });
  return [...paths].map(([shade, list]) => s("path", { class: `fill ${shade}`, d: boxes(list) }));
}

function steps(buckets, left, step, y) {
  let path = "";
  buckets.forEach(({ calls_before: before }, index) => {
    if (before === null) return;
    const isNew = !index || buckets[index - 1].calls_before === null;
    const x = (left + index * step).toFixed(1);
    path += `${isNew ? "M" : "L"}${x} ${y(before).toFixed(1)}h${step.toFixed(2)}`;
  });
  return path;
}

function inWords(buckets, index, { each, isOpen }) {
  const bucket = buckets[index];
  const soFar = isSoFar(buckets, index, isOpen) ? " so far" : "";
  const rows = [
    ["Calls", `${count(bucket.calls)}${soFar}`],
    ["Errors", count(bucket.errors)],
    ["Timeouts", count(bucket.timeouts)],
    ["Failing", share(bucket.calls ? failing(bucket) : null)],
    ["Period before", bucket.calls_before === null ? "nothing" : count(bucket.calls_before)],
  ];
  return { title: bucketName(bucket, each), rows };
}
