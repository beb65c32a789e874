/** Axes: where marks stand, and what they say. */

import { s } from "../dom.js";
import { clock, day, local, weekday, written } from "../times.js";

/** Round values from 0 to at least the largest, about four of them. */
export function roundValues(largest, smallestStep = 0) {
  const raw = Math.max(largest / 4, smallestStep, 1e-9);
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((times) => times * magnitude >= raw * 0.999);
  const step = factor * magnitude;
  const steps = Math.max(1, Math.ceil(largest / step - 1e-9));
  return Array.from({ length: steps + 1 }, (_, index) => index * step);
}

/** A horizontal line with a value beside it. */
export function valueMark({ left, right, y, text, isBase = false }) {
  const at = Math.round(y) + 0.5;
  return [
    s("line", { class: isBase ? "base" : "grid", x1: left, x2: right, y1: at, y2: at }),
    s("text", { class: "mark", x: left - 8, y: at + 4, "text-anchor": "end" }, text),
  ];
}

/**
 * Times below a chart of buckets.
 *
 * @param {{since: number}[]} buckets
 * @param {string} each How long a bucket is.
 * @param {{left: number, step: number, y: number, right: number}} place
 */
export function timeMarks(buckets, each, { left, step, y, right }) {
  const isOfDays = !each.includes("hour");
  const marks = candidates(buckets, each, (right - left) / 58);
  let free = -Infinity;
  return marks.map((index) => {
    const x = left + (index + (isOfDays ? 0.5 : 0)) * step;
    const text = wording(buckets[index].since, each);
    const isLate = x > right - 40;
    const anchor = isLate ? "end" : isOfDays ? "middle" : "start";
    const at = isLate ? Math.min(x + 20, right) : x;
    const begin = at - { start: 0, middle: 20, end: 40 }[anchor];
    if (begin < free) return null;
    free = begin + 46;
    return [
      s("line", { class: "base", x1: x, x2: x, y1: y, y2: y + 4 }),
      s("text", { class: "mark", x: at, y: y + 16, "text-anchor": anchor }, text),
    ];
  });
}

function candidates(buckets, each, room) {
  const all = buckets.map((_, index) => index).filter((index) => begins(buckets[index], each));
  if (each === "hour") {
    const hours = [1, 2, 3, 6, 12, 24].find((some) => all.length / some <= room) ?? 24;
    return all.filter((index) => local(buckets[index].since).getHours() % hours === 0);
  }
  const every = Math.max(1, Math.ceil(all.length / room));
  return all.filter((_, index) => (all.length - 1 - index) % every === 0);
}

/** Whether a bucket begins where a mark can be: the first one often begins in between. */
function begins({ since }, each) {
  const date = local(since);
  if (each === "hour") return date.getMinutes() === 0 && date.getSeconds() === 0;
  if (each === "3 hours") return date.getHours() === 0 && date.getMinutes() === 0;
  return true;
}

function wording(since, each) {
  if (each === "hour") return clock(since);
  if (each === "year") return String(local(since).getFullYear());
  if (each === "month") return written(local(since)).since.slice(0, "2026-11".length);
  return each === "3 hours" ? weekday(since) : day(since);
}

/** What a bucket is called: `Wed 18 Nov 12:00 – 15:00`. */
export function bucketName({ since, until }, each) {
  if (each === "day") return day(since, true);
  const isOverMidnight = day(since) !== day(until);
  if (!each.includes("hour")) return `${day(since, true)} – ${day(until - 1, true)}`;
  return `${day(since, true)} ${clock(since)} – ${isOverMidnight ? "24:00" : clock(until)}`;
}

/** Rectangles as one path: far fewer nodes than one for each. */
export function boxes(rectangles) {
  const f = (number) => Number(number.toFixed(2));
  return rectangles
    .map(({ x, y, width, height }) => `M${f(x)} ${f(y)}h${f(width)}v${f(height)}h${-f(width)}z`)
    .join("");
}

/** A line through points; it breaks where there is none, and one alone is a dot. */
export function line(points) {
  let path = "";
  points.forEach((point, index) => {
    if (!point) return;
    const isNew = index === 0 || !points[index - 1];
    path += `${isNew ? "M" : "L"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    if (isNew) path += "h0.01";
  });
  return path;
}
