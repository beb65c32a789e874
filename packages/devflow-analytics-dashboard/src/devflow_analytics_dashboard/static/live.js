/** Follow the database: look every 2 seconds whether it changed, as long as the page is seen. */

import { ask } from "./api.js";
import { $ } from "./dom.js";

const POLL_INTERVAL = 2000; // in milliseconds, as all here
const FIRST_RUN_POLL_INTERVAL = 1000;
const REFRESH_INTERVAL = 5 * 60 * 1000;
const REQUEST_TIMEOUT = 10_000;
/** The page waits this many times as long as the last refresh took before the next one. */
const REFRESH_PAUSE_FACTOR = 4;

/** @type {{follow: Function, refresh: Function, report: Function, status: Function}} */
let page;
let timer;
let version;
let isBehind = false;
let isPolling = false;
let last = { ended: 0, took: 0, isRunning: false };

const isOn = () => localStorage.getItem("live") !== "off";

function show() {
  $("live").setAttribute("aria-pressed", String(isOn()));
  $("live-text").textContent = isOn() ? "live" : "paused";
}

export function toggleLive() {
  localStorage.setItem("live", isOn() ? "off" : "on");
  show();
  pollNow();
}

/** Take note that a refresh began; the returned function notes that it ended. */
export function noteRefresh() {
  const begun = performance.now();
  const own = { ended: begun, took: 0, isRunning: true };
  last = own;
  return () => {
    own.ended = performance.now();
    own.took = own.ended - begun;
    own.isRunning = false;
  };
}

/** Look at once, and then every 2 seconds. */
export function pollNow() {
  clearTimeout(timer);
  poll();
}

async function poll() {
  if (isPolling || document.hidden || page.status() === "stopped") return;
  if (!isOn() && version !== undefined && page.status() === "fine") return;
  isPolling = true;
  try {
    await look();
  } catch (error) {
    page.report(error);
  }
  isPolling = false;
  clearTimeout(timer);
  timer = setTimeout(poll, isWaiting() ? FIRST_RUN_POLL_INTERVAL : POLL_INTERVAL);
}

async function look() {
  const found = await ask("version", null, AbortSignal.timeout(REQUEST_TIMEOUT));
  page.noteVersion(found);
  const isFirst = version === undefined;
  if (found.version !== version && !isFirst) {
    isBehind = true;
    if (!last.isRunning && found.version) await page.follow();
  }
  version = found.version;
  if (!isDue()) return;
  isBehind = false;
  page.refresh();
}

/** Whether there is nothing to show until the first call comes. */
const isWaiting = () => page.status() === "waiting";

function isDue() {
  if (last.isRunning) return false;
  if (isWaiting() && isBehind) return true;
  const paused = performance.now() - last.ended;
  if (paused > REFRESH_INTERVAL) return true;
  const pause = Math.max(POLL_INTERVAL / 2, REFRESH_PAUSE_FACTOR * last.took);
  return (isBehind || page.status() === "retrying") && paused >= pause;
}

/**
 * Begin to follow.
 *
 * @param {object} functions follow() shows new calls, refresh() all; report(error) says what is
 *   wrong; status() is the status of the page; noteVersion(answer) takes what was found.
 */
export function startLive(functions) {
  page = functions;
  show();
  $("live").addEventListener("click", toggleLive);
  document.addEventListener("visibilitychange", () => !document.hidden && pollNow());
  pollNow();
}
