/** Save rows as a CSV file. */

import { address, question } from "./address.js";
import { MOST_ROWS, ask } from "./api.js";
import { h } from "./dom.js";

const MOST = 100_000; // rows of a file

/** What a spreadsheet would take for a formula gets a quote in front. */
function cell(value) {
  if (value === null || value === undefined) return "";
  const text = String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * The text of a CSV file.
 *
 * @param {string[]} columns Names of the columns, which are keys of the rows.
 * @param {object[]} rows
 */
export function csv(columns, rows) {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return lines.map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}

/** What a file is called: by what it has, and the period that is shown. */
export function fileName(name) {
  const period = [address.since, address.until].filter(Boolean).join("-to-");
  return `devflow-${name}-${period}.csv`.replace(/[^\w.-]/g, "-");
}

/** Let the reader save a file of these rows. */
export function save(file, columns, rows) {
  const url = URL.createObjectURL(new Blob([csv(columns, rows)], { type: "text/csv" }));
  h("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/**
 * All calls that match the period and the filters, up to 100,000; the newest first.
 *
 * @returns {Promise<{rows: object[], isCut: boolean}>}
 */
export async function allCalls() {
  const rows = [];
  const query = question();
  query.set("limit", MOST_ROWS);
  let next = "";
  while (next !== null && rows.length < MOST) {
    if (next) query.set("after", next);
    const page = await ask("calls", query, undefined, { isKept: false });
    rows.push(...page.calls);
    next = page.next;
  }
  return { rows, isCut: next !== null };
}

/**
 * The sessions that match the period and the filters, up to 1,000; the newest first.
 *
 * @returns {Promise<{rows: object[], isCut: boolean}>}
 */
export async function allSessions() {
  const query = question();
  query.set("limit", MOST_ROWS);
  const { sessions, count } = await ask("sessions", query, undefined, { isKept: false });
  return { rows: sessions, isCut: count > sessions.length };
}
