/** Times in the browser's zone, and what time it is by the server's clock. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const LARGEST = 8.64e12; // in seconds; JavaScript has no later time

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

let told = { now: Date.now() / 1000, at: performance.now() };

/** Take over what the server says the time is. */
export function setNow(now) {
  told = { now, at: performance.now() };
}

/** The present in Unix seconds, by the server's clock. */
export function present() {
  return told.now + (performance.now() - told.at) / 1000;
}

const two = (number) => String(number).padStart(2, "0");

export function local(seconds) {
  return new Date(seconds * 1000);
}

/** The time of day: `17:06`, or `17:06:10`. */
export function clock(seconds, withSeconds = false) {
  const time = local(seconds);
  const minutes = `${two(time.getHours())}:${two(time.getMinutes())}`;
  return withSeconds ? `${minutes}:${two(time.getSeconds())}` : minutes;
}

/** A day: `18 Nov`, or `Wed 18 Nov`; with its year if that is not the present one. */
export function day(seconds, withWeekday = false) {
  const time = local(seconds);
  const isThisYear = time.getFullYear() === local(present()).getFullYear();
  const year = isThisYear ? "" : ` ${time.getFullYear()}`;
  const name = withWeekday ? `${WEEKDAYS[time.getDay()]} ` : "";
  return `${name}${time.getDate()} ${MONTHS[time.getMonth()]}${year}`;
}

/** A month: `Nov 2026`. */
export function month(seconds) {
  const time = local(seconds);
  return `${MONTHS[time.getMonth()]} ${time.getFullYear()}`;
}

export function weekday(seconds) {
  const time = local(seconds);
  return `${WEEKDAYS[time.getDay()]} ${time.getDate()}`;
}

/** A time: `25 Nov 17:06`. */
export function moment(seconds, withSeconds = false) {
  if (Math.abs(seconds) > LARGEST) return String(seconds);
  return `${day(seconds)} ${clock(seconds, withSeconds)}`;
}

/** A time without its day if that is today. */
export function shortMoment(seconds, withSeconds = false) {
  if (Math.abs(seconds) > LARGEST) return String(seconds);
  const isToday = local(seconds).toDateString() === local(present()).toDateString();
  return isToday ? clock(seconds, withSeconds) : moment(seconds, withSeconds);
}

/** A range: `18 Nov 17:06 – now`, or by whole days: `18 Nov – 24 Nov`. */
export function range({ since, until, is_open: isOpen }) {
  const isOfDays = isMidnight(local(since)) && isMidnight(local(until));
  const begin = Math.abs(since) > LARGEST ? "beginning" : isOfDays ? day(since) : moment(since);
  if (isOpen) return `${begin} – now`;
  if (!isOfDays) return `${begin} – ${moment(until)}`;
  const last = day(until - 1);
  return begin === last ? day(since, true) : `${begin} – ${last}`;
}

/**
 * A period as the API and the command take it: by days if it is of whole ones, the last of which is
 * included, else by times.
 *
 * @param {Date} since
 * @param {Date} [until] Without it the period goes on until now.
 */
export function written(since, until) {
  if (!isMidnight(since) || (until && !isMidnight(until))) {
    return { since: withTime(since), until: until ? withTime(until) : "" };
  }
  return { since: date(since), until: until ? date(new Date(until - 1)) : "" };
}

export function isMidnight(time) {
  return time.getHours() + time.getMinutes() + time.getSeconds() === 0;
}

/** Midnight before a time, or so many days later. */
export function midnight(seconds, later = 0) {
  const time = local(seconds);
  time.setHours(0, 0, 0, 0);
  time.setDate(time.getDate() + later);
  return time;
}

function date(time) {
  return [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
}

function withTime(time) {
  const seconds = time.getSeconds() ? `:${two(time.getSeconds())}` : "";
  return `${date(time)}T${two(time.getHours())}:${two(time.getMinutes())}${seconds}`;
}
