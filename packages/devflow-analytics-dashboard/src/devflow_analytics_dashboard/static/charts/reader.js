/** Read a chart column by column: with the pointer, or with the arrow keys. */

import { $, h, s, say, update } from "../dom.js";

const positions = new Map(); // which column of which chart is read

/**
 * Make a chart of columns readable.
 *
 * @param {string} name The chart's.
 * @param {object} place Where its columns are: count, left, step, height.
 * @param {(index: number) => {title: string, rows: string[][]}} describe
 * @param {(index: number) => void} [choose] What a click, or Enter, does.
 * @returns {{attributes: object, cursor: SVGElement}} What its SVG element takes.
 */
export function reader(name, place, describe, choose) {
  if (positions.get(name) >= place.count) positions.delete(name);
  const show = (svg, index, options) => read(svg, { name, place, describe }, index, options);
  const attributes = {
    tabindex: 0,
    onpointerdown: (event) => show(event.currentTarget, under(event, place), { event }),
    onpointermove: (event) => show(event.currentTarget, under(event, place), { event }),
    onpointerleave: (event) => event.pointerType === "mouse" && show(event.currentTarget, null),
    onblur: (event) => show(event.currentTarget, null),
    onkeydown: (event) => {
      const at = positions.get(name);
      if (event.key === "Enter" && at !== undefined) choose?.(at);
      if (event.key === "Escape" && at !== undefined) {
        event.stopPropagation();
        show(event.currentTarget, null);
      }
      const to = target(event.key, at, place.count);
      if (to === null) return;
      event.preventDefault();
      show(event.currentTarget, to, { isSaid: true });
    },
    onclick: (event) => {
      const index = under(event, place);
      if (index !== null && event.pointerType === "mouse") choose?.(index);
    },
  };
  return { attributes, cursor: cursor(positions.get(name), place) };
}

function cursor(index, { left, step, height }) {
  const x = index === undefined ? -9999 : left + index * step;
  return s("rect", { class: "cursor", x, y: 0, width: Math.max(step, 1), height });
}

function target(key, at, count) {
  if (key === "ArrowRight") return Math.min((at ?? -1) + 1, count - 1);
  if (key === "ArrowLeft") return Math.max((at ?? count) - 1, 0);
  if (key === "Home") return 0;
  return key === "End" ? count - 1 : null;
}

function under(event, { left, step, count }) {
  const box = event.currentTarget.getBoundingClientRect();
  const index = Math.floor((event.clientX - box.left - left) / step);
  return index >= 0 && index < count ? index : null;
}

function read(svg, { name, place, describe }, index, { event, isSaid } = {}) {
  const x = index === null ? -9999 : place.left + index * place.step;
  svg.querySelector(".cursor").setAttribute("x", x);
  if (index === null) {
    positions.delete(name);
    hideTip();
    return;
  }
  positions.set(name, index);
  const { title, rows } = describe(index);
  const box = svg.getBoundingClientRect();
  const middle = box.left + place.left + (index + 0.5) * place.step;
  showTip(event?.clientX ?? middle, event?.clientY ?? box.top + 30, title, rows);
  if (isSaid) say(`${title}: ${rows.map((row) => row.join(" ")).join(", ")}`);
}

/** What an SVG element of rows takes to be read with the arrow keys, row by row. */
export function rowReader(count, height, describe) {
  let at = null;
  return {
    tabindex: 0,
    onblur: hideTip,
    onkeydown: (event) => {
      const to = target(
        event.key.replace("Down", "Right").replace("Up", "Left"),
        at ?? undefined,
        count,
      );
      if (event.key === "Escape") hideTip();
      if (to === null || event.key === "ArrowLeft" || event.key === "ArrowRight") return;
      event.preventDefault();
      at = to;
      const { title, rows } = describe(to);
      const box = event.currentTarget.getBoundingClientRect();
      showTip(box.left + 40, box.top + (to + 1) * height, title, rows);
      say(`${title}: ${rows.map((row) => row.join(" ")).join(", ")}`);
    },
  };
}

/** Show rows of names and values beside a point of the window. */
export function showTip(x, y, title, rows) {
  const tip = $("tip");
  const lines = rows.map(([key, value]) => [h("dt", null, key), h("dd", null, value)]);
  update(tip, h("strong", null, title), h("dl", null, lines));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const fits = x + 16 + width < document.documentElement.clientWidth;
  tip.style.left = `${Math.max(4, fits ? x + 16 : x - 16 - width)}px`;
  tip.style.top = `${Math.max(4, Math.min(y + 12, innerHeight - height - 4))}px`;
}

export function hideTip() {
  $("tip").hidden = true;
}
