/** Colours: as the system has them, light or dark. `first-paint.js` sets them before. */

import { $ } from "./dom.js";

const THEMES = ["system", "light", "dark"];

function current() {
  const stored = localStorage.getItem("theme");
  return THEMES.includes(stored) ? stored : "system";
}

function show() {
  document.documentElement.dataset.theme = current();
  const text = current() === "system" ? "as the system has them" : current();
  $("theme").setAttribute("aria-label", `Colours: ${text}`);
  $("theme").title = `Colours: ${text} (t)`;
}

export function nextTheme() {
  localStorage.setItem("theme", THEMES[(THEMES.indexOf(current()) + 1) % THEMES.length]);
  show();
}

export function startTheme() {
  show();
  $("theme").addEventListener("click", nextTheme);
  addEventListener("storage", show);
}
