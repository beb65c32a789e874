/** Make nodes, and bring the page in line with new ones. Text is always text, never markup. */

const SVG = "http://www.w3.org/2000/svg";
const KEPT = new Set(["style", "open"]); // style is copied apart, open is the reader's choice
const handlersOf = new WeakMap();

export const $ = (id) => document.getElementById(id);

/** Make an HTML element. Attributes named on… are listeners; those that are null are left out. */
export function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes ?? {}, children);
}

/** Make an SVG element. */
export function s(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes ?? {}, children);
}

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) listen(node, name.slice(2), value);
    else if (name === "style") Object.assign(node.style, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...withoutEmpty(children));
  return node;
}

function withoutEmpty(children) {
  const isEmpty = (child) => child === null || child === undefined || child === false;
  return children.flat(Infinity).filter((child) => !isEmpty(child));
}

/** Let a handler be the only one of its type of event for a node. */
function listen(node, type, handler) {
  let handlers = handlersOf.get(node);
  if (!handlers) {
    handlers = new Map();
    handlersOf.set(node, handlers);
  }
  if (!handlers.has(type)) node.addEventListener(type, (event) => handlers.get(type)?.(event));
  handlers.set(type, handler);
}

/**
 * Let a node have these children. Nodes that are alike stay, and with them the focus, the
 * selection, what is scrolled and what is open. Nodes with a data-key stay though their place changes.
 */
export function update(parent, ...children) {
  const focused = document.activeElement;
  merge(parent, withoutEmpty(children).map(asNode));
  const wasLost = focused !== document.activeElement && focused?.isConnected;
  if (wasLost) focused.focus({ preventScroll: true });
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

function keyOf(node) {
  return node.dataset?.key;
}

function merge(parent, wanted) {
  const keys = new Set(wanted.map(keyOf));
  const old = new Map();
  for (const child of [...parent.children]) {
    const key = keyOf(child);
    if (key === undefined) continue;
    if (keys.has(key)) old.set(key, child);
    else child.remove();
  }
  let at = parent.firstChild;
  for (const fresh of wanted) {
    const key = keyOf(fresh);
    const same = key === undefined ? at : old.get(key);
    if (!same || !areAlike(same, fresh)) {
      parent.insertBefore(fresh, at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else parent.insertBefore(same, at);
    adopt(same, fresh);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function areAlike(one, other) {
  return one.nodeName === other.nodeName && keyOf(one) === keyOf(other) && one.id === other.id;
}

function adopt(node, fresh) {
  if (node.nodeType === Node.TEXT_NODE) {
    if (node.data !== fresh.data) node.data = fresh.data;
    return;
  }
  adoptAttributes(node, fresh);
  const handlers = handlersOf.get(fresh) ?? new Map();
  for (const type of handlersOf.get(node)?.keys() ?? []) listen(node, type, handlers.get(type));
  for (const [type, handler] of handlers) listen(node, type, handler);
  merge(node, [...fresh.childNodes]);
}

function adoptAttributes(node, fresh) {
  for (const name of node.getAttributeNames()) {
    if (!KEPT.has(name) && !fresh.hasAttribute(name)) node.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (!KEPT.has(name) && node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  const isStyled = node.hasAttribute("style") || fresh.hasAttribute("style");
  if (isStyled) node.style.cssText = fresh.style.cssText;
}

/** Have a screen reader say something. */
export function say(text) {
  $("say").textContent = text;
}

let fading;

/** Show a short message for some seconds. */
export function toast(text) {
  $("toast").textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => ($("toast").textContent = ""), 4000);
}
