/** Ask the server. What has not changed since is not sent again. */

import { setNow } from "./times.js";

/** How many rows one answer has at most. */
export const MOST_ROWS = 1000;

const KEPT = 60; // answers
const answers = new Map();

/** An answer that is none: why, as the server says it. */
export class ApiError extends Error {
  /**
   * @param {string} message A sentence.
   * @param {string} kind What is wrong: a word of the API, or "gone" if there is no answer.
   */
  constructor(message, kind) {
    super(message);
    this.kind = kind;
  }
}

/** Take the key from the address, where the command puts it, and keep it. */
export function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!given) return false;
  localStorage.setItem("key", given);
  history.replaceState(history.state, "", location.pathname + location.search);
  return true;
}

export const hasKey = () => Boolean(localStorage.getItem("key"));

/**
 * Ask for /api/path.
 *
 * @param {string} path
 * @param {URLSearchParams} [query]
 * @param {AbortSignal} [signal]
 * @param {{isKept?: boolean}} [options] Whether the answer is kept, to be asked for again.
 * @returns {Promise<any>} The answer.
 * @throws {ApiError} There is none.
 */
export async function ask(path, query, signal, { isKept = true } = {}) {
  const text = query?.toString();
  const url = `/api/${path}${text ? `?${text}` : ""}`;
  const known = answers.get(url);
  const headers = { Authorization: `Bearer ${localStorage.getItem("key") ?? ""}` };
  if (known) headers["If-None-Match"] = known.tag;
  const response = await send(url, { headers, signal, cache: "no-store" });
  if (response.status === 304) {
    keep(url, known);
    return known.answer;
  }
  const answer = await response.json().catch(() => null);
  if (signal?.aborted) throw signal.reason.name === "AbortError" ? signal.reason : gone();
  if (!response.ok || answer === null) {
    throw new ApiError(answer?.error ?? `The server answered ${response.status}.`, answer?.kind);
  }
  const now = answer.now ?? answer.period?.now;
  if (now) setNow(now);
  const tag = response.headers.get("ETag");
  if (tag && isKept) keep(url, { tag, answer });
  return answer;
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw gone();
  }
}

function gone() {
  return new ApiError("The server does not answer.", "gone");
}

function keep(url, entry) {
  answers.delete(url);
  answers.set(url, entry);
  if (answers.size > KEPT) answers.delete(answers.keys().next().value);
}
