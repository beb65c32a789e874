/** What the page shows is in its address: the period, the filters, the session, the order. */

import { zone } from "./times.js";

const FILTERS = ["tool", "status", "server", "client", "project", "session"];
const DEFAULT = { since: "7d", sort: "-calls" };
const listeners = [];

export let address = read();

function read() {
  const query = new URLSearchParams(location.search);
  return {
    since: query.get("since") || DEFAULT.since,
    until: query.get("until") || "",
    filters: Object.fromEntries(FILTERS.map((kind) => [kind, query.getAll(kind).filter(Boolean)])),
    timeline: query.get("timeline") ?? "",
    sort: query.get("sort") || DEFAULT.sort,
  };
}

/** The period and the filters, as the API takes them. */
export function question({ period = true, filters = address.filters } = {}) {
  const query = asked({ period, filters });
  query.set("zone", zone);
  return query;
}

function asked({ period = true, filters = address.filters } = {}) {
  const query = new URLSearchParams();
  if (period) query.set("since", address.since);
  if (period && address.until) query.set("until", address.until);
  for (const kind of FILTERS) {
    for (const value of filters[kind]) query.append(kind, value);
  }
  return query;
}

function write() {
  const query = asked();
  if (address.since === DEFAULT.since) query.delete("since");
  if (address.timeline) query.set("timeline", address.timeline);
  if (address.sort !== DEFAULT.sort) query.set("sort", address.sort);
  const text = query.toString().replaceAll("%3A", ":");
  return location.pathname + (text && `?${text}`);
}

/** Go to another state of the page; the back button returns from it unless it replaces this one. */
export function go(change, { replace = false } = {}) {
  const before = address;
  address = { ...address, ...change };
  const method = replace ? "replaceState" : "pushState";
  if (write() !== location.pathname + location.search) history[method](null, "", write());
  for (const listener of listeners) listener(before);
}

/** Have a function called with the state before, after each change. */
export function onChange(listener) {
  listeners.push(listener);
}

addEventListener("popstate", () => {
  const before = address;
  address = read();
  for (const listener of listeners) listener(before);
});

/** Set one filter, instead of all others of its kind; or remove it if it is set. */
export function toggleFilter(kind, value) {
  const isSet = address.filters[kind].includes(value);
  setFilter(kind, isSet ? address.filters[kind].filter((other) => other !== value) : [value]);
}

export function setFilter(kind, values) {
  go({ filters: { ...address.filters, [kind]: values } });
}

export function clearFilters() {
  go({ filters: Object.fromEntries(FILTERS.map((kind) => [kind, []])) });
}

/** The filters that are set: [kind, value] of each. */
export function filtersSet() {
  return FILTERS.flatMap((kind) => address.filters[kind].map((value) => [kind, value]));
}

/** The pattern that only this name matches. */
export function exactly(name) {
  return name.replace(/[*?[]/g, "[$&]");
}

/** What a pattern says, for people: without the brackets that `exactly` makes. */
export function plain(pattern) {
  return pattern.replace(/\[([*?[])\]/g, "$1");
}

/** Whether a name matches one of the patterns; if there are none, each does. */
export function matches(patterns, name) {
  return !patterns.length || patterns.some((pattern) => asRegExp(pattern).test(name ?? ""));
}

function asRegExp(pattern) {
  const parts = pattern.match(/\[\^?.[^\]]*\]|[^]/gu) ?? [];
  const source = parts.map((part) => {
    if (part === "*") return "[^]*";
    if (part === "?") return "[^]";
    const isSet = part.length > 2 && part.startsWith("[");
    return isSet ? part.replace(/\\/g, "\\\\") : part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  });
  try {
    return new RegExp(`^${source.join("")}$`, "u");
  } catch {
    return /^/; // a set of letters that JavaScript writes otherwise
  }
}
