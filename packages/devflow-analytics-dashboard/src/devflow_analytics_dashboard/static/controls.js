/** The controls above the figures: period, tool, status, and the filters that are set. */

import { address, clearFilters, exactly, filtersSet, go, plain } from "./address.js";
import { setFilter, toggleFilter } from "./address.js";
import { ask } from "./api.js";
import { $, h, update } from "./dom.js";
import { visible } from "./names.js";
import { isMidnight, local, midnight, present, range, written, zone } from "./times.js";

const DAY = 86400;
const LENGTHS = new Map([
  ["24h", DAY],
  ["7d", 7 * DAY],
  ["30d", 30 * DAY],
  ["90d", 90 * DAY],
]);

let period = null;
let tools = [];

export function choosePeriod(since, until = "") {
  closeCustom();
  go({ since, until });
}

export function chooseStatus(status) {
  setFilter("status", status ? [status] : []);
}

/** Go one period earlier (-1) or later (1). */
export function move(direction) {
  if (!canMove(direction)) return;
  const end = endOf(period);
  const length = end - period.since;
  const [since, until] = [period.since, end].map((time) => shifted(time, direction * length));
  if (until.getTime() / 1000 < present() - 60) {
    go(written(since, until));
    return;
  }
  const named = [...LENGTHS].find(([, seconds]) => Math.abs(seconds - length) <= 3660);
  const isOfDays = isMidnight(since) || !named;
  go(isOfDays ? written(since) : { since: named[0], until: "" });
}

/** Where a period ends: one of days that goes on, at the end of this day. */
function endOf({ since, until, is_open: isOpen }) {
  if (!isOpen) return until;
  return isMidnight(local(since)) ? midnight(present(), 1).getTime() / 1000 : present() + 1;
}

/** Days are moved by the calendar: some have 23 or 25 hours. */
function shifted(seconds, by) {
  const days = Math.round(by / DAY);
  const date = local(seconds);
  if (days && Math.abs(by - days * DAY) <= 3660) date.setDate(date.getDate() + days);
  else date.setTime(date.getTime() + by * 1000);
  date.setSeconds(0, 0);
  return date;
}

function canMove(direction) {
  if (!period || period.name === "all") return false;
  return direction < 0 || !period.is_open;
}

/** Show what the address says, and what the server makes of it. */
export function drawControls(newPeriod = period) {
  period = newPeriod;
  const isNamed = !address.until && LENGTHS.has(address.since);
  for (const button of $("period").querySelectorAll("[data-since]")) {
    const isPressed = isNamed && button.dataset.since === address.since;
    button.setAttribute("aria-pressed", String(isPressed));
  }
  $("custom").classList.toggle("in-use", !isNamed);
  const { status } = address.filters;
  for (const button of $("status").querySelectorAll("[data-status]")) {
    button.setAttribute(
      "aria-pressed",
      String((status.length > 1 ? null : (status[0] ?? "")) === button.dataset.status),
    );
  }
  if (period) $("range").textContent = range(period);
  $("earlier").disabled = !canMove(-1);
  $("later").disabled = !canMove(1);
  drawTools();
  drawChips();
}

export function takeTools(names) {
  tools = names;
  drawTools();
}

function drawTools() {
  const chosen = address.filters.tool;
  const values = new Set(tools.map(exactly));
  const others = chosen.length === 1 && !values.has(chosen[0]) ? [chosen[0]] : [];
  const option = (value, text) => h("option", { value }, text);
  update(
    $("tool"),
    option("", chosen.length > 1 ? `${chosen.length} tools` : "All tools"),
    others.map((pattern) => option(pattern, visible(plain(pattern)))),
    tools.map((name) => option(exactly(name), visible(name))),
  );
  $("tool").value = chosen.length === 1 ? chosen[0] : "";
}

function drawChips() {
  const chips = filtersSet().map(([kind, value]) => {
    const text = visible(plain(value));
    const label = `Remove the filter: ${kind} ${text}`;
    const remove = () => {
      toggleFilter(kind, value);
      ($("filters").querySelector("button") ?? $("main")).focus();
    };
    return h(
      "button",
      { type: "button", class: "chip", "aria-label": label, title: label, onclick: remove },
      h("span", { class: "kind" }, kind),
      h("bdi", null, text),
      h("span", { class: "cross", "aria-hidden": "true" }, "×"),
    );
  });
  const all = h("button", { type: "button", class: "quiet", onclick: clearFilters }, "Remove all");
  $("filters").hidden = !chips.length;
  update($("filters"), chips, chips.length > 1 ? all : null);
}

export function openCustom() {
  if (!$("custom-form").hidden) return closeCustom();
  showCustom();
  return $("custom-since").focus();
}

function showCustom() {
  $("custom-form").hidden = false;
  $("custom").setAttribute("aria-expanded", "true");
  $("custom-since").value = address.since;
  $("custom-until").value = address.until;
}

function closeCustom() {
  if ($("custom-form").hidden) return;
  const hadFocus = $("custom-form").contains(document.activeElement);
  $("custom-form").hidden = true;
  $("custom").setAttribute("aria-expanded", "false");
  showBadPeriod("");
  if (hadFocus) $("custom").focus();
}

/** Show what is wrong with a period beside the field that it is in. */
export function showBadPeriod(sentence) {
  if (sentence && $("custom-form").hidden) showCustom();
  const [since, until] = [$("custom-since"), $("custom-until")];
  const isOfUntil =
    until.value && sentence.includes(until.value) && !sentence.includes(since.value);
  since.setAttribute("aria-invalid", String(Boolean(sentence) && !isOfUntil));
  until.setAttribute("aria-invalid", String(Boolean(sentence) && Boolean(isOfUntil)));
  $("custom-problem").textContent = sentence;
}

async function submitCustom(event) {
  event.preventDefault();
  const since = $("custom-since").value.trim() || "7d";
  const until = $("custom-until").value.trim();
  const query = new URLSearchParams({ since, zone, limit: 1 });
  if (until) query.set("until", until);
  try {
    await ask("calls", query);
    choosePeriod(since, until);
  } catch (error) {
    showBadPeriod(error.message);
  }
}

export function startControls() {
  for (const button of $("period").querySelectorAll("[data-since]")) {
    button.addEventListener("click", () => choosePeriod(button.dataset.since));
  }
  for (const button of $("status").querySelectorAll("[data-status]")) {
    button.addEventListener("click", () => chooseStatus(button.dataset.status));
  }
  $("earlier").addEventListener("click", () => move(-1));
  $("later").addEventListener("click", () => move(1));
  $("tool").addEventListener("change", () => {
    setFilter("tool", $("tool").value ? [$("tool").value] : []);
  });
  $("custom").addEventListener("click", openCustom);
  $("custom-form").addEventListener("submit", submitCustom);
  $("custom-cancel").addEventListener("click", closeCustom);
  $("custom-form").addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeCustom();
  });
  drawControls();
}
