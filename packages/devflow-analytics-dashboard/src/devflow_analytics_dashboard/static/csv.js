/** Save rows as a CSV file. */

import { address } from "./address.js";
import { h } from "./dom.js";

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

/** Let the reader save a file of these rows. */
export function save(name, columns, rows) {
  const url = URL.createObjectURL(new Blob([csv(columns, rows)], { type: "text/csv" }));
  const period = [address.since, address.until].filter(Boolean).join("-to-");
  const file = `devflow-${name}-${period}.csv`.replace(/[^\w.-]/g, "-");
  h("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
