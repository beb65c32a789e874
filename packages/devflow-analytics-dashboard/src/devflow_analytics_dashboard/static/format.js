/** Numbers and times as people read them. The command prints them by the same rules. */

export const UNKNOWN = "–";
const MINUS = "−";
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

/** Percentiles of fewer calls say little, and are marked. */
export const FEW = 20;
/** A median of fewer calls says nothing, and is left out. */
export const FEWEST = 5;
/** The share of failing calls from which on it is shown in red. */
export const WORRYING = 0.1;

/** Round to decimals. A tie goes to the even digit, as Python has it, where toFixed goes up. */
function fixed(value, digits) {
  const exact = value.toFixed(digits + 20);
  if (exact.slice(-20) !== `5${"0".repeat(19)}`) return value.toFixed(digits);
  const down = exact.slice(0, -20).replace(/\.$/, "");
  return Number(down.at(-1)) % 2 === 0 ? down : value.toFixed(digits);
}

/** A whole number with commas: `12,345`. */
export function count(number) {
  return fixed(number, 0).replace(/\B(?=(\d{3})+$)/g, ",");
}

function whole(value) {
  return value < 9999.5 ? count(value) : ">9,999";
}

/** A figure in two digits or more, but no finer than tenths. */
function figure(value) {
  if (value > 0 && value < 0.05) return "<0.1";
  return value > 0 && value < 9.95 ? fixed(value, 1) : whole(value);
}

/** How long something took, in milliseconds: `3.2 ms`, `8.64 s`, `1 min 43 s`, `22 h 43 min`. */
export function duration(ms) {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 999.5) return `${figure(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 99.95) return `${fixed(seconds, seconds < 9.995 ? 2 : 1)} s`;
  if (seconds < 10 * MINUTE) {
    const full = Math.trunc(Math.max(seconds, 100));
    return `${Math.floor(full / MINUTE)} min ${full % MINUTE} s`;
  }
  return inMinutes(seconds);
}

/** How long a session lasted, in seconds: `35 s`, `24 min`, `1 h 30 min`. */
export function lasted(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  if (seconds >= MINUTE) return inMinutes(seconds);
  return seconds > 0 && seconds < 1 ? "<1 s" : `${Math.max(0, Math.trunc(seconds))} s`;
}

function inMinutes(seconds) {
  if (seconds < DAY) {
    const minutes = Math.floor(seconds / MINUTE);
    const hours = Math.floor(minutes / 60);
    return hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
  }
  if (seconds < 99.95 * HOUR) return `${fixed(seconds / HOUR, 1)} h`;
  const days = seconds / DAY;
  return days < 99.95 ? `${fixed(days, 1)} d` : `${whole(days)} d`;
}

/** A part of 1 in percent: `4.6 %`. `0 %` is exactly none, and `100 %` exactly all. */
export function share(part) {
  if (part === null || part === undefined) return UNKNOWN;
  return part >= 0.995 && part < 1 ? ">99 %" : `${figure(100 * part)} %`;
}

/** How far a figure is from what it was: `▼ 15 %`, `same`, `new`; nothing if one is unknown. */
export function change(now, before) {
  if (areUnknown(now, before)) return "";
  if (now !== before && !before) return "new";
  return moved(before ? 100 * (now / before - 1) : 0, "%");
}

/** How far a share is from what it was, in percentage points: `▲ 0.3 pp`. */
export function changeInPoints(now, before) {
  return areUnknown(now, before) ? "" : moved(100 * (now - before), "pp");
}

/** As `change`, for a column: with plus or minus, in whole percent, and `+0 %`. */
export function signedChange(now, before) {
  if (areUnknown(now, before)) return "";
  if (!before) return now ? "new" : "+0 %";
  const percent = Number(fixed(100 * Math.min(now / before - 1, 1e6), 0));
  return `${percent < 0 ? MINUS : "+"}${whole(Math.abs(percent))} %`;
}

function areUnknown(...values) {
  return values.some((value) => value === null || value === undefined);
}

function moved(by, unit) {
  return by ? `${by > 0 ? "▲" : "▼"} ${figure(Math.abs(by))} ${unit}` : "same";
}

/** How long ago something was, in seconds: `now`, `4 min ago`, `5 h ago`, `25 d ago`. */
export function ago(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  if (seconds < MINUTE) return "now";
  if (seconds < 90 * MINUTE) return `${Math.floor(seconds / MINUTE)} min ago`;
  if (seconds < 47.5 * HOUR) return `${Math.floor(seconds / HOUR + 0.5)} h ago`;
  return `${whole(seconds / DAY)} d ago`;
}

/** A number of bytes: `61.4 kB`. */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return UNKNOWN;
  if (bytes < 1000) return `${bytes} bytes`;
  let unit = 0;
  for (; bytes >= 999.95; unit += 1) bytes /= 1000;
  return `${fixed(bytes, 1)} ${"kMGTPE"[unit - 1]}B`;
}

/** The median of some calls, unless there are too few of them. */
export function median({ calls, p50_ms: ms }) {
  return duration(calls >= FEWEST ? ms : null);
}

/** A percentile of some calls, marked if they are few. */
export function percentile({ calls }, ms) {
  return `${calls > 0 && calls < FEW ? "~" : ""}${duration(ms)}`;
}
