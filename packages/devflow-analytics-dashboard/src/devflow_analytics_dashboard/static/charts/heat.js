/** How many calls took how long, over time. */

import { s } from "../dom.js";
import { FEW, FEWEST, count, median, percentile } from "../format.js";
import { boxes, bucketName, line, timeMarks, valueMark } from "./axis.js";
import { reader } from "./reader.js";

const BOTTOM = 22;
const SHADES = 9;
const MARKS = [
  [0.1, "0.1 ms"],
  [1, "1 ms"],
  [10, "10 ms"],
  [100, "100 ms"],
  [1000, "1 s"],
  [10000, "10 s"],
  [60000, "1 min"],
  [600000, "10 min"],
  [3600000, "1 h"],
];

/** @param {object} options As for `bars`. */
export function heat({ buckets, each, width, label, choose }) {
  const height = width > 560 ? 290 : 210;
  const left = 52;
  const floor = height - BOTTOM;
  const step = (width - left) / buckets.length;
  const bins = buckets.flatMap(({ histogram }) => histogram.map(([bin]) => bin));
  const lowest = Math.min(0, ...bins);
  const row = (floor - 6) / (Math.max(14, ...bins) + 1 - lowest);
  const y = (bin) => floor - (bin - lowest) * row;
  const place = { count: buckets.length, left, step, height: floor };
  const describe = (index) => inWords(buckets[index], each);
  const { attributes, cursor } = reader("latency", place, describe, (index) => {
    choose(buckets[index]);
  });
  return s(
    "svg",
    { ...attributes, role: "img", "aria-label": label, viewBox: `0 0 ${width} ${height}`, height },
    cursor,
    marks(y, { left, right: width, floor }),
    cells(buckets, { left, step, row, y }),
    lines(buckets, { left, step, y }),
    timeMarks(buckets, each, { left, step, y: floor, right: width }),
  );
}

function marks(y, { left, right, floor }) {
  const base = s("line", { class: "base", x1: left, x2: right, y1: floor + 0.5, y2: floor + 0.5 });
  const shown = MARKS.map(([ms, text]) => ({ y: y(2 * Math.log2(ms)), text }));
  const fitting = shown.filter((mark) => mark.y > 4 && mark.y < floor - 4);
  return [base, fitting.map((mark) => valueMark({ left, right, ...mark }))];
}

function cells(buckets, { left, step, row, y }) {
  const most = Math.max(1, ...buckets.flatMap(({ histogram }) => histogram.map((cell) => cell[1])));
  const shades = Array.from({ length: SHADES }, () => []);
  const width = Math.max(0.6, step - (step > 6 ? 1 : 0));
  buckets.forEach(({ histogram }, index) => {
    for (const [bin, calls] of histogram) {
      const shade = Math.floor((Math.log(calls + 1) / Math.log(most + 1)) * SHADES);
      const box = { x: left + index * step, y: y(bin + 1), width, height: Math.max(0.6, row - 1) };
      shades[Math.min(SHADES - 1, shade)].push(box);
    }
  });
  return shades.map((list, shade) => s("path", { class: `heat-${shade + 1}`, d: boxes(list) }));
}

function lines(buckets, { left, step, y }) {
  const points = (of, fewest) => {
    return buckets.map((bucket, index) => {
      if (bucket.calls < fewest || !bucket[of]) return null;
      return [left + (index + 0.5) * step, y(2 * Math.log2(bucket[of]))];
    });
  };
  const medians = line(points("p50_ms", FEWEST));
  const percentiles = line(points("p95_ms", FEW));
  return [
    s("path", { class: "halo", d: medians }),
    s("path", { class: "halo", d: percentiles }),
    s("path", { class: "median", d: medians }),
    s("path", { class: "p95", d: percentiles }),
  ];
}

function inWords(bucket, each) {
  const rows = [
    ["Calls", count(bucket.calls)],
    ["Median", median(bucket)],
    ["95th percentile", percentile(bucket, bucket.p95_ms)],
  ];
  return { title: bucketName(bucket, each), rows };
}
