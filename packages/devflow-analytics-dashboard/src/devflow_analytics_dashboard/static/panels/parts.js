/** What panels are made of: a heading with its buttons, tables, ranked lists. */

import { command } from "../command.js";
import { fileName, save } from "../csv.js";
import { $, h, toast, update } from "../dom.js";
import { count } from "../format.js";

const widths = new Map(); // measuring makes the browser lay out the page: once is enough
const opened = new Set(); // lists of which all is shown

/** Draw a panel: its title, what is beside it, and what is below. */
export function panel(id, { title, sub, actions = [] }, ...body) {
  update(
    $(id),
    h(
      "header",
      null,
      h("h2", { id: `${id}-title` }, title),
      h("span", { class: "sub" }, sub),
      h("div", { class: "actions" }, actions),
    ),
    body,
  );
}

/**
 * A button that copies a command.
 *
 * @param {string} words The command and options of its own.
 * @param {object} [options]
 * @param {[string, string][]} [options.filters] Instead of those of the page.
 * @param {boolean} [options.isNearest] Whether it prints not the same, but what is nearest to it.
 */
export function copyButton(words, { filters, isNearest = false } = {}) {
  const text = command(words, filters);
  const copy = () => {
    const done = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("No clipboard"));
    done.then(() => toast(`Copied: ${text}`)).catch(() => toast(`Not copied. It is: ${text}`));
  };
  const label = `${isNearest ? "Nearest command" : "Command"}: copy ${text}`;
  const title = isNearest ? `The nearest command: ${text}` : `The same in a terminal: ${text}`;
  return h(
    "button",
    { type: "button", class: "quiet", title, "aria-label": label, onclick: copy },
    "Command",
  );
}

/**
 * A button that saves a CSV file, and says how many rows are in it.
 *
 * @param {string} name Of what is saved.
 * @param {string[]} columns
 * @param {() => object[] | Promise<{rows: object[], isCut: boolean}>} find All rows, or as many as
 *   there can be in a file.
 */
export function csvButton(name, columns, find) {
  const attributes = { type: "button", class: "quiet", "aria-label": `CSV: save ${name}` };
  const saveAll = async () => {
    const file = fileName(name);
    try {
      const found = await find();
      const { rows, isCut } = Array.isArray(found) ? { rows: found, isCut: false } : found;
      save(file, columns, rows);
      toast(saved(rows.length, isCut));
    } catch (error) {
      toast(`Nothing saved. ${error.message}`);
    }
  };
  return h("button", { ...attributes, onclick: saveAll }, "CSV");
}

function saved(rows, isCut) {
  const number = `${count(rows)} ${rows === 1 ? "row" : "rows"}`;
  if (!isCut) return `Saved ${number}.`;
  return `Saved the newest ${number} only. Choose a shorter period to save the others.`;
}

/** Buttons of which one is pressed. */
export function choice(label, options, chosen, choose) {
  const buttons = options.map(([value, text]) => {
    const isPressed = String(value === chosen);
    return h(
      "button",
      { type: "button", "aria-pressed": isPressed, onclick: () => choose(value) },
      text,
    );
  });
  return h("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

/**
 * A table.
 *
 * @param {string} caption
 * @param {{title: any, class?: string, sort?: string, cell: (row: any) => any}[]} columns The cells
 *   of the first are headings of their rows.
 * @param {any[]} rows
 * @param {(row: any) => object} [attributes] Of a row.
 */
export function table(caption, columns, rows, attributes = () => null) {
  const heads = columns.map(({ title, class: name, sort }) => {
    return h("th", { scope: "col", class: name, "aria-sort": sort }, title);
  });
  const cells = (row) => {
    return columns.map(({ class: name, cell }, index) => {
      return h(index ? "td" : "th", { class: name, scope: index ? null : "row" }, cell(row));
    });
  };
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
    h(
      "table",
      null,
      h("caption", { class: "unseen" }, caption),
      h("thead", null, h("tr", null, heads)),
      h(
        "tbody",
        null,
        rows.map((row) => h("tr", attributes(row), cells(row))),
      ),
    ),
  );
}

/** The data of a chart, as a table that opens below it. */
export function asTable(caption, columns, rows) {
  return h(
    "details",
    { class: "data" },
    h("summary", null, "As a table"),
    table(caption, columns, rows),
  );
}

/** A list of the largest first, each with a bar. */
export function ranking(items, label) {
  const most = Math.max(1e-9, ...items.map(({ value }) => value));
  const entries = items.map(({ value, what, beside, text, kind = "", key }) => {
    const width = `${Math.max(0.5, (100 * value) / most)}%`;
    const bar = h(
      "span",
      { class: "track", "aria-hidden": "true" },
      h("i", { class: kind, style: { width } }),
    );
    const name = h("span", { class: "what" }, what, " ", h("span", { class: "beside" }, beside));
    return h("li", { "data-key": key }, name, h("span", { class: "figure" }, text), bar);
  });
  return h("ol", { class: "ranking", "aria-label": label }, entries);
}

/** The first rows, or all of them if the reader wants them. */
export function firstOf(rows, most, name) {
  return opened.has(name) ? rows : rows.slice(0, most);
}

/** A button that shows all rows of a list, or only the first again; none if there are few. */
export function allButton(rows, most, name, redraw) {
  if (rows.length <= most) return null;
  const isOpen = opened.has(name);
  const toggle = () => {
    if (!opened.delete(name)) opened.add(name);
    redraw();
  };
  const text = isOpen ? "Show fewer" : `Show all ${count(rows.length)}`;
  const attributes = { type: "button", class: "more", "aria-expanded": String(isOpen) };
  return h("button", { ...attributes, onclick: toggle }, text);
}

export function nothing(text) {
  return h("p", { class: "nothing" }, text);
}

/** The width that the content of a panel has, in pixels. */
export function widthOf(id) {
  if (!widths.has(id)) widths.set(id, measure(id));
  return widths.get(id);
}

function measure(id) {
  const style = getComputedStyle($(id));
  const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
  return Math.max(220, $(id).clientWidth - padding);
}

/** Measure panels anew: the window has another width. */
export function forgetWidths() {
  widths.clear();
}

export const statusPill = (status) => h("span", { class: `pill ${status}` }, status);
