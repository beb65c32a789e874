/** Commands that print what the panels show. */

import { address, filtersSet } from "./address.js";
import { escaped, hasUnseen } from "./names.js";

const SAFE = /^[\w@%+=:,./-]+$/;

/**
 * A word as a shell takes it. Control characters are written as escapes: raw ones would do
 * something to the terminal that the command is pasted into.
 */
export function quoted(word) {
  if (SAFE.test(word)) return word;
  if (!hasUnseen(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  const letters = [...word].map((letter) => {
    if (letter === "\\" || letter === "'") return `\\${letter}`;
    return hasUnseen(letter) ? inShell(letter) : letter;
  });
  return `$'${letters.join("")}'`;
}

function inShell(character) {
  const code = character.codePointAt(0);
  return code < 0x80 ? escaped(character) : `\\U${code.toString(16).padStart(8, "0")}`;
}

/**
 * The whole command, with the period and the filters of the page.
 *
 * @param {string} words The command and options of its own: `tools --sort p95`.
 * @param {[string, string][]} [filters] Instead of those of the page.
 */
export function command(words, filters = filtersSet()) {
  const parts = [`devflow-analytics ${words} --since ${quoted(address.since)}`];
  if (address.until) parts.push(`--until ${quoted(address.until)}`);
  for (const [kind, value] of filters) parts.push(`--${kind} ${quoted(value)}`);
  return parts.join(" ");
}
