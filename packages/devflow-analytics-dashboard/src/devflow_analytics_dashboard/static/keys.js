/** Keys of one letter, which can be switched off, and the dialog that lists them. */

import { clearFilters, filtersSet } from "./address.js";
import { choosePeriod, chooseStatus, move, openCustom } from "./controls.js";
import { $, say } from "./dom.js";
import { toggleLive } from "./live.js";
import { nextTheme } from "./theme.js";

const KEYS = new Map([
  ["1", () => choosePeriod("24h")],
  ["2", () => choosePeriod("7d")],
  ["3", () => choosePeriod("30d")],
  ["4", () => choosePeriod("90d")],
  ["c", openCustom],
  ["[", () => move(-1)],
  ["]", () => move(1)],
  ["a", () => chooseStatus("")],
  ["e", () => chooseStatus("error")],
  ["o", () => chooseStatus("timeout")],
  ["f", () => $("tool").focus()],
  ["l", toggleLive],
  ["t", nextTheme],
  ["?", openKeys],
]);

function openKeys() {
  $("keys-dialog").showModal();
  $("keys-close").focus(); // not the checkbox before it: a space would switch the keys off
}

const areOn = () => localStorage.getItem("one-letter-keys") !== "off";

function pressed(event) {
  const isTyping = event.target.closest?.("input, select, textarea, dialog");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && filtersSet().length) {
    clearFilters();
    say("All filters are removed.");
  }
  const action = KEYS.get(event.key);
  if (!action || !areOn()) return;
  event.preventDefault();
  action();
}

export function startKeys() {
  const box = $("one-letter-keys");
  box.checked = areOn();
  box.addEventListener("change", () => {
    localStorage.setItem("one-letter-keys", box.checked ? "on" : "off");
  });
  $("keys").addEventListener("click", openKeys);
  $("keys-close").addEventListener("click", () => $("keys-dialog").close());
  document.addEventListener("keydown", pressed);
}
