/** Names of tools, servers and the like, which can be any text. */

import { address, exactly, toggleFilter } from "./address.js";
import { h } from "./dom.js";

/** Characters that would hide, or turn round, what is beside them. */
const UNSEEN =
  /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e0fff}]/gu;

/**
 * A name with escapes for characters that cannot be seen: `\x1b`, `\u202e`. One of spaces alone is
 * shown as `␣␣`.
 */
export function visible(name) {
  if (name === "") return '""';
  const text = name.replace(UNSEEN, escaped);
  return text.trim() ? text : text.replace(/\s/g, "␣");
}

/** Whether a name has characters that cannot be seen. */
export function hasUnseen(name) {
  return name.search(UNSEEN) >= 0;
}

export function escaped(character) {
  const code = character.codePointAt(0).toString(16);
  if (code.length <= 2) return `\\x${code.padStart(2, "0")}`;
  return code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\U${code.padStart(8, "0")}`;
}

/** A name that does not change the direction of what is around it. */
export function bdi(name) {
  return h("bdi", null, visible(name));
}

/** A name that shows only what has it, and once more shows all. */
export function filterButton(kind, name, label = name) {
  const isSet = address.filters[kind].includes(exactly(name));
  return h(
    "button",
    {
      type: "button",
      class: "name",
      title: isSet ? `${visible(label)}: show all again` : `Show only ${visible(label)}`,
      "aria-pressed": String(isSet),
      onclick: () => toggleFilter(kind, exactly(name)),
    },
    bdi(label),
  );
}

/** What to call each tool, to be seen: by its server too where names are equal. */
export function labels(tools) {
  const servers = new Map();
  for (const { tool, server } of tools) {
    servers.set(tool, (servers.get(tool) ?? new Set()).add(server));
  }
  return tools.map(({ tool, server }) => {
    return visible(server && servers.get(tool).size > 1 ? `${server}/${tool}` : tool);
  });
}

/** The end of a session's id, which tells it; ids of one minute begin alike. */
export const short = (session) => session.slice(-8);

/** What a failure is called: its type, or else how it ended. */
export function errorName({ status, error_type: type }) {
  if (type) return bdi(type);
  return status === "timeout" ? "timed out" : "no type given";
}
