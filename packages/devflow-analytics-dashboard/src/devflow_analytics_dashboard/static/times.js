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
  const date = local(seconds);
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return withSeconds ? `${minutes}:${two(date.getSeconds())}` : minutes;
}

/** A day: `18 Nov`, or `Wed 18 Nov`; with its year if that is not the present one. */
export function day(seconds, withWeekday = false) {
  const date = local(seconds);
  const isThisYear = date.getFullYear() === local(present()).getFullYear();
  const year = isThisYear ? "" : ` ${date.getFullYear()}`;
  const weekday = withWeekday ? `${WEEKDAYS[date.getDay()]} ` : "";
  return `${weekday}${date.getDate()} ${MONTHS[date.getMonth()]}${year}`;
}

export function weekday(seconds) {
  const date = local(seconds);
  return `${WEEKDAYS[date.getDay()]} ${date.getDate()}`;
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
  const isOfDays = clock(since, true) === "00:00:00" && clock(until, true) === "00:00:00";
  const begin = Math.abs(since) > LARGEST ? "beginning" : isOfDays ? day(since) : moment(since);
  if (isOpen) return `${begin} – now`;
  if (!isOfDays) return `${begin} – ${moment(until)}`;
  const last = day(until - 1);
  return begin === last ? day(since, true) : `${begin} – ${last}`;
}

/** The local time as the API and the command take it: `2026-11-25T17:06`. */
export function written(date) {
  const days = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return date.getSeconds() ? `${days}T${time}:${two(date.getSeconds())}` : `${days}T${time}`;
}
